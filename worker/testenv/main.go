package testenv

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

// reportVariable names the file for the report.
const reportVariable = "LINKWORKER_TEST_REPORT"

// TestingM is what [testing.M] does.
type TestingM interface{ Run() int }

// Main is the TestMain of a package whose tests use [Each]: it runs the tests,
// removes the containers, says on standard error which servers the tests ran on,
// fails where goroutines are left, and exits.
func Main(m TestingM, leaks ...goleak.Option) { goleak.VerifyTestMain(Wrap(m), leaks...) }

// Wrap returns m with the removal of the containers and the report, for a
// TestMain that has more to do than [Main].
func Wrap(m TestingM) TestingM { return runner{m} }

type runner struct{ TestingM }

// Run runs the tests; 0 is good.
func (r runner) Run() int {
	redis.SetLogger(silence{}) // it complains of each outage that a test makes
	besideEachOther()
	code := r.TestingM.Run()
	if sharedPair != nil {
		if err := sharedPair.terminate(); err != nil {
			complain(fmt.Errorf("remove the containers: %w", err))
			code = max(code, 1)
		}
	}
	if ranEmbedded.Load() == 0 && ranContainers.Load() == 0 && askedClusters.Load() == 0 {
		return code
	}
	if err := report(); err != nil {
		complain(err)
		code = max(code, 1)
	}
	return code
}

// parallel is how many tests run beside each other unless -parallel says: most of what they do is wait.
const parallel = "16"

// besideEachOther raises the number of parallel tests from its default, which is the number of processors.
func besideEachOther() {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", parallel) // there is no such flag outside of tests
	}
}

type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

func complain(err error) { fmt.Fprintln(os.Stderr, "testenv:", err) }

// report says which servers the tests ran on: on standard error and, where it
// is asked for, in a file.
func report() error {
	remark := natsImage + " " + redisImage
	switch {
	case errShared != nil:
		remark = "left out: " + oneLine(errShared.Error())
	case os.Getenv(switchVariable) == switchOff:
		remark = "left out: " + switchVariable + "=" + switchOff
	}
	embedded, containers := ranEmbedded.Load(), ranContainers.Load()
	fmt.Fprintf(os.Stderr, "testenv: %d tests on embedded servers, %d on containers (%s)\n", embedded, containers, remark)

	clusters := reportOfClusters()
	path := os.Getenv(reportVariable)
	if path == "" {
		return nil
	}
	// One write: several packages' tests append at the same time.
	lines := fmt.Sprintf("%[1]s\t%[2]s\t%[3]d\t\n%[1]s\t%[4]s\t%[5]d\t%[6]s\n",
		packagePath(), Embedded, embedded, Containers, containers, remark) + clusters
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644) // #nosec G302 G304 G703 -- a report of test runs, where the one who runs them wants it
	if err != nil {
		return fmt.Errorf("%s: %w", reportVariable, err)
	}
	_, err = file.WriteString(lines)
	return errors.Join(err, file.Close())
}

// reportOfClusters says how many tests ran on clusters, where any was to, and
// returns the line about them.
func reportOfClusters() (line string) {
	if askedClusters.Load() == 0 {
		return ""
	}
	remark := ""
	if why := errClusters.Load(); why != nil {
		remark = "left out: " + *why
	}
	fmt.Fprintf(os.Stderr, "testenv: %d tests on clusters %s\n", ranClusters.Load(), remark)
	return fmt.Sprintf("%s\tclusters\t%d\t%s\n", packagePath(), ranClusters.Load(), remark)
}

// packagePath is the import path of the package under test.
func packagePath() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Path != "" {
		return strings.TrimSuffix(info.Path, ".test")
	}
	return os.Args[0]
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
