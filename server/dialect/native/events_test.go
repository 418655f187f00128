package native_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/dialect/native"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// event is one of a stream's; name is "" for comments.
type event struct{ name, id, data string }

// memory is a network of one server. Tests on a clock of their own cannot use
// a real one: it would keep their clock from moving.
type memory chan net.Conn

func (m memory) Accept() (net.Conn, error) {
	if c, more := <-m; more {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (m memory) Addr() net.Addr { return &net.TCPAddr{} }
func (m memory) Close() error   { return nil } // closed by events

func (m memory) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	m <- server
	return client, nil
}

// events opens a stream on a connection. next waits for an event and reports
// false at the stream's end.
func events(t *testing.T, s *server, path string) (next func() (event, bool), leave func()) {
	t.Helper()
	network := make(memory)
	web := &http.Server{Handler: s.routes(), ReadTimeout: s.readTimeout}
	var serving sync.WaitGroup
	serving.Go(func() { _ = web.Serve(network) })
	transport := &http.Transport{DialContext: network.dial}
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://server"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		response.Body.Close()
		transport.CloseIdleConnections()
		close(network)
		if err := web.Shutdown(context.Background()); err != nil { // waits for the handler
			t.Error(err)
		}
		serving.Wait()
	})
	if kind := response.Header.Get("Content-Type"); response.StatusCode != 200 || kind != "text/event-stream" {
		t.Fatalf("%d %s", response.StatusCode, kind)
	}
	lines := bufio.NewReader(response.Body)
	return func() (event, bool) {
		var e event
		for {
			line, err := lines.ReadString('\n')
			switch name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); {
			case err != nil:
				if !errors.Is(err, io.EOF) && ctx.Err() == nil {
					t.Error(err)
				}
				return e, false
			case name == "" && value == "" && e != (event{}):
				return e, true
			case name == "":
				e.data = value
			case name == "id":
				e.id = value
			case name == "event":
				e.name = value
			case name == "data":
				e.data = value
			}
		}
	}, cancel
}

func jobOf(t *testing.T, e event) native.Job {
	t.Helper()
	var j native.Job
	if err := json.Unmarshal([]byte(e.data), &j); err != nil || e.name != "job" {
		t.Fatalf("%+v: %v", e, err)
	}
	return j
}

func TestEventsOfOneJob(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.submit(t, job.Spec{ID: knownID, InputName: "a.png"})
	next, _ := events(t, s, known+"/events")
	for i, step := range []struct {
		state  job.State
		change func()
	}{
		{job.Queued, func() {}},
		{job.Running, func() { s.queue.Start(knownID, 0) }},
		{job.Running, func() { s.queue.Start(knownID, 0.5) }},
		{job.Succeeded, func() { s.queue.Finish(knownID, enhanced()) }},
	} {
		step.change()
		e, more := next()
		if j := jobOf(t, e); !more || j.State != step.state || e.id != fmt.Sprint(i+1) {
			t.Fatalf("event %d: %+v", i, e)
		}
		if i == 3 { // the last one equals the job's own response
			if body := strings.TrimSpace(s.get(known).Body.String()); e.data != body {
				t.Errorf("\n got %s\nwant %s", e.data, body)
			}
		}
	}
	if e, more := next(); more {
		t.Errorf("after the end: %+v", e)
	}
}

func TestEventsOfManyJobs(t *testing.T) {
	t.Parallel()
	s := newServer()
	var ids []string
	for i := range 5 {
		ids = append(ids, fmt.Sprintf("up_%024d", i))
		s.submit(t, job.Spec{ID: ids[i]})
	}
	next, _ := events(t, s, "/api/v1/events?ids="+url.QueryEscape(strings.Join(append(ids, otherID[:26]+"x", ids[0], "<x>"), ",")))
	gone, queued := map[string]bool{}, 0
	for range 7 {
		switch e, _ := next(); e.name {
		case "gone":
			gone[e.data] = true
		default:
			if jobOf(t, e).State == job.Queued {
				queued++
			}
		}
	}
	if queued != 5 || !gone[`{"id":"<x>"}`] || len(gone) != 2 {
		t.Fatalf("%d queued, gone %v", queued, gone)
	}
	ended := map[string]bool{}
	for i, id := range ids {
		outcome := enhanced()
		if i == 2 {
			outcome = failure(fault.Invalid, "The file ends early.")
		}
		s.queue.Finish(id, outcome)
		j := jobOf(t, func() event { e, _ := next(); return e }())
		if ended[j.ID] = true; !j.State.Final() || (i == 2) != (j.Error != nil) {
			t.Errorf("%+v", j)
		}
	}
	if _, more := next(); more || len(ended) != 5 {
		t.Errorf("%v ended, more %v", ended, more)
	}
}

