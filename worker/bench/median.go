package bench

import (
	"cmp"
	"slices"
	"time"
)

// median of an even number is the lower of the two in the middle: a value that was measured.
func median[T cmp.Ordered](values []T) T {
	var none T
	if len(values) == 0 {
		return none
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}

// percentile is the least of the times that p in a hundred do not pass.
func percentile(times []time.Duration, p int) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

// medians of a figure of each round.
func medians[R any, T cmp.Ordered](rounds []R, figure func(R) T) T {
	values := make([]T, 0, len(rounds))
	for _, r := range rounds {
		values = append(values, figure(r))
	}
	return median(values)
}

// steps has the median of each step.
func steps[R any](rounds []R, of func(R) map[string]time.Duration) map[string]time.Duration {
	all := map[string][]time.Duration{}
	for _, r := range rounds {
		for name, d := range of(r) {
			all[name] = append(all[name], d)
		}
	}
	if len(all) == 0 {
		return nil
	}
	found := map[string]time.Duration{}
	for name, values := range all {
		found[name] = median(values)
	}
	return found
}
