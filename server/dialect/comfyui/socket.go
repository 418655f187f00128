package comfyui

import (
	"context"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

const (
	// maxSockets is how many WebSockets a caller may have open in one process.
	maxSockets = 100
	// heartbeat is the longest time between two messages: clients connect again
	// after 10 s of silence. Prompts that other processes accepted are found then.
	heartbeat = 4 * time.Second
	// writeLimit is how long a client may take to receive one message.
	writeLimit = 30 * time.Second
)

// sockets are the open WebSockets by the caller's ID.
type sockets struct {
	mutex sync.Mutex
	open  map[string]*room
}

// room is what the sockets of a caller share. news is closed and replaced when this
// process has accepted a prompt.
type room struct {
	count int
	news  chan struct{}
}

// wake wakes the sockets of a caller.
func (s *sockets) wake(caller job.Caller) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if r := s.open[caller.ID]; r != nil {
		close(r.news)
		r.news = make(chan struct{})
	}
}

// news returns the channel that the next wake closes. The caller has a socket.
func (s *sockets) news(caller job.Caller) <-chan struct{} {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.open[caller.ID].news
}

// enter counts a socket, or forgets one; it returns false if there are too many.
func (s *sockets) enter(caller job.Caller, change int) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	r := s.open[caller.ID]
	if r == nil {
		r = &room{news: make(chan struct{})}
		s.open[caller.ID] = r
	}
	//guard:sockets TestManySockets
	if r.count+change > maxSockets {
		return false
	}
	if r.count += change; r.count == 0 {
		delete(s.open, caller.ID)
	}
	return true
}

// sender sends one message.
type sender func(kind string, data any) error

// socket handles GET ws: it sends what happens to the prompts of the same caller
// and client ID that have not ended, until the client leaves. What the client sends
// is ignored. The server has checked the origin of browsers.
func (a *API) socket(c echo.Context, caller job.Caller) error {
	if !a.sockets.enter(caller, 1) {
		return fault.New(fault.Busy, "There are too many connections.")
	}
	defer a.sockets.enter(caller, -1)
	client := c.QueryParam("clientId")
	// Before the connection: a prompt that follows it may end at once.
	seen, err := a.ended(c.Request().Context(), caller, client)
	if err != nil {
		return err
	}
	connection, err := websocket.Accept(c.Response(), c.Request(), &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return nil // Accept has answered
	}
	ctx, stop := context.WithCancel(c.Request().Context())
	var others sync.WaitGroup
	defer others.Wait()
	defer connection.CloseNow() //nolint:errcheck // the client may have left
	defer stop()
	others.Go(func() {
		defer stop()
		for err := error(nil); err == nil; {
			_, _, err = connection.Read(ctx)
		}
	})
	send := func(kind string, data any) error {
		writing, done := context.WithTimeout(ctx, writeLimit)
		defer done()
		return wsjson.Write(writing, connection, map[string]any{"type": kind, "data": data})
	}
	a.report(ctx, caller, client, seen, send, func(e entry) { others.Go(func() { a.follow(ctx, caller, e, send) }) })
	_ = connection.Close(websocket.StatusGoingAway, "")
	return nil
}

// ended returns the prompts of a client that have ended.
func (a *API) ended(ctx context.Context, caller job.Caller, client string) (map[string]bool, error) {
	entries, err := a.all(ctx, caller)
	all := map[string]bool{}
	for _, e := range entries {
		if e.Client == client && e.state().Final() {
			all[e.Prompt] = true
		}
	}
	return all, err
}

// report sends the length of the queue now and then, and calls follow for prompts
// of a client that are not in seen, until the context ends, the client leaves or the
// server stops. It adds them to seen.
func (a *API) report(ctx context.Context, caller job.Caller, client string, seen map[string]bool, send sender, follow func(entry)) {
	if client == "" {
		client = dialect.NewUUID(4)
	}
	silence := time.NewTicker(heartbeat)
	defer silence.Stop()
	for {
		news := a.sockets.news(caller)
		entries, err := a.all(ctx, caller)
		if err != nil || send("status", map[string]any{"status": statusOf(entries), "sid": client}) != nil {
			return
		}
		for _, e := range entries {
			if e.Client == client && !seen[e.Prompt] && len(e.jobs) == e.Jobs {
				seen[e.Prompt] = true
				follow(e)
			}
		}
		select {
		case <-news:
		case <-silence.C:
		case <-a.services.Stopping: // a nil channel blocks
			return
		case <-ctx.Done():
			return
		}
	}
}

// follow sends the events of a prompt until it ends. Its jobs are followed one
// after the other, whatever order they run in.
func (a *API) follow(ctx context.Context, caller job.Caller, e entry, send sender) {
	say := func(kind string, data map[string]any) error {
		data["prompt_id"] = e.Prompt
		return send(kind, data)
	}
	begun := false
	for i := range e.jobs {
		m, running := memoOf(e.jobs[i]), false
		if a.stores.Watcher.Watch(ctx, e.jobs[i].ID, func(j job.Job) error {
			e.jobs[i] = j
			if j.Started.IsZero() {
				return nil
			}
			if !begun {
				for _, one := range e.begin(j) {
					_ = send(one[0].(string), one[1]) // the next one fails too
				}
			}
			if begun = true; !running {
				for _, node := range m.Nodes {
					_ = say("executing", map[string]any{"node": node, "display_node": node})
				}
			}
			running = true
			const most = 100
			return say("progress", map[string]any{"value": int(most * min(j.Progress, 1)), "max": most, "node": m.Work})
		}) != nil {
			return
		}
		if e.jobs[i].State != job.Succeeded {
			break
		}
		for _, o := range m.Outputs {
			_ = say("executing", map[string]any{"node": o.Node, "display_node": o.Node})
			_ = say("executed", map[string]any{"node": o.Node, "display_node": o.Node, "output": images(e.jobs[i], o)})
		}
	}
	if begun {
		last := e.end()
		_ = send(last[0].(string), last[1])
		_ = say("executing", map[string]any{"node": nil})
	}
	if entries, err := a.all(ctx, caller); err == nil {
		_ = send("status", map[string]any{"status": statusOf(entries)})
	}
}
