package cpu

import (
	"context"
	"sync"

	"upscaled/engine/cpu/kernels"
	"upscaled/models/fault"
)

// pool is a fixed number of threads that run steps of any number of images. Each
// step gets as many threads as the others have; threads without a step sleep.
type pool struct {
	lock    sync.Mutex
	changed sync.Cond
	tasks   []*task
	threads int
	idle    int
	closed  bool
	ended   sync.WaitGroup
}

// task is a step that threads take part in. Its fields are guarded by the pool's
// lock.
type task struct {
	step    *kernels.Step
	scratch int // bytes per thread
	active  int // threads in it
	over    bool
	err     error
	done    chan struct{}
}

func newPool(threads int) *pool {
	p := &pool{threads: threads}
	p.changed.L = &p.lock
	for range threads {
		p.ended.Go(p.work)
	}
	return p
}

// close ends all threads and waits for them. No step may be running.
func (p *pool) close() {
	p.lock.Lock()
	p.closed = true
	p.changed.Broadcast()
	p.lock.Unlock()
	p.ended.Wait()
}

// run runs a step's operations and returns when no thread is in it any more. If
// ctx ends first it fails with fault.Canceled and the results are incomplete.
func (p *pool) run(ctx context.Context, step *kernels.Step, scratch int) error {
	defer step.End()
	if err := step.Begin(); err != nil {
		return err
	}
	stopped := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		step.Stop()
		close(stopped)
	})
	t := &task{step: step, scratch: scratch, done: make(chan struct{})}
	p.lock.Lock()
	p.tasks = append(p.tasks, t)
	p.share()
	p.changed.Broadcast()
	p.lock.Unlock()
	<-t.done
	if !unwatch() {
		<-stopped // else it would stop the next step
	}
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Canceled, err, "The operation was canceled.")
	}
	return t.err
}

// share takes a thread from the step that has the most, if none is idle and that
// leaves it one.
func (p *pool) share() {
	if p.idle > 0 {
		return
	}
	most := p.tasks[0]
	for _, t := range p.tasks {
		if t.active > most.active {
			most = t
		}
	}
	if most.active > 1 {
		most.step.Release()
	}
}

// next returns the step with the fewest threads, or nil.
func (p *pool) next() *task {
	var best *task
	for _, t := range p.tasks {
		if !t.over && (best == nil || t.active < best.active) {
			best = t
		}
	}
	return best
}

// work is one thread.
func (p *pool) work() {
	var scratch kernels.Memory
	defer scratch.Free()
	size := 0
	p.lock.Lock()
	defer p.lock.Unlock()
	for {
		t := p.next()
		if t == nil {
			if p.closed {
				return
			}
			p.idle++
			p.changed.Wait()
			p.idle--
			continue
		}
		t.active++
		p.lock.Unlock()
		var err error
		outcome := kernels.Stopped
		if size < t.scratch {
			scratch.Free()
			size = 0
			if scratch, err = kernels.Allocate(t.scratch); err == nil {
				size = t.scratch
			}
		}
		if err == nil {
			outcome = t.step.Run(scratch)
		} else {
			t.step.Stop()
		}
		p.lock.Lock()
		p.leave(t, outcome, err)
	}
}

// leave ends a thread's part in a step; the last one reports its end.
func (p *pool) leave(t *task, outcome kernels.Outcome, err error) {
	t.active--
	if outcome != kernels.Released {
		t.over = true
	}
	if err != nil {
		t.err = err
	}
	if !t.over || t.active > 0 {
		return
	}
	for i, other := range p.tasks {
		if other == t {
			p.tasks = append(p.tasks[:i], p.tasks[i+1:]...)
			break
		}
	}
	close(t.done)
}
