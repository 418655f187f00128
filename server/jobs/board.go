package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"upscaled/server/job"
)

// board is what this process has heard of unfinished jobs. It is a hint: who
// decides anything reads the record.
type board struct {
	loaded chan struct{} // closed when the records of the start are all known
	once   sync.Once     // closes it

	mutex     sync.Mutex
	records   map[string]record // unfinished jobs
	fractions map[string]float64
	waiting   map[string]map[chan struct{}]struct{}
	// submitting are the IDs that this process is about to record.
	submitting map[string]bool
}

func newBoard() *board {
	return &board{
		loaded: make(chan struct{}), records: map[string]record{},
		fractions: map[string]float64{}, waiting: map[string]map[chan struct{}]struct{}{},
		submitting: map[string]bool{},
	}
}

// size is the number of unfinished jobs.
func (b *board) size() int {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return len(b.records)
}

// unfinished copies the records of all unfinished jobs.
func (b *board) unfinished() []record {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	all := make([]record, 0, len(b.records))
	for _, r := range b.records {
		all = append(all, r)
	}
	return all
}

// submit notes the begin or end of a submission.
func (b *board) submit(id string, begins bool) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if begins {
		b.submitting[id] = true
	} else {
		delete(b.submitting, id)
	}
}

// isSubmitting says whether this process is about to record a job.
func (b *board) isSubmitting(id string) bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.submitting[id]
}

// progress is the last fraction heard of a job, 0..1.
func (b *board) progress(id string) float64 {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.fractions[id]
}

// subscribe gives a channel that gets a token after each change of a job;
// tokens do not pile up. stop must be called.
func (b *board) subscribe(id string) (changed <-chan struct{}, stop func()) {
	channel := make(chan struct{}, 1)
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.waiting[id] == nil {
		b.waiting[id] = map[chan struct{}]struct{}{}
	}
	b.waiting[id][channel] = struct{}{}
	return channel, func() {
		b.mutex.Lock()
		defer b.mutex.Unlock()
		delete(b.waiting[id], channel)
		if len(b.waiting[id]) == 0 {
			delete(b.waiting, id)
		}
	}
}

// change notes a record, or with nil that a job is gone.
func (b *board) change(id string, r *record) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if r != nil && !r.State.Final() {
		b.records[id] = *r
	} else {
		delete(b.records, id)
		delete(b.fractions, id)
	}
	for channel := range b.waiting[id] {
		select {
		case channel <- struct{}{}:
		default: // a token is there already
		}
	}
}

// load notes that all present records are known: what was unfinished in an
// earlier watch and is not among them has expired meanwhile.
func (b *board) load(stale []record, present map[string]bool) {
	for _, r := range stale {
		if !present[r.ID] {
			b.change(r.ID, nil)
		}
	}
	b.once.Do(func() { close(b.loaded) })
}

// advance notes a running job's progress.
func (b *board) advance(id string, fraction float64) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.records[id].State == job.Running {
		b.fractions[id] = fraction
	}
}

// watch keeps the board up to date. While nodes are lost a watch may not begin
// or may end on its own; another then takes its place.
func (q *Queue) watch(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := q.watchOnce(ctx); err != nil && ctx.Err() == nil {
			q.options.Log.Warn("records are watched again", "error", err)
			pause(ctx, retryPause)
		}
	}
	return nil
}

// watchOnce follows one watch to its end. The first updates are all present
// records, ended by a nil.
func (q *Queue) watchOnce(ctx context.Context) error {
	watcher, err := q.records.WatchAll(ctx)
	if err != nil {
		return fmt.Errorf("watch records: %w", err)
	}
	defer func() { _ = watcher.Stop() }() // the connection may be gone already
	stale := q.board.unfinished()
	present := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case entry, open := <-watcher.Updates():
			switch {
			case !open:
				return errors.New("the watch of records has ended")
			case entry == nil:
				q.board.load(stale, present)
				present = nil
			default:
				q.note(entry)
				if present != nil {
					present[entry.Key()] = true
				}
			}
		}
	}
}

func (q *Queue) note(entry jetstream.KeyValueEntry) {
	if entry.Operation() != jetstream.KeyValuePut {
		q.board.change(entry.Key(), nil)
		return
	}
	r, err := decodeRecord(entry)
	if err != nil {
		q.options.Log.Error("unreadable record", "job", entry.Key(), "error", err)
		return
	}
	q.board.change(entry.Key(), &r)
}

// watchProgress hears what running jobs tell. These messages are not stored:
// a lost one is made up for by the next.
func (q *Queue) watchProgress(ctx context.Context) error {
	subscription, err := q.connection.nats.Subscribe(progressPrefix+"*", func(m *nats.Msg) {
		var fraction float64
		if json.Unmarshal(m.Data, &fraction) == nil && fraction >= 0 && fraction <= 1 {
			q.board.advance(strings.TrimPrefix(m.Subject, progressPrefix), fraction)
		}
	})
	if err != nil {
		return fmt.Errorf("listen for progress: %w", err)
	}
	<-ctx.Done()
	_ = subscription.Unsubscribe() // the connection may be gone already
	return nil
}

// tell publishes a running job's progress.
func (q *Queue) tell(id string, fraction float64) {
	text, err := json.Marshal(fraction)
	if err == nil {
		err = q.connection.nats.Publish(progressPrefix+id, text)
	}
	if err != nil {
		q.options.Log.Debug("progress is not told", "job", id, "error", err)
	}
}
