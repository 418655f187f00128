package webhook_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"upscaled/server/fetch"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
	"upscaled/server/webhook"
)

// patience limits what must come: it only keeps a test that hangs from taking
// all of go test's time.
const patience = 5 * time.Minute

// end is what became of a notice: done, or tried again after a pause.
type end struct {
	id    string
	done  bool
	after time.Duration
}

// desk hands out notices and notes their ends.
type desk struct {
	due   chan job.Delivery
	ended chan end
}

func newDesk() desk { return desk{make(chan job.Delivery, 20), make(chan end, 20)} }

func (d desk) NextDelivery(ctx context.Context) (job.Delivery, error) {
	select {
	case n := <-d.due:
		return n, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type notice struct {
	job   job.Job
	try   int
	ended chan<- end
}

func (n notice) Job() job.Job { return n.job }
func (n notice) Attempt() int { return n.try }
func (n notice) Done(context.Context) error {
	n.ended <- end{id: n.job.ID, done: true}
	return nil
}

func (n notice) Retry(_ context.Context, after time.Duration) error {
	n.ended <- end{id: n.job.ID, after: after}
	return nil
}

// send serves a delivery and returns its end.
func (d desk) send(t testing.TB, j job.Job, try int) end {
	t.Helper()
	d.due <- notice{j, try, d.ended}
	return d.wait(t)
}

func (d desk) wait(t testing.TB) end {
	t.Helper()
	select {
	case e := <-d.ended:
		return e
	case <-time.After(patience):
		t.Fatal("the notice has no end")
		return end{}
	}
}

// lines collects a log.
type lines struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.String()
}

func rules(server *httptest.Server) fetch.Options {
	o := fetch.Options{AllowedRanges: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
	if server.TLS != nil {
		pool := x509.NewCertPool()
		pool.AddCert(server.Certificate())
		o.TLS = &tls.Config{RootCAs: pool}
	}
	return o
}

func plain(j job.Job) (string, []byte, error) {
	return "application/json", []byte(`{"id":"` + j.ID + `","state":"` + string(j.State) + `"}`), nil
}

var now = time.Unix(1_800_000_000, 5).UTC()

// start runs a sender for the test's time.
func start(t testing.TB, notices job.Deliveries, r fetch.Options, log io.Writer, change func(*webhook.Options)) (stop func()) {
	t.Helper()
	o := webhook.Options{
		Deliveries: notices, Rules: r, Secret: []byte("a secret of the server"), AtOnce: 2, Timeout: patience,
		Bodies: map[string]webhook.Body{"native": plain}, Log: slog.New(slog.NewTextHandler(log, nil)),
		Now: func() time.Time { return now },
	}
	if change != nil {
		change(&o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := webhook.New(o).Run(ctx); err != nil {
			t.Error(err)
		}
	})
	stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(stop)
	return stop
}

func finished(url string) job.Job {
	return job.Job{State: job.Succeeded, Spec: job.Spec{ID: "up_1", API: "native", Webhook: &job.Webhook{URL: url}}}
}

func TestDelivery(t *testing.T) {
	t.Parallel()
	type call struct {
		method, path string
		header       http.Header
		body         string
	}
	calls := make(chan call, 2)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls <- call{r.Method, r.URL.String(), r.Header, string(body)}
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(server.Close)
	var log lines
	d := newDesk()
	stop := start(t, d, rules(server), &log, nil)
	j := finished(server.URL + "/hook?token=hush")
	begun := job.Job{State: job.Running, Spec: j.Spec}
	begun.Account = "me"
	for _, j := range []job.Job{j, begun} {
		if e := d.send(t, j, 1); !e.done {
			t.Fatalf("%+v; %s", e, &log)
		}
	}
	stop()
	for _, want := range []string{"ended", "started"} {
		c := <-calls
		id := "msg_up_1_" + want
		if c.method != http.MethodPost || c.path != "/hook?token=hush" || c.header.Get("Content-Type") != "application/json" ||
			c.header.Get("webhook-id") != id || c.header.Get("webhook-timestamp") != "1800000000" {
			t.Errorf("%+v", c)
		}
		secret, signatures := []byte("a secret of the server"), webhook.Sign([]byte("a secret of the server"), id, 1_800_000_000, []byte(c.body))
		if want == "started" { // an account checks calls by its own secret
			signatures += " " + webhook.Sign(webhook.SecretOf(secret, "me"), id, 1_800_000_000, []byte(c.body))
		}
		if got := c.header.Get("webhook-signature"); got != signatures {
			t.Errorf("signature %q of %s", got, c.body)
		}
	}
	if text := log.String(); strings.Count(text, "\n") != 2 || strings.Contains(text, "hush") || strings.Count(text, "webhook delivered") != 2 {
		t.Errorf("log:\n%s", text)
	}
}

// What is answered decides what becomes of the call; redirects lead nowhere.
func TestAnswers(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	t.Cleanup(elsewhere.Close)
	again := []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 45 * time.Minute}
	for _, c := range []struct {
		status, try int
		want        end
	}{
		{200, 1, end{done: true}}, {204, 3, end{done: true}}, {299, 6, end{done: true}}, {410, 1, end{done: true}},
		{301, 1, end{after: again[0]}}, {307, 2, end{after: again[1]}}, {400, 1, end{after: again[0]}}, {404, 3, end{after: again[2]}},
		{429, 4, end{after: again[3]}}, {500, 5, end{after: again[4]}}, {503, 6, end{done: true}}, {500, 99, end{done: true}}, {500, 0, end{after: again[0]}},
	} {
		t.Run(http.StatusText(c.status), func(t *testing.T) {
			t.Parallel()
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", elsewhere.URL)
				w.WriteHeader(c.status)
			}))
			t.Cleanup(server.Close)
			var log lines
			d := newDesk()
			outcomes := map[string]int{} // of a sender that makes one call
			stop := start(t, d, rules(server), &log, func(o *webhook.Options) { o.Ended = func(outcome string) { outcomes[outcome]++ } })
			c.want.id = "up_1"
			if e := d.send(t, finished(server.URL), c.try); e != c.want {
				t.Errorf("try %d: %+v, want %+v", c.try, e, c.want)
			}
			stop()
			if strings.Count(log.String(), "\n") != 1 {
				t.Errorf("log:\n%s", &log)
			}
			outcome := "retried"
			if c.want.done && c.status < 300 {
				outcome = "delivered"
			} else if c.want.done {
				outcome = "given_up"
			}
			if len(outcomes) != 1 || outcomes[outcome] != 1 {
				t.Errorf("counted as %v, not %s", outcomes, outcome)
			}
		})
	}
}