func TestRefusedStreams(t *testing.T) {
	t.Parallel()
	s := newServer()
	golden(t, "events_none.json", 400, s.get("/api/v1/events"))
	golden(t, "events_none.json", 400, s.get("/api/v1/events?ids="))
	golden(t, "no_job.json", 404, s.get("/api/v1/events?ids="+otherID))
	var many []string
	for i := range 101 {
		many = append(many, fmt.Sprintf("up_%024d", i))
	}
	golden(t, "events_many.json", 413, s.get("/api/v1/events?ids="+strings.Join(many, ",")))
}

func TestSilentStreamsStayAlive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.submit(t, job.Spec{ID: knownID})
		next, leave := events(t, s, known+"/events")
		next()
		for range 3 {
			begun := time.Now()
			if e, more := next(); !more || e != (event{data: "keep-alive"}) || time.Since(begun) != s.config.KeepAlive {
				t.Fatalf("%+v, %v after %v", e, more, time.Since(begun))
			}
		}
		leave()
	})
}

// The server's limit on reading requests does not end streams.
func TestStreamsOutliveTheReadTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		s.readTimeout = s.config.KeepAlive
		s.submit(t, job.Spec{ID: knownID})
		next, _ := events(t, s, known+"/events")
		next()
		for range 5 {
			if e, more := next(); !more {
				t.Fatalf("the stream ended with %+v", e)
			}
		}
	})
}

func TestStreamsEndWithTheServer(t *testing.T) {
	t.Parallel()
	s, stopping := newServer(), make(chan struct{})
	s.lend = func(h *dialect.Services) { h.Stopping = stopping }
	s.submit(t, job.Spec{ID: knownID})
	next, _ := events(t, s, known+"/events")
	next()
	close(stopping)
	if e, more := next(); more {
		t.Errorf("%+v", e)
	}
}

// breaking watches jobs that vanish or cannot be read.
type breaking struct {
	*jobtest.Queue
	err error
}

func (b breaking) Watch(context.Context, string, func(job.Job) error) error { return b.err }

func TestBrokenWatches(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.submit(t, job.Spec{ID: knownID})
	s.parts.Jobs = breaking{s.queue, fault.New(fault.NotFound, "expired")}
	got := s.get(known + "/events")
	if body := got.Body.String(); !strings.Contains(body, "event: gone\ndata: {\"id\":\""+knownID+"\"}\n\n") {
		t.Errorf("%s", body)
	}
	s.parts.Jobs = breaking{s.queue, errDisk}
	if got := s.get(known + "/events"); strings.Contains(got.Body.String(), "event") || !errors.Is(s.logged, errDisk) {
		t.Errorf("%s, logged %v", got.Body, s.logged)
	}
}

// deaf is a client that accepts headers only.
type deaf struct{ *httptest.ResponseRecorder }

func (deaf) Write([]byte) (int, error) { return 0, errDisk }

func TestClientsThatDoNotListen(t *testing.T) {
	t.Parallel()
	s := newServer()
	s.submit(t, job.Spec{ID: knownID})
	s.routes().ServeHTTP(deaf{httptest.NewRecorder()}, httptest.NewRequest(http.MethodGet, known+"/events", nil))
	if !errors.Is(s.logged, errDisk) {
		t.Errorf("logged %v", s.logged)
	}
}
