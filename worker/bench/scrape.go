package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/linkworker/linkworker/worker/rig"
)

// reading is what a contender says of itself at a moment.
type reading struct {
	bytes, allocs float64 // allocated so far
	steps         map[string]step
}

// step is how often a step was done so far, and how long that took in all.
type step struct {
	count   float64
	seconds float64
}

// read scrapes a contender's metrics; nothing of one that has none.
func read(ctx context.Context, c *rig.Process) (*reading, error) {
	r := &reading{steps: map[string]step{}}
	if c.URL() == "" {
		return r, nil
	}
	resp, err := get(ctx, c.URL()+"/metrics")
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("metrics of %s: %w", c.Name, err)
	}
	r.bytes = total(families["go_memstats_alloc_bytes_total"])
	r.allocs = total(families["go_memstats_mallocs_total"])
	for _, m := range families["linkworker_step_seconds"].GetMetric() {
		for _, label := range m.GetLabel() {
			r.steps[label.GetValue()] = step{float64(m.GetHistogram().GetSampleCount()), m.GetHistogram().GetSampleSum()}
		}
	}
	return r, nil
}

func total(f *dto.MetricFamily) (sum float64) {
	for _, m := range f.GetMetric() {
		sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	return sum
}

// means are the mean times of the steps since an earlier reading.
func (r *reading) means(since *reading) map[string]time.Duration {
	if len(r.steps) == 0 {
		return nil
	}
	means := map[string]time.Duration{}
	for name, s := range r.steps {
		if count := s.count - since.steps[name].count; count > 0 {
			means[name] = time.Duration((s.seconds - since.steps[name].seconds) / count * float64(time.Second))
		}
	}
	return means
}

// asked is what the vendor was asked for so far.
func asked(ctx context.Context, vendor *rig.Process) (c VendorCount, err error) {
	resp, err := get(ctx, vendor.URL()+"/count")
	if err != nil {
		return c, err
	}
	defer func() { _ = resp.Body.Close() }()
	return c, json.NewDecoder(resp.Body).Decode(&c)
}

func get(ctx context.Context, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return resp, nil
}
