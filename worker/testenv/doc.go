// Package testenv gives tests the servers that the worker stands on, and runs
// each test on two kinds of them: embedded ones, always, and the real NATS and
// Redis in containers where Docker is there.
//
//	func TestMain(m *testing.M) { testenv.Main(m) }
//
//	func TestClaim(t *testing.T) {
//		testenv.Each(t, func(t *testing.T, env *testenv.Env) {
//			js, client := env.JetStream(t), env.Redis(t)
//			...
//			env.StopRedis(t) // an outage
//			...
//			env.StartRedis(t) // same address, same data
//		})
//	}
//
// Every subtest begins with running servers, no streams and no keys. Embedded
// servers are its own; the containers are shared by the tests of a package and
// emptied between them, so tests that run beside each other take turns on them.
// Packages have containers of their own, at free ports.
//
// What the environment decides:
//
//	LINKWORKER_TEST_CONTAINERS  "require": without Docker tests fail, instead of being
//	                            skipped with a message; "off": no containers
//	LINKWORKER_TEST_REPORT      a file to which Main adds one line for each kind of
//	                            server: package, kind, number of tests run, and remarks
//
// and testcontainers' own
// (https://golang.testcontainers.org/features/configuration/). The containers
// end with the test binary even when that is killed: a small process of ours
// sees to it, and testcontainers' reaper is used only where it is asked for with
// TESTCONTAINERS_RYUK_DISABLED=false.
//
// Only tests import this package.
package testenv
