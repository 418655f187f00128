package comfyui

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/labstack/echo/v4"

	"upscaled/server/dialect"
	"upscaled/server/job"
)

// heartbeat is the longest time between two messages: clients connect again after
// 10 s of silence. Prompts that other processes accepted are found then.
const heartbeat = 4 * time.Second

// socket is a client's WebSocket.
type socket struct {
	*dialect.Stream
	client string
	list   func() ([]prompt, error) // of the caller's
	send   func(event) error
	// prompts are by the IDs of their jobs; nil are those that have ended.
	prompts map[string]*prompt
}

// socket handles GET ws: it sends the events of the prompts of the same caller and client
// ID that have not ended, until the client leaves. Messages of the client are ignored.
// The server has checked the origin of browsers.
func (a *API) socket(c echo.Context, caller job.Caller) error {
	ctx, stop := context.WithCancel(c.Request().Context())
	defer stop()
	stream, err := a.streams.Open(ctx, caller)
	if err != nil {
		return err
	}
	defer stream.Close()
	s := &socket{Stream: stream, client: cmp.Or(c.QueryParam("clientId"), dialect.NewUUID(4)), prompts: map[string]*prompt{}}
	s.list = func() ([]prompt, error) { return a.all(ctx, caller) }
	before, err := s.list() // a prompt that follows the connection may end at once
	if err != nil {
		return err
	}
	for _, p := range before {
		if p.state().Final() {
			s.prompts[p.jobs[0].ID] = nil
		}
	}
	connection, err := websocket.Accept(c.Response(), c.Request(), &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return nil // Accept has answered
	}
	var reading sync.WaitGroup
	defer reading.Wait()
	defer connection.CloseNow() //nolint:errcheck // the client may have left
	reading.Go(func() {
		defer stop()
		for err := error(nil); err == nil; {
			_, _, err = connection.Read(ctx)
		}
	})
	s.send = func(e event) error {
		writing, done := context.WithTimeout(ctx, dialect.WriteLimit)
		defer done()
		return wsjson.Write(writing, connection, e)
	}
	if s.refresh() == nil && s.Run(heartbeat, s.changed, s.refresh) == nil {
		_ = connection.Close(websocket.StatusGoingAway, "")
	}
	return nil
}

// refresh sends the length of the queue, and follows new prompts of the client.
func (s *socket) refresh() error {
	prompts, err := s.list()
	if err != nil {
		return err
	}
	for _, p := range prompts {
		if _, known := s.prompts[p.jobs[0].ID]; known || p.Client != s.client {
			continue
		}
		for _, j := range p.jobs {
			s.prompts[j.ID] = &p
			s.Follow(j.ID)
		}
	}
	return s.send(event{"status", map[string]any{"status": statusOf(prompts), "sid": s.client}})
}

// changed sends the events of a job's new record.
func (s *socket) changed(u dialect.Update) error {
	p := s.prompts[u.Job.ID]
	if p == nil || u.Err != nil { // gone
		return nil
	}
	p.jobs[slices.IndexFunc(p.jobs, func(j job.Job) bool { return j.ID == u.Job.ID })] = u.Job
	events := p.events()
	for ; p.sent < len(events); p.sent++ {
		if err := s.send(events[p.sent]); err != nil {
			return err
		}
	}
	if p.sent > 0 && events[p.sent-1].Type == "progress" {
		p.sent-- // the next one replaces it
	}
	if !p.state().Final() {
		return nil
	}
	for _, j := range p.jobs {
		s.prompts[j.ID] = nil
	}
	return s.refresh()
}