// Receivers that do not answer, or never end their answer, cost no more than
// their time.
func TestSlowReceivers(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not notice that the caller left
		switch r.URL.Path {
		case "/silent":
			select {
			case <-release:
			case <-r.Context().Done():
			}
		case "/endless":
			for chunk := make([]byte, 4096); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	d := newDesk()
	var log lines
	start(t, d, rules(server), &log, func(o *webhook.Options) { o.Timeout = 300 * time.Millisecond })
	if e := d.send(t, finished(server.URL+"/silent"), 1); e.done {
		t.Errorf("silence is taken for an answer: %s", &log)
	}
	d = newDesk()
	start(t, d, rules(server), &log, nil)
	if e := d.send(t, finished(server.URL+"/endless"), 1); !e.done {
		t.Errorf("an answer without end: %s", &log)
	}
}

// While one receiver is silent another is called.
func TestReceiversDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/silent" {
			arrived <- struct{}{}
			<-release
		}
	}))
	t.Cleanup(server.Close)
	answer := sync.OnceFunc(func() { close(release) })
	t.Cleanup(answer) // else the server cannot close
	d := newDesk()
	start(t, d, rules(server), io.Discard, nil)
	silent := finished(server.URL + "/silent")
	silent.ID = "up_0"
	d.due <- notice{silent, 1, d.ended}
	<-arrived
	if e := d.send(t, finished(server.URL), 1); e.id != "up_1" || !e.done {
		t.Errorf("%+v", e)
	}
	answer()
	if e := d.wait(t); e.id != "up_0" || !e.done {
		t.Errorf("%+v", e)
	}
}

// A sender that stops releases its call to another at once.
func TestStop(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(arrived)
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	d := newDesk()
	var log lines
	stop := start(t, d, rules(server), &log, nil)
	d.due <- notice{finished(server.URL), 6, d.ended}
	<-arrived
	stop()
	if e := d.wait(t); e.done || e.after != 0 || log.String() != "" {
		t.Errorf("%+v; %s", e, &log)
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	var mutex sync.Mutex
	calls := 0
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		mutex.Lock()
		defer mutex.Unlock()
		calls++
	}))
	t.Cleanup(server.Close)
	d := newDesk()
	start(t, d, rules(server), io.Discard, func(o *webhook.Options) {
		o.Bodies = map[string]webhook.Body{
			"silent": func(job.Job) (string, []byte, error) { return "", nil, nil },
			"broken": func(job.Job) (string, []byte, error) { return "", nil, errors.New("no link") },
			"panics": func(job.Job) (string, []byte, error) { panic("nil map") },
			"empty":  func(job.Job) (string, []byte, error) { return "text/plain", []byte{}, nil },
		}
	})
	for api, done := range map[string]bool{"silent": true, "broken": false, "panics": false, "unknown": true, "empty": true} {
		j := finished(server.URL)
		j.API = api
		if e := d.send(t, j, 1); e.done != done {
			t.Errorf("%s: %+v", api, e)
		}
	}
	j := finished(server.URL)
	j.Webhook = nil
	if e := d.send(t, j, 1); !e.done {
		t.Errorf("no webhook: %+v", e)
	}
	mutex.Lock()
	defer mutex.Unlock()
	if calls != 1 {
		t.Errorf("%d calls; only the empty body is to be sent", calls)
	}
}

// A queue's jobs are reported from their start to their end.
func TestWithQueue(t *testing.T) {
	t.Parallel()
	bodies := make(chan string, 2)
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- string(body)
	}))
	t.Cleanup(server.Close)
	q := &jobtest.Queue{}
	start(t, q, rules(server), io.Discard, func(o *webhook.Options) { o.AtOnce = 1 })
	spec := job.Spec{ID: "up_9", API: "native", Webhook: &job.Webhook{URL: server.URL, Started: true}}
	if _, err := q.Submit(t.Context(), spec, nil); err != nil {
		t.Fatal(err)
	}
	q.Start("up_9", 0)
	q.Finish("up_9", jobtest.Outcome{Result: &job.Result{}})
	for _, want := range []string{`{"id":"up_9","state":"running"}`, `{"id":"up_9","state":"succeeded"}`} {
		select {
		case got := <-bodies:
			if got != want {
				t.Errorf("%s, want %s", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("%s is not told", want)
		}
	}
}
