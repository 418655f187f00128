package queue

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"upscaled/server/job"
)

// presence is the worker of this process, as the others see it. All methods may be
// called concurrently.
type presence struct {
	*core
	fleet *Fleet

	mutex sync.Mutex
	entry workerEntry // its Name is "" until there is one
	// resumed is closed unless the worker is draining.
	resumed chan struct{}
	changed chan struct{}
	// writing orders the writes of the entry; revision is the latest one's.
	writing  sync.Mutex
	revision uint64
	orders   *nats.Subscription
}

func newPresence(c *core, f *Fleet) *presence {
	p := &presence{core: c, fleet: f, resumed: make(chan struct{}), changed: make(chan struct{}, 1)}
	close(p.resumed)
	p.entry.Instance = randomToken()
	return p
}

// Attend lists this process as a worker until the context ends. host is the
// preferred name; describe updates the fields that may change. While the queue's server does
// not answer, the entry grows old, and jobs run on.
func (p *presence) Attend(ctx context.Context, host string, describe func(*job.Worker)) {
	ticker := time.NewTicker(beatInterval)
	defer ticker.Stop()
	for ctx.Err() == nil {
		p.set(func(e *workerEntry) { describe(&e.Worker) })
		err := p.beat(ctx)
		if isConflict(err) {
			err = p.claim(ctx, plainHost(host))
		}
		if err != nil && ctx.Err() == nil {
			p.options.Log.Warn("worker's entry is not written", "error", err)
		}
		select {
		case <-ticker.C:
		case <-p.changed:
			wait(ctx, changeDelay)
		case <-ctx.Done():
		}
	}
	p.leave(context.WithoutCancel(ctx))
}

// WorkerName returns the name of this process's worker, or "".
func (p *presence) WorkerName() string { return p.snapshot().Name }

// plainHost returns the first label of a host name, as a word of a subject.
func plainHost(host string) string {
	label, _, _ := strings.Cut(host, ".")
	return cmp.Or(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return -1
	}, label[:min(len(label), 63)]), "worker")
}

// beat writes the entry. It conflicts if there is none yet, or if another process
// has taken the name of this one, which was silent for long.
func (p *presence) beat(ctx context.Context) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	e := p.snapshot()
	if e.Name == "" {
		return jetstream.ErrKeyExists
	}
	value, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode worker: %w", err)
	}
	ctx, stop := context.WithTimeout(ctx, stepLimit)
	defer stop()
	if p.revision == 0 {
		p.revision, err = p.fleet.bucket.Create(ctx, e.Name, value)
		return err
	}
	revision, err := p.fleet.bucket.Update(ctx, e.Name, value, p.revision)
	if err == nil {
		p.revision = revision
	}
	return err
}

// claim takes the first free name: host, host-2 and so on. The name of a dead process
// is free; if that process was drained, so is the one that takes its name.
func (p *presence) claim(ctx context.Context, host string) error {
	const most = 1000
	name := host
	for n := 2; n < most; n++ {
		taken, err := p.take(ctx, name)
		if taken || err != nil {
			return err
		}
		name = fmt.Sprintf("%s-%d", host, n)
	}
	return errors.New("all names of this machine are taken")
}

// take writes the first entry under a name, unless another live process has it.
func (p *presence) take(ctx context.Context, name string) (taken bool, err error) {
	before, revision, own := workerEntry{}, uint64(0), p.snapshot().Instance
	stored, err := p.fleet.bucket.Get(ctx, name)
	switch {
	case err == nil:
		revision = stored.Revision()
		_ = json.Unmarshal(stored.Value(), &before) // an entry of another program counts as empty
		//guard:worker-names TestWorkersOfOneMachine
		if before.Instance != own && p.lives(ctx, name, stored.Created()) {
			return false, nil
		}
	case !errors.Is(err, jetstream.ErrKeyNotFound):
		return false, fmt.Errorf("look for worker %s: %w", name, err)
	}
	p.writing.Lock()
	p.revision = revision
	p.writing.Unlock()
	p.set(func(e *workerEntry) { e.Name = name })
	if before.Draining && before.Instance != own {
		p.SetDraining(true)
	}
	if err := p.beat(ctx); isConflict(err) {
		p.set(func(e *workerEntry) { e.Name = "" })
		return false, nil // another process was faster
	} else if err != nil {
		return false, err
	}
	return true, p.listen(ctx, name)
}

