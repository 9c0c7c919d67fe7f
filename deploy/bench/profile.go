package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"strings"

	"github.com/google/pprof/profile"
)

// merge writes one profile of many for go build -pgo, without what tells of the machine on which they were made: the paths of
// programs and of source files, which nothing is decided by.
func merge(out string, in []string) error {
	var all []*profile.Profile
	for _, name := range in {
		one, err := read(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return errors.New("no profile is given")
	}
	p, err := profile.Merge(all)
	if err != nil {
		return err
	}
	p.TimeNanos, p.DurationNanos, p.Comments = 0, 0, nil
	for _, m := range p.Mapping {
		m.File, m.BuildID = "program", ""
	}
	for _, f := range p.Function {
		f.Filename = f.Filename[strings.LastIndexByte(f.Filename, '/')+1:]
	}
	file, err := os.Create(out) // #nosec G304 G703 -- the file that was named
	if err != nil {
		return err
	}
	return errors.Join(p.Write(file), file.Close())
}

func read(name string) (*profile.Profile, error) {
	file, err := os.Open(name) // #nosec G304 G703 -- the file that was named
	if err != nil {
		return nil, err
	}
	p, err := profile.Parse(file)
	return p, errors.Join(err, file.Close())
}

// profiled runs what is worth a profile of the processor's time, and writes it where CPUPROFILE says.
func profiled(run func() error) error {
	name := os.Getenv("CPUPROFILE")
	if name == "" {
		return run()
	}
	file, err := os.Create(name) // #nosec G304 G703 -- the file that was named
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return errors.Join(err, file.Close())
	}
	err = run()
	pprof.StopCPUProfile()
	return errors.Join(err, file.Close())
}
