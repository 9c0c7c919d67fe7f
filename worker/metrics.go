package worker

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linkworker/linkworker/conomy"
)

// Metrics counts what the worker does. No label holds anything that comes from an event.
type Metrics struct {
	outcomes  *prometheus.CounterVec
	givenBack *prometheus.CounterVec
	lost      *prometheus.CounterVec
	inWork    prometheus.Gauge
	paused    *prometheus.GaugeVec
	holds     prometheus.Counter
	calls     *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	laps      *stopwatch
}

// NewMetrics registers the worker's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linkworker_outcomes_total",
			Help: "Events whose end this process has noted in Redis, by subject, outcome (published, dead) and, of dead ones, reason. " +
				"Each is counted once, by one process; never where that is killed before it is scraped, and again where Redis forgets. " +
				"Deliveries that end as duplicate of another event are counted each time.",
		}, []string{"subject", "outcome", "reason"}),
		givenBack: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linkworker_given_back_total",
			Help: "Deliveries given back to their stream with a delay: the event has not ended.",
		}, []string{"subject"}),
		lost: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linkworker_claims_lost_total",
			Help: "Deliveries whose claim another delivery took over, or Redis forgot.",
		}, []string{"subject"}),
		inWork: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "linkworker_in_work", Help: "Events in work in this process, sleeping ones included.",
		}),
		paused: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "linkworker_paused", Help: "1 while consumption is paused for the reason.",
		}, []string{"reason"}),
		holds: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "linkworker_vendor_holds_total", Help: "Answers of the vendor that made all calls wait.",
		}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linkworker_vendor_calls_total",
			Help: "Calls to the vendor by endpoint and HTTP status; status none: no answer.",
		}, []string{"endpoint", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "linkworker_vendor_call_seconds", Help: "How long calls to the vendor took.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30},
		}, []string{"endpoint"}),
	}
	m.laps = newStopwatch(reg)
	reg.MustRegister(m.outcomes, m.givenBack, m.lost, m.inWork, m.paused, m.holds, m.calls, m.seconds)
	for _, p := range pauses {
		m.paused.WithLabelValues(string(p)).Set(0)
	}
	return m
}

// ObserveCall counts a call to the vendor; it is for [conomy.Config].Observe.
func (m *Metrics) ObserveCall(c conomy.Call) {
	status := "none"
	if c.Status != 0 {
		status = strconv.Itoa(c.Status)
	}
	m.calls.WithLabelValues(c.Endpoint, status).Inc()
	m.seconds.WithLabelValues(c.Endpoint).Observe(c.Duration.Seconds())
}

func (m *Metrics) outcome(subject, outcome, reason string) {
	m.outcomes.WithLabelValues(subject, outcome, reason).Inc()
}
