package child

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"upscaled/engine"
	"upscaled/models/fault"
)

var (
	// errDied means that the child ended while it worked on the image.
	errDied = errors.New("the engine's process ended")
	// errGone means that the child had ended before.
	errGone = errors.New("the engine's process is gone")
)

// exitLimit bounds how long a child that has closed its replies may take to end,
// and its last output to arrive.
const exitLimit = 2 * time.Second

// process is one child as the parent sees it.
type process struct {
	options  Options
	command  *exec.Cmd
	hangUp   func() // closes the requests' pipe; may be repeated
	requests frames
	replies  *os.File
	read     chan struct{} // closed when all replies were read
	ready    func(*process, []engine.DeviceUse)

	opened, succeeded atomic.Bool
	refusal           atomic.Pointer[fault.Error] // sent in place of a greeting

	mutex sync.Mutex
	gone  bool
	calls map[uint64]*call
	last  uint64
	asked *call // for the devices
}

// start starts a child after one that had the devices last. ready is called from
// another goroutine.
func start(o Options, last []engine.DeviceUse, ready func(*process, []engine.DeviceUse)) (*process, error) {
	command := o.Command(last)
	ours, childEnds, err := connect(command)
	if err != nil {
		return nil, fmt.Errorf("make pipes: %w", err)
	}
	log := &lines{log: o.Log}
	command.Stderr = log
	command.WaitDelay = exitLimit // if a grandchild keeps its streams open
	dieWithParent(command)
	if err := command.Start(); err != nil {
		return nil, errors.Join(err, ours.close(), childEnds.close())
	}
	p := &process{
		options: o, command: command, requests: frames{to: ours.requests}, replies: ours.replies, ready: ready,
		hangUp: func() { _ = ours.requests.Close() }, read: make(chan struct{}), calls: map[uint64]*call{},
	}
	_ = childEnds.close() // the child has its own
	go p.readAll()
	return p, nil
}

// kill ends the process at once; it may be repeated, also after its end.
func (p *process) kill() { _ = p.command.Process.Kill() }

// wait returns when the process has ended and all of its output was read.
func (p *process) wait() error {
	err := p.command.Wait()
	late := time.AfterFunc(exitLimit, func() { _ = p.replies.Close() })
	<-p.read
	late.Stop()
	_ = p.replies.Close()
	p.hangUp()
	if log, ok := p.command.Stderr.(*lines); ok {
		log.flush()
	}
	if err == nil {
		err = errDied
	}
	return err
}

// readAll reads replies until the pipe ends. It never blocks on an image, so that
// images do not delay each other.
func (p *process) readAll() {
	defer close(p.read)
	in := bufio.NewReaderSize(p.replies, 64<<10)
	for {
		f, err := readFrame(in)
		if err == nil {
			err = p.take(f)
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrClosed) {
			p.options.Log.Error("the engine's process does not keep to the protocol; it is ended", "error", err)
			p.kill()
		}
		// A child that closed its pipe is about to end.
		time.AfterFunc(exitLimit, p.kill)
		return
	}
}

func (p *process) take(f frame) error {
	if f.id == 0 {
		return p.greeted(f)
	}
	p.mutex.Lock()
	c := p.calls[f.id]
	p.mutex.Unlock()
	if c == nil {
		return fmt.Errorf("a frame of kind %d for no request", f.kind)
	}
	ended, err := c.take(f)
	if err != nil || !ended {
		return err
	}
	//guard:child-lost-device TestPanicAndLostDevice
	if fault.KindOf(c.err) == fault.DeviceLost {
		// The child ends itself, with this image in work.
		p.options.Log.Error("the engine lost its device; its process ends", "error", c.err)
		c.err = nil
		time.AfterFunc(exitLimit, p.kill)
		return nil
	}
	if c.err == nil && f.kind == kindResult {
		p.succeeded.Store(true)
	}
	p.mutex.Lock()
	delete(p.calls, f.id)
	p.mutex.Unlock()
	close(c.done)
	return nil
}

