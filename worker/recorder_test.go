package worker

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/linkworker/linkworker/worker/claim"
)

// recorder writes down, in order, which steps an event passes and what its worker asks of others meanwhile, seen at the
// connections: it knows nothing of the code in between.
type recorder struct {
	stage  *stage
	shas   map[string]string // of scripts that are no step of an event's way, or are beside it
	mu     sync.Mutex
	on     bool
	record []entry
}

type entry struct {
	kind kind
	what string
}

func (e entry) String() string {
	if e.kind == reachedStep {
		return "(" + e.what + ")"
	}
	return e.what
}

type kind int

const (
	reachedStep kind = iota
	changes          // a request that changes something
	reads            // one that does not
	beside           // one that is made beside another
)

func newRecorder(s *stage) *recorder {
	r := &recorder{stage: s, shas: map[string]string{}}
	r.learnScripts()
	s.connect = func() *nats.Conn {
		conn, err := nats.Connect(s.env.NATSURL, nats.MaxReconnects(-1), nats.SetCustomDialer(tappingDialer{r}))
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(conn.Close)
		return conn
	}
	s.transport, s.rec = tappingTransport{r}, r
	return r
}

// learnScripts finds out which script renews a lease, which happens by the clock, and which notes a call, which is done
// beside the call.
func (r *recorder) learnScripts() {
	s := r.stage
	client := s.env.Redis(s.t)
	var last string
	client.AddHook(redisTap(func(cmd redis.Cmder) {
		if cmd.Name() == "evalsha" {
			last = fmt.Sprint(cmd.Args()[1])
		}
	}))
	store := claim.New(client, s.settings.RedisPrefix+"-scripts", s.settings.DedupTTL, s.settings.ClaimTTL)
	taken, err := store.Take(s.t.Context(), claim.Request{Token: "t", Event: "e"})
	s.must(err)
	s.must(taken.Claim.Renew(s.t.Context()))
	r.shas[last] = "renew"
	s.must(taken.Claim.Begin(s.t.Context()))
	r.shas[last] = "begin"
}

// listen makes a worker's Redis client and its steps known to the recorder.
func (r *recorder) listen(w *running) {
	w.rdb.AddHook(redisTap(r.redis))
}

func (r *recorder) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on, r.record = true, nil
}

func (r *recorder) end() []entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on = false
	return r.record
}

func (r *recorder) add(k kind, what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.on {
		r.record = append(r.record, entry{k, what})
	}
}

func (r *recorder) redis(cmd redis.Cmder) {
	if cmd.Name() != "evalsha" { // a probe; or a script whose name was not known and was noted
		return
	}
	sha := fmt.Sprint(cmd.Args()[1])
	switch r.shas[sha] {
	case "renew":
	case "begin":
		r.add(beside, "redis:begin")
	default:
		r.add(changes, "redis:"+sha[:6])
	}
}

// redisTap is told of each command before it is sent.
type redisTap func(redis.Cmder)

func (f redisTap) DialHook(next redis.DialHook) redis.DialHook { return next }

func (f redisTap) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		f(cmd)
		return next(ctx, cmd)
	}
}

func (f redisTap) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			f(cmd)
		}
		return next(ctx, cmds)
	}
}

type tappingTransport struct{ *recorder }

func (t tappingTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	switch {
	case strings.HasSuffix(req.URL.Path, "/auth"): // of no event
	case req.URL.Query().Get("limit") == "1": // of no event: a look-up asks for more
		t.add(beside, "vendor:probe")
	case req.Method == http.MethodGet:
		t.add(reads, "vendor:GET")
	default:
		t.add(changes, "vendor:POST")
	}
	return http.DefaultTransport.RoundTrip(req)
}

type tappingDialer struct{ *recorder }

func (d tappingDialer) Dial(network, address string) (net.Conn, error) {
	conn, err := net.Dial(network, address)
	return tappedConn{conn, d.recorder}, err
}

type tappedConn struct {
	net.Conn
	*recorder
}

// published is a message that goes out: its subject, and how its body begins.
var published = regexp.MustCompile(`(?m)^H?PUB (\S+) .*\r\n(\+WPI)?`)

func (c tappedConn) Write(data []byte) (int, error) {
	for _, m := range published.FindAllStringSubmatch(string(data), -1) {
		subject, progress := m[1], m[2] != ""
		switch {
		case progress, strings.HasPrefix(subject, "$JS.API.CONSUMER.MSG.NEXT."): // by the clock
		case strings.HasPrefix(subject, "$JS.ACK."):
			c.add(changes, "nats:ack")
		case strings.HasPrefix(subject, "$JS.API."):
			c.add(reads, "nats:read")
		default:
			c.add(changes, "nats:"+subject)
		}
	}
	return c.Conn.Write(data)
}

// tooLargeAnswer is the server's answer to a publication that is larger than its stream takes.
var tooLargeAnswer = regexp.MustCompile(`"err_code":10054\b`)

// Read forgets what a stream refuses: it is as if nobody had asked.
func (c tappedConn) Read(data []byte) (n int, err error) {
	n, err = c.Conn.Read(data)
	for range tooLargeAnswer.FindAll(data[:n], -1) {
		c.refused()
	}
	return n, err
}

func (r *recorder) refused() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last := len(r.record) - 1; last >= 0 && r.record[last].kind == changes {
		r.record = r.record[:last]
	}
}

// unannounced finds two requests without a step between them. What is read and only read may follow each other.
func unannounced(way []entry) (found []string) {
	var last *entry
	for i := range way {
		e := &way[i]
		switch {
		case e.kind == reachedStep:
			last = nil
		case e.kind == beside, last == nil, last.kind == reads && e.kind == reads:
		default:
			found = append(found, last.what+", "+e.what)
		}
		if e.kind != reachedStep && e.kind != beside {
			last = e
		}
	}
	return found
}

func TestRecorderSeesWhatIsNotAnnounced(t *testing.T) {
	good := []entry{{reachedStep, "a"}, {reads, "1"}, {reads, "2"}, {reachedStep, "b"}, {changes, "3"}, {beside, "4"}, {reachedStep, "c"}, {changes, "5"}}
	if found := unannounced(good); len(found) > 0 {
		t.Error(found)
	}
	for _, bad := range [][]entry{
		{{changes, "1"}, {changes, "2"}}, {{reads, "1"}, {changes, "2"}}, {{changes, "1"}, {beside, "2"}, {reads, "3"}},
	} {
		if n := len(unannounced(bad)); n != 1 {
			t.Errorf("%v: %d", bad, n)
		}
	}
}
