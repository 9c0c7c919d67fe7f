package torture

import (
	"reflect"
	"testing"
)

// faultsOf are those of a plan, in order.
func faultsOf(t *testing.T, settings Settings) (faults []Fault) {
	t.Helper()
	p, err := newPlan(&Options{Settings: settings}, "torture-test")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range p.rounds {
		if r.strike != nil {
			faults = append(faults, r.strike.fault)
		}
	}
	return faults
}

// What a short trial has time for differs from seed to seed; what holds the shortest gap open is in each.
func TestShortTrialsHoldThePublishingUp(t *testing.T) {
	for seed := range uint64(50) {
		faults := faultsOf(t, Settings{Seed: seed, Events: 25, Every: 8, Workers: 3, Faults: Faults})
		if len(faults) == 0 || faults[0] != Unavailable {
			t.Errorf("seed %d: %v", seed, faults)
		}
	}
}

func TestEveryFaultComesInTurn(t *testing.T) {
	settings := Settings{Seed: 7, Events: 600, Every: 8, Workers: 3, Faults: Faults}
	faults := faultsOf(t, settings)
	for turn := 0; len(faults) >= len(Faults); turn++ {
		seen := map[Fault]bool{}
		for _, fault := range faults[:len(Faults)] {
			seen[fault] = true
		}
		if len(seen) != len(Faults) {
			t.Errorf("turn %d has %v", turn, faults[:len(Faults)])
		}
		faults = faults[len(Faults):]
	}
	if again := faultsOf(t, settings); !reflect.DeepEqual(again, faultsOf(t, settings)) {
		t.Errorf("the same seed gives other faults: %v", again)
	}
	settings.Faults = []Fault{Kill, Stop}
	if faults := faultsOf(t, settings); len(faults) == 0 || faults[0] == Unavailable {
		t.Errorf("of kill and stop: %v", faults)
	}
}
