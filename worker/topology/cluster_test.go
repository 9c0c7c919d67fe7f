package topology

import (
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// cluster starts three servers and returns when they can hold copies.
func cluster(t *testing.T) []*server.Server {
	t.Helper()
	var routes []string
	ports := make([]int, 3)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = l.Addr().(*net.TCPAddr).Port
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", ports[i]))
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	servers := make([]*server.Server, 3)
	for i, port := range ports {
		to := server.RoutesFromStr(routes[(i+1)%3] + "," + routes[(i+2)%3])
		servers[i] = run(t, server.Options{
			ServerName: fmt.Sprintf("n%d", i), JetStream: true, Routes: to,
			Cluster: server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: port},
		})
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		current := 0
		for _, s := range servers {
			if s.JetStreamIsCurrent() {
				current++
			}
		}
		if current == 3 && len(servers[0].JetStreamClusterPeers())+len(servers[1].JetStreamClusterPeers())+
			len(servers[2].JetStreamClusterPeers()) >= 3 {
			return servers
		}
		if time.Now().After(deadline) {
			t.Fatal("the cluster does not come up")
		}
	}
}

// In a cluster what has just been made is not seen everywhere at once.
func TestEnsureInACluster(t *testing.T) {
	if testing.Short() {
		t.Skip("three servers take some seconds")
	}
	servers := cluster(t)
	var group sync.WaitGroup
	for _, s := range servers {
		js := connect(t, s.ClientURL())
		group.Go(func() {
			if found, err := Ensure(t.Context(), js, Settings{Replicas: 3}); err != nil {
				t.Error(err)
			} else if len(found.Findings) > 0 {
				t.Errorf("findings %v", found.Findings)
			}
		})
	}
	group.Wait()
	js := connect(t, servers[0].ClientURL())
	for _, r := range roles {
		if c := streamConfig(t, js, string(r)); c.Replicas != 3 {
			t.Errorf("stream %s has %d copies", r, c.Replicas)
		}
	}
}
