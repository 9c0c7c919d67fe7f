package torture_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/linkworker/linkworker/worker/testenv"
	"github.com/linkworker/linkworker/worker/torture"
)

const (
	repository = "../.."
	deploy     = repository + "/deploy/cluster"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// The promise holds on a cluster: leaders and primaries are killed, a server is cut off from the others, servers are restarted
// one after the other, workers come, leave and are killed, all under load.
func TestPromiseOnCluster(t *testing.T) {
	for _, trial := range []struct {
		redis                     testenv.Replication
		seed                      string
		natsOutages, redisOutages []string
	}{
		{testenv.Sentinels, "1", []string{"nats-rolling", "nats-partition"}, []string{"redis-failover"}},
		{testenv.Shards, "2", []string{"nats-leader", "nats-cut LINKS"}, []string{"redis-failover", "redis-loss"}},
	} {
		t.Run("Redis with "+string(trial.redis), func(t *testing.T) {
			cluster := testenv.StartCluster(t, deploy, trial.redis)
			args := []string{
				"torture", "--given", "--nats-url", cluster.NATSURL, "--redis-url", cluster.RedisURL, "--nats-replicas", "3",
				"--seed", trial.seed, "--events", "240", "--every", "24", "--faults", "nats,redis,leave,kill", "-o", "json", "--logs", t.TempDir(),
			}
			outages := slices.Concat(prefixed("--nats-outage", trial.natsOutages), prefixed("--redis-outage", trial.redisOutages))
			report := try(t, cluster.Environ, append(args, outages...))
			for _, i := range report.Invariants {
				if i.Checked == 0 || i.Broken != 0 {
					t.Errorf("%s: checked %d, broken %d: %+v", i.Name, i.Checked, i.Broken, i.Examples)
				}
			}
			for _, outage := range slices.Concat(trial.natsOutages, trial.redisOutages) {
				done := func(s torture.Struck) bool { return strings.Contains(s.What, "strike "+outage+",") }
				if !slices.ContainsFunc(report.Strikes, done) {
					t.Errorf("%s was not done", outage)
				}
			}
			for _, fault := range []torture.Fault{torture.Leave, torture.Kill} {
				if report.Faults[fault] == 0 {
					t.Errorf("no fault %s was done", fault)
				}
			}
			for _, s := range report.Strikes {
				t.Logf("%v  %s", s.Ended.Sub(s.Begun), s.What)
			}
		})
	}
}

func prefixed(flag string, outages []string) (args []string) {
	for _, outage := range outages {
		args = append(args, flag, deploy+"/strike "+outage)
	}
	return args
}

// try builds the program, as users have it, and runs it.
func try(t *testing.T, environ, args []string) *torture.Report {
	t.Helper()
	program := filepath.Join(t.TempDir(), "linkworker")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", program, repository+"/cmd/linkworker")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), environ...)
	stderr := new(strings.Builder)
	cmd.Stderr = stderr
	out, err := cmd.Output()
	report := new(torture.Report)
	if err := json.Unmarshal(out, report); err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	if err != nil {
		t.Errorf("%v: %s", err, stderr)
	}
	return report
}
