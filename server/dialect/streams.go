package dialect

import (
	"context"
	"slices"
	"sync"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// WriteLimit is how long a client may take to receive one event.
const WriteLimit = 30 * time.Second

// Streams are the open event streams of one API by their callers' IDs.
type Streams struct {
	watcher  job.Watcher
	most     int
	stopping <-chan struct{}
	mutex    sync.Mutex
	open     map[string][]*Stream
}

// NewStreams returns an empty set, of which a caller may have a number open at once.
func (s Services) NewStreams(watcher job.Watcher, most int) *Streams {
	return &Streams{watcher: watcher, most: most, stopping: s.Stopping, open: map[string][]*Stream{}}
}

// Stream follows jobs for one client.
type Stream struct {
	streams  *Streams
	account  string
	ctx      context.Context
	stop     context.CancelFunc
	updates  chan Update
	news     chan struct{} // holds at most one
	watching sync.WaitGroup
}

// Update is the changed record of a job, or only its ID and the error that ended the
// watch: fault.NotFound if the job does not exist any more.
type Update struct {
	Job job.Job
	Err error
}

// Open returns a stream, which ends with the context and which the caller closes.
func (s *Streams) Open(ctx context.Context, caller job.Caller) (*Stream, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	//guard:streams TestManySockets
	if len(s.open[caller.ID]) >= s.most {
		return nil, fault.New(fault.Busy, "There are too many connections.")
	}
	ctx, stop := context.WithCancel(ctx)
	one := &Stream{streams: s, account: caller.ID, ctx: ctx, stop: stop, updates: make(chan Update), news: make(chan struct{}, 1)}
	s.open[caller.ID] = append(s.open[caller.ID], one)
	return one, nil
}

// Wake makes the streams of a caller look for new jobs.
func (s *Streams) Wake(caller job.Caller) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, one := range s.open[caller.ID] {
		select {
		case one.news <- struct{}{}:
		default:
		}
	}
}

// Close ends the stream and waits for its watchers.
func (s *Stream) Close() {
	s.stop()
	s.watching.Wait()
	all := s.streams
	all.mutex.Lock()
	defer all.mutex.Unlock()
	rest := slices.DeleteFunc(all.open[s.account], func(one *Stream) bool { return one == s })
	if all.open[s.account] = rest; len(rest) == 0 {
		delete(all.open, s.account)
	}
}

// Follow watches a job until it has ended.
func (s *Stream) Follow(id string) {
	send := func(u Update) error {
		select {
		case s.updates <- u:
			return nil
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
	}
	s.watching.Go(func() {
		err := s.streams.watcher.Watch(s.ctx, id, func(j job.Job) error { return send(Update{Job: j}) })
		if err != nil {
			_ = send(Update{job.Job{Spec: job.Spec{ID: id}}, err}) // fails only if the stream has ended
		}
	})
}

// Run calls changed with each update, and tick at intervals and after Wake, until one
// of them fails, the stream ends or the server stops. It returns their error.
func (s *Stream) Run(interval time.Duration, changed func(Update) error, tick func() error) (err error) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for err == nil {
		select {
		case u := <-s.updates:
			err = changed(u)
		case <-s.news:
			err = tick()
		case <-ticker.C:
			err = tick()
		case <-s.streams.stopping: // a nil channel blocks
			return nil
		case <-s.ctx.Done():
			return nil
		}
	}
	return err
}