// greeted handles the child's first message.
func (p *process) greeted(f frame) error {
	switch {
	case p.opened.Load() || p.refusal.Load() != nil:
		return errors.New("the child begins twice")
	case f.kind == kindFailure:
		said, err := decodeFailure(f.payload)
		p.refusal.Store(said)
		time.AfterFunc(exitLimit, p.kill)
		return err
	case f.kind != kindReady:
		return fmt.Errorf("a frame of kind %d before the first word", f.kind)
	}
	var hello greeting
	if err := json.Unmarshal(f.payload, &hello); err != nil {
		return fmt.Errorf("read the first word: %w", err)
	}
	if hello.Version != version {
		return fmt.Errorf("the child speaks version %d of the protocol, not %d: the program's file was replaced", hello.Version, version)
	}
	p.opened.Store(true)
	p.ready(p, hello.Devices)
	return nil
}

// enter registers a call, or returns errGone if the child has ended.
func (p *process) enter(c *call) (id uint64, err error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.gone {
		return 0, errGone
	}
	return p.register(c), nil
}

// register assigns a call its ID. The caller holds the mutex.
func (p *process) register(c *call) uint64 {
	p.last++
	p.calls[p.last] = c
	return p.last
}

// failAll ends the calls in progress.
func (p *process) failAll() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.gone = true
	for _, c := range p.calls {
		c.err = errDied
		close(c.done)
	}
	clear(p.calls)
}

// upscale runs one image in the child. It returns errDied if the child ended
// meanwhile, errGone if it had before.
func (p *process) upscale(ctx context.Context, q engine.Request) (engine.Result, error) {
	header, err := encodeRequest(q)
	if err != nil {
		return engine.Result{}, err
	}
	c := newCall(kindResult)
	id, err := p.enter(c)
	if err != nil {
		return engine.Result{}, err
	}
	defer context.AfterFunc(ctx, func() { p.cancel(id, c) })()
	p.submit(ctx, id, c, header, q.Input)
	c.wait(q.Progress)
	switch {
	case ctx.Err() != nil && c.err != nil:
		return engine.Result{}, canceled(ctx.Err())
	case c.err != nil:
		return engine.Result{}, c.err
	}
	return c.result, c.deliver(q.Output)
}

// submit sends a request and its input. An error ends the child and with it the
// call.
func (p *process) submit(ctx context.Context, id uint64, c *call, header, input []byte) {
	err := p.requests.write(kindRequest, id, header)
	for err == nil && len(input) > 0 && ctx.Err() == nil && !c.ended() {
		piece := input[:min(len(input), maxPayload)]
		err = p.requests.write(kindInput, id, piece)
		input = input[len(piece):]
	}
	//guard:child-late-cancel TestCancelThatOvertakes
	if err == nil && ctx.Err() != nil {
		err = p.requests.write(kindCancel, id, nil) // the first one may have overtaken the request
	}
	if err != nil && !errors.Is(err, os.ErrClosed) {
		p.options.Log.Debug("the engine's process takes no request", "error", err)
		p.kill()
	}
}

// cancel stops one image and kills a child that continues with it.
func (p *process) cancel(id uint64, c *call) {
	//guard:child-stuck TestStuckPicture => time.AfterFunc(1<<50, func() {})
	stuck := time.AfterFunc(p.options.Patience, func() {
		p.options.Log.Error("a canceled image does not stop; the engine process is killed")
		p.kill()
	})
	_ = p.requests.write(kindCancel, id, nil) // an error means that the child is dead
	<-c.done
	stuck.Stop()
}

// askDevices asks the child for its devices, unless an earlier question is
// unanswered: the child may be stuck.
func (p *process) askDevices(limit time.Duration) ([]engine.DeviceUse, bool) {
	p.mutex.Lock()
	c := p.asked
	if p.gone {
		p.mutex.Unlock()
		return nil, false
	}
	if c == nil || c.ended() {
		c = newCall(kindDeviceList)
		p.asked = c
		id := p.register(c)
		go func() { _ = p.requests.write(kindDevices, id, nil) }() // an error means that the child is dead
	}
	p.mutex.Unlock()
	select {
	case <-c.done:
		return c.devices, c.err == nil
	case <-time.After(limit):
		return nil, false
	}
}
