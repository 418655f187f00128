package comfyui_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"upscaled/models/fault"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// event is one message of a WebSocket.
type event struct {
	Type string         `json:"type"`
	Data map[string]any `json:"data"`
}

// listener is a client's WebSocket.
type listener struct {
	t          testing.TB
	connection *websocket.Conn
}

func (s *server) socket(t testing.TB, query string) listener {
	t.Helper()
	connection, _, err := websocket.Dial(t.Context(), strings.Replace(s.address, "http", "ws", 1)+"/ws?"+query, nil) //nolint:bodyclose // the library's
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.CloseNow() })
	return listener{t, connection}
}

// next returns the next message that is no status.
func (l listener) next() event {
	l.t.Helper()
	ctx, stop := context.WithTimeout(l.t.Context(), 5*time.Minute)
	defer stop()
	for {
		var e event
		if err := wsjson.Read(ctx, l.connection, &e); err != nil {
			l.t.Fatal(err)
		}
		if e.Type != "status" {
			return e
		}
	}
}

// onlyStatus receives messages until the server stops; they are about the queue.
func (l listener) onlyStatus() {
	l.t.Helper()
	ctx, stop := context.WithTimeout(l.t.Context(), 5*time.Minute)
	defer stop()
	for {
		var e event
		err := wsjson.Read(ctx, l.connection, &e)
		if websocket.CloseStatus(err) == websocket.StatusGoingAway {
			return
		}
		if err != nil || e.Type != "status" {
			l.t.Fatalf("%+v %v", e, err)
		}
	}
}

// until returns the types of messages until one that ends a prompt, with the
// nodes that they name.
func (l listener) until() (all []string) {
	l.t.Helper()
	for {
		e := l.next()
		text := e.Type
		if node, named := e.Data["node"]; named {
			text += fmt.Sprintf(" %v", node)
		}
		if e.Type == "progress" {
			text += fmt.Sprintf(" %v/%v", e.Data["value"], e.Data["max"])
		}
		if all = append(all, text); text == "executing <nil>" {
			return all
		}
	}
}

// The flow of the vendor's websockets_api_example.py: connect, queue a prompt, wait
// for the end of its execution, fetch the history and the images.
func TestWebSocketExample(t *testing.T) {
	t.Parallel()
	s := newServer().listen(t)
	image, result := dialecttest.PNG(t, 20, 10, false), dialecttest.PNG(t, 80, 40, false)
	s.upload(t, "a.png", image)
	ws := s.socket(t, "clientId=script")
	var accepted struct {
		ID string `json:"prompt_id"`
	}
	body := s.call(t, http.MethodPost, "/prompt", strings.NewReader(fmt.Sprintf(`{"prompt":%s,"client_id":"script"}`, upscale())))
	if err := json.Unmarshal(body, &accepted); err != nil {
		t.Fatal(err)
	}
	id := s.queue.Jobs()[0].ID
	s.queue.Start(id, 0.25)
	for _, want := range []string{"execution_start", "execution_cached", "executing", "executing", "progress"} {
		if e := ws.next(); e.Type != want || e.Data["prompt_id"] != accepted.ID || want == "progress" && (e.Data["value"] != 25.0 || e.Data["max"] != 100.0 || e.Data["node"] != "3") {
			t.Fatalf("%+v, want %s", e, want)
		}
	}
	s.queue.Start(id, 0.75)
	if e := ws.next(); e.Type != "progress" || e.Data["value"] != 75.0 {
		t.Errorf("%+v", e)
	}
	s.finish(id, result)
	got := ws.until()
	want := []string{"executing 4", "executed 4", "execution_success", "executing <nil>"}
	if len(got) < 4 || !slices.Equal(got[len(got)-4:], want) {
		t.Errorf("%v", got)
	}
	for _, found := range outputs(t, s.call(t, http.MethodGet, "/history/"+accepted.ID, nil), accepted.ID) {
		if file := s.call(t, http.MethodGet, found.query(), nil); !bytes.Equal(file, result) {
			t.Errorf("%d bytes", len(file))
		}
	}
}

// Each way that a prompt ends, seen by its own client's sockets and no other.
func TestEndsOnWebSockets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome jobtest.Outcome
		want    string
	}{
		"success":     {jobtest.Outcome{Result: &job.Result{Format: "png"}}, "execution_success"},
		"failure":     {jobtest.Outcome{Failure: &job.Failure{Kind: fault.Internal, Message: "secret"}}, "execution_error"},
		"interrupted": {jobtest.Outcome{}, "execution_interrupted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer()
			s.gate = dialecttest.Auth{Keys: map[string]job.Caller{"mine": {ID: "a"}, "other": {ID: "b"}}}
			s.listen(t)
			mine, twin := s.socket(t, "clientId=c&token=mine"), s.socket(t, "clientId=c&token=mine")
			strangers := []listener{s.socket(t, "clientId=d&token=mine"), s.socket(t, "clientId=c&token=other"), s.socket(t, "token=mine")}
			form := dialecttest.Form(t, "/upload/image?token=mine", dialecttest.File("image", "a.png", dialecttest.PNG(t, 20, 10, false)))
			if r := s.do(form); r.Code != 200 {
				t.Fatal(r.Body)
			}
			graph := nodes(load, loader, model, save, `ImageScaleBy {"image":["1",0],"upscale_method":"area","scale_by":2}`, `PreviewImage {"images":["5",0]}`)
			if r := s.post("/prompt?token=mine", fmt.Sprintf(`{"prompt":%s,"client_id":"c","prompt_id":"p"}`, graph)); r.Code != 200 {
				t.Fatal(r.Body)
			}
			for _, j := range s.queue.Jobs() {
				s.queue.Start(j.ID, 0)
				s.queue.Finish(j.ID, c.outcome)
			}
			for _, l := range []listener{mine, twin} {
				got := l.until()
				if !slices.Contains(got, c.want) || slices.Contains(got, "executed 6") != (name == "success") || strings.Contains(fmt.Sprint(got), "secret") {
					t.Errorf("%v", got)
				}
			}
			late := s.socket(t, "clientId=c&token=mine") // hears nothing of what is over
			close(s.stopping)
			for _, l := range append(strangers, late) {
				l.onlyStatus()
			}
		})
	}
}

// A client that connects again receives the events of prompts that still run.
func TestReconnection(t *testing.T) {
	t.Parallel()
	s := newServer().listen(t)
	s.upload(t, "a.png", dialecttest.PNG(t, 20, 10, false))
	s.submit(t, upscale(), "c")
	id := s.queue.Jobs()[0].ID
	s.queue.Start(id, 0.5)
	ws := s.socket(t, "clientId=c")
	if err := wsjson.Write(t.Context(), ws.connection, map[string]any{"type": "feature_flags", "data": map[string]any{}}); err != nil {
		t.Fatal(err)
	}
	if e := ws.next(); e.Type != "execution_start" {
		t.Errorf("%+v", e)
	}
	s.finish(id, dialecttest.PNG(t, 3, 3, false))
	if got := ws.until(); !slices.Contains(got, "executed 4") {
		t.Error(got)
	}
	close(s.stopping)
	ws.onlyStatus()
}

func TestManySockets(t *testing.T) {
	t.Parallel()
	s := newServer().listen(t)
	for range 100 {
		s.socket(t, "")
	}
	golden(t, "busy.json", http.StatusServiceUnavailable, s.get("/ws"))
}
