package worker

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// lap is a part of an event's way whose time is measured.
type lap int

const (
	lapDecode  lap = iota
	lapClaim       // Redis
	lapSlot        // waiting for a call slot, the vendor's holds and a shared rate included
	lapNote        // Redis: that a call begins
	lapCall        // the vendor
	lapRecord      // Redis
	lapPublish     // the stream
	lapMark        // Redis
	lapAck         // handing the acknowledgement to the connection
	laps
)

var lapNames = [laps]string{"decode", "claim", "slot", "note", "call", "record", "publish", "mark", "ack"}

// stopwatch measures laps for each step.
type stopwatch [laps]prometheus.Observer

func newStopwatch(reg prometheus.Registerer) *stopwatch {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "linkworker_step_seconds",
		Help: "How long the steps of an event's way took, each time that one came to its end. Rests between tries are in none.",
		Buckets: []float64{
			.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15,
		},
	}, []string{"step"})
	reg.MustRegister(seconds)
	s := new(stopwatch)
	for i, name := range lapNames {
		s[i] = seconds.WithLabelValues(name)
	}
	return s
}

// lap ends a step of the delivery and begins the next. Only the goroutine that works on the delivery calls it.
func (w *Worker) lap(d *delivery, step lap) {
	now := time.Now()
	w.metrics.laps[step].Observe(now.Sub(d.lapped).Seconds())
	d.lapped = now
}