// lives reports whether a worker's process is alive. One that was just listed may
// not answer yet.
func (p *presence) lives(ctx context.Context, name string, heartbeat time.Time) bool {
	for {
		_, err := p.fleet.ask(ctx, name, "")
		if !errors.Is(err, nats.ErrNoResponders) {
			return true
		}
		if time.Since(heartbeat) > beatInterval || !wait(ctx, beatInterval/4) {
			return false
		}
	}
}

// listen answers requests to the worker's name.
func (p *presence) listen(ctx context.Context, name string) error {
	if p.orders != nil {
		_ = p.orders.Unsubscribe() // the connection may have been lost
	}
	orders, err := p.connection.nats.Subscribe(workerPrefix+name, func(m *nats.Msg) {
		if order := string(m.Data); order != "" {
			p.SetDraining(order == orderDrain)
			if err := p.beat(ctx); err != nil {
				p.options.Log.Warn("worker's entry follows later", "error", err)
			}
		}
		if text, err := json.Marshal(p.snapshot()); err == nil {
			_ = m.Respond(text) // the asking process repeats its question
		}
	})
	p.orders = orders
	return err
}

// leave removes the entry.
func (p *presence) leave(ctx context.Context) {
	if p.orders != nil {
		_ = p.orders.Unsubscribe()
	}
	ctx, stop := context.WithTimeout(ctx, stepLimit)
	defer stop()
	p.writing.Lock()
	defer p.writing.Unlock()
	if name := p.snapshot().Name; name != "" {
		_ = p.fleet.bucket.Purge(ctx, name, jetstream.LastRevision(p.revision)) // else it expires
	}
}

// SetDraining makes this worker take no more jobs, or take them again.
func (p *presence) SetDraining(on bool) {
	p.update(func(e *workerEntry) {
		switch {
		case on && !e.Draining:
			p.resumed = make(chan struct{})
		case !on && e.Draining:
			close(p.resumed)
		}
		e.Draining = on
	})
}

func (p *presence) draining() bool { return p.snapshot().Draining }

// awaitResume waits while the worker is draining.
func (p *presence) awaitResume(ctx context.Context) {
	p.mutex.Lock()
	resumed := p.resumed
	p.mutex.Unlock()
	select {
	case <-resumed:
	case <-ctx.Done():
	}
}

// began and ended keep the list of running jobs.
func (p *presence) began(id string) {
	p.update(func(e *workerEntry) {
		e.Jobs = append(slices.Clone(e.Jobs), job.WorkerJob{ID: id, Since: p.options.Now().UTC()})
	})
}

func (p *presence) ended(id string) {
	p.update(func(e *workerEntry) {
		e.Jobs = slices.DeleteFunc(slices.Clone(e.Jobs), func(j job.WorkerJob) bool { return j.ID == id })
	})
}

// count counts a job that this worker made final.
func (p *presence) count(state job.State) {
	p.update(func(e *workerEntry) {
		if state == job.Succeeded {
			e.Succeeded++
		} else {
			e.Failed++
		}
	})
}

// snapshot returns the entry, whose lists are never changed in place.
func (p *presence) snapshot() workerEntry {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.entry
}

// set changes the entry, update also lets it be written soon.
func (p *presence) set(change func(*workerEntry)) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	change(&p.entry)
}

func (p *presence) update(change func(*workerEntry)) {
	p.set(change)
	select {
	case p.changed <- struct{}{}:
	default: // it will be written anyway
	}
}
