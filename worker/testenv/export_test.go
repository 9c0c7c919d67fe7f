package testenv

import "errors"

// PretendNoDocker makes this process one on a machine without Docker.
func PretendNoDocker() {
	sharedOnce.Do(func() { errShared = errors.New("no Docker: pretended") })
}

// ContainerIDs has the ids of the package's containers.
func ContainerIDs() []string {
	return []string{sharedPair.nats.inner.GetContainerID(), sharedPair.redis.inner.GetContainerID()}
}

var StartGuard = startGuard

func (g *guard) Add(id string)  { g.add(id) }
func (g *guard) End(clean bool) { g.end(clean) }
