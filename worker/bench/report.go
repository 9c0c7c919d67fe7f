package bench

import (
	"runtime"
	"time"

	"github.com/linkworker/linkworker/worker/rig"
)

// Report is what was measured. It is kept from release to release as JSON, so its fields keep their meaning.
type Report struct {
	Version    string       `json:"version"` // of the program
	Time       time.Time    `json:"time"`
	Machine    Machine      `json:"machine"`
	Servers    rig.Kind     `json:"servers"`
	Settings   Settings     `json:"settings"`
	Throughput []Throughput `json:"throughput,omitzero"`
	Latency    *Latency     `json:"latency,omitzero"`
	Sessions   *Sessions    `json:"sessions,omitzero"`
	Replicas   *Replicas    `json:"replicas,omitzero"`
	Duplicates []Duplicates `json:"duplicates,omitzero"`
	Memory     *Memory      `json:"memory,omitzero"`
	Growth     *Growth      `json:"growth,omitzero"`
}

// Machine is what was measured on.
type Machine struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
	CPUs int    `json:"cpus"`
	Go   string `json:"go"`
}

func thisMachine() Machine {
	return Machine{runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()}
}

// Throughput is how fast a backlog is worked off at a vendor of one latency.
type Throughput struct {
	VendorLatency time.Duration `json:"vendorLatencyNanoseconds"`
	// Limit is what the calls at once allow, by Little's law; zero at an instant vendor.
	Limit      float64    `json:"limitPerSecond,omitzero"`
	Contenders []Standing `json:"contenders"`
}

// Standing is one contender's throughput.
type Standing struct {
	Name   string  `json:"name"`
	Median Drain   `json:"median"` // of each figure by itself
	Rounds []Drain `json:"rounds"`
	// To the roofline's or, in a series, to the first's: each the median of the ratios within the rounds; zero where there
	// is nothing to compare with.
	Ratio    float64 `json:"ratioPerSecond,omitzero"`
	CPURatio float64 `json:"ratioCPU,omitzero"`
}

// Latency is how long a link takes at a steady rate.
type Latency struct {
	VendorLatency time.Duration `json:"vendorLatencyNanoseconds"`
	PerSecond     float64       `json:"perSecond"`
	Contenders    []Walker      `json:"contenders"`
}

// Walker is one contender's latency.
type Walker struct {
	Name   string `json:"name"`
	Median Pace   `json:"median"`
	Rounds []Pace `json:"rounds"`
}

func (s *Standing) sum() {
	r := s.Rounds
	s.Median = Drain{
		Events:     medians(r, func(d Drain) int { return d.Events }),
		PerSecond:  medians(r, func(d Drain) float64 { return d.PerSecond }),
		CPU:        medians(r, func(d Drain) float64 { return d.CPU }),
		NATSCPU:    medians(r, func(d Drain) float64 { return d.NATSCPU }),
		RedisCPU:   medians(r, func(d Drain) float64 { return d.RedisCPU }),
		PeakMemory: medians(r, func(d Drain) int64 { return d.PeakMemory }),
		AllocBytes: medians(r, func(d Drain) float64 { return d.AllocBytes }),
		Allocs:     medians(r, func(d Drain) float64 { return d.Allocs }),
		FirstLink:  medians(r, func(d Drain) time.Duration { return d.FirstLink }),
		Steps:      steps(r, func(d Drain) map[string]time.Duration { return d.Steps }),
	}
}

// compare sets a contender beside another, round by round.
func (s *Standing) compare(other []Drain) {
	var speed, cpu []float64
	for i := range min(len(other), len(s.Rounds)) {
		speed = append(speed, s.Rounds[i].PerSecond/other[i].PerSecond)
		if other[i].CPU > 0 {
			cpu = append(cpu, s.Rounds[i].CPU/other[i].CPU)
		}
	}
	s.Ratio, s.CPURatio = median(speed), median(cpu)
}

func (t *Throughput) sum() {
	var roofline []Drain
	for i := range t.Contenders {
		t.Contenders[i].sum()
		if t.Contenders[i].Name == NameRoofline {
			roofline = t.Contenders[i].Rounds
		}
	}
	for i := range t.Contenders {
		if roofline != nil {
			t.Contenders[i].compare(roofline)
		}
	}
}

func (l *Latency) sum() {
	for i := range l.Contenders {
		l.Contenders[i].Median = medianPace(l.Contenders[i].Rounds)
	}
}

func medianPace(r []Pace) Pace {
	return Pace{
		Events: medians(r, func(p Pace) int { return p.Events }),
		P50:    medians(r, func(p Pace) time.Duration { return p.P50 }),
		P90:    medians(r, func(p Pace) time.Duration { return p.P90 }),
		P99:    medians(r, func(p Pace) time.Duration { return p.P99 }),
		Steps:  steps(r, func(p Pace) map[string]time.Duration { return p.Steps }),
	}
}
