package child

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"

	"upscaled/engine"
	"upscaled/models/fault"
)

// Host is the child's side.
type Host struct {
	// Requests and Replies are the pipes; see Pipes.
	Requests io.Reader
	Replies  io.Writer
	// Open opens the engine and warms it up. Its error is sent to the parent with
	// its kind and sentence.
	Open func(ctx context.Context) (engine.Upscaler, error)
	// Abandon ends the process at once. It is called if the parent is gone and
	// native code does not end within abandonAfter.
	Abandon func()
	// Log receives the stacks of panics.
	Log io.Writer
}

// abandonAfter is how long images may take to stop after the parent is gone.
const abandonAfter = 10 * time.Second

// outputBuffer is the size of the pieces of a result, in bytes: encoders write
// smaller ones.
const outputBuffer = 256 << 10

// host is a Host at work.
type host struct {
	Host
	replies frames
	working sync.WaitGroup
	lost    context.CancelCauseFunc

	mutex   sync.Mutex
	engine  engine.Upscaler // nil before it is open
	ended   bool            // nothing is greeted any more
	pending map[uint64]*incoming
}

// incoming is a request whose input is arriving or in work.
type incoming struct {
	request request
	input   []byte
	cancel  context.CancelFunc // nil until its input has arrived
}

// Serve opens the engine and upscales images until the requests' pipe closes,
// because the parent hung up or died. It then returns nil; else the error of Open,
// a fault.DeviceLost of the engine, or an error of the pipes. No image is in work
// when it returns.
func (h Host) Serve(ctx context.Context) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	s := &host{Host: h, replies: frames{to: h.Replies}, lost: end, pending: map[uint64]*incoming{}}
	go func() { // ends with the process if the pipe does not close
		err := s.read(ctx)
		if errors.Is(err, io.EOF) {
			err = errHungUp
		}
		//guard:child-dies-with-parent
		end(err)
	}()
	err := s.open(ctx)
	if err == nil {
		<-ctx.Done()
		err = context.Cause(ctx)
	}
	abandoned := time.AfterFunc(abandonAfter, h.Abandon)
	defer abandoned.Stop()
	end(nil) // the images in work stop
	s.mutex.Lock()
	s.ended = true
	s.mutex.Unlock()
	s.working.Wait()
	if errors.Is(context.Cause(ctx), errHungUp) {
		return nil
	}
	return err
}

// errHungUp means that the parent has closed the requests' pipe.
var errHungUp = errors.New("the parent is gone")

func (s *host) open(ctx context.Context) error {
	opened, err := s.Open(ctx)
	if err != nil {
		_ = s.replies.write(kindFailure, 0, encodeFailure(err)) // an error means that the parent is dead
		return err
	}
	s.mutex.Lock()
	s.engine = opened
	s.mutex.Unlock()
	hello, err := json.Marshal(greeting{Version: version, Devices: engine.DevicesOf(opened)})
	if err != nil {
		return fmt.Errorf("describe devices: %w", err)
	}
	return s.replies.write(kindReady, 0, hello)
}

// read takes requests until the pipe closes. It never blocks on an image, so that
// the parent can always write.
func (s *host) read(ctx context.Context) error {
	in := bufio.NewReaderSize(s.Requests, 64<<10)
	for {
		f, err := readFrame(in)
		if err == nil {
			err = s.take(ctx, f)
		}
		if err != nil {
			return err
		}
	}
}

func (s *host) take(ctx context.Context, f frame) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.ended {
		return context.Cause(ctx)
	}
	if s.engine == nil {
		return errors.New("a request came before the engine was ready")
	}
	r := s.pending[f.id]
	switch {
	case f.kind == kindRequest && r == nil:
		return s.accept(ctx, f)
	case f.kind == kindInput && r == nil: // of a request that was canceled meanwhile
		return nil
	case f.kind == kindInput && len(r.input)+len(f.payload) <= cap(r.input) && r.cancel == nil:
		r.input = append(r.input, f.payload...)
		if len(r.input) == cap(r.input) {
			s.begin(ctx, f.id, r)
		}
		return nil
	case f.kind == kindCancel && r == nil: // it has ended meanwhile
		return nil
	case f.kind == kindCancel && r.cancel == nil:
		delete(s.pending, f.id)
		return s.replies.write(kindFailure, f.id, encodeFailure(context.Canceled))
	case f.kind == kindCancel:
		r.cancel()
		return nil
	case f.kind == kindDevices && r == nil:
		s.working.Go(func() { s.sendDevices(f.id) })
		return nil
	}
	return fmt.Errorf("a frame of kind %d makes no sense here", f.kind)
}

// accept registers a request with room for its input.
func (s *host) accept(ctx context.Context, f frame) error {
	r := &incoming{}
	if err := json.Unmarshal(f.payload, &r.request); err != nil {
		return fmt.Errorf("read a request: %w", err)
	}
	if r.request.Bytes < 0 || r.request.Bytes > maxImage {
		return fmt.Errorf("an image of %d bytes", r.request.Bytes)
	}
	r.input = make([]byte, 0, r.request.Bytes)
	s.pending[f.id] = r
	if r.request.Bytes == 0 {
		s.begin(ctx, f.id, r)
	}
	return nil
}

// begin runs a request whose input has arrived. The caller holds the mutex.
func (s *host) begin(ctx context.Context, id uint64, r *incoming) {
	own, cancel := context.WithCancel(ctx)
	r.cancel = cancel
	q := r.request.Request
	q.Input, r.input = r.input, nil
	engine := s.engine
	s.working.Go(func() {
		defer cancel()
		answer, err := s.run(own, id, engine, q, r.request.Watched)
		s.answer(ctx, id, answer, err)
	})
}

// run upscales an image and returns the final reply.
func (s *host) run(ctx context.Context, id uint64, on engine.Upscaler, q engine.Request, watched bool) ([]byte, error) {
	out := bufio.NewWriterSize(pieces{&s.replies, kindOutput, id}, outputBuffer)
	q.Output = out
	if watched {
		q.Progress = func(p engine.Progress) { _ = s.replies.write(kindProgress, id, encodeProgress(p)) } // the next one follows
	}
	result, err := s.upscale(ctx, on, q)
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return nil, err
	}
	return encodeResult(result)
}

// answer ends a request. An image that stops because this process ends gets no
// answer, so that the parent retries it.
func (s *host) answer(ctx context.Context, id uint64, answer []byte, err error) {
	if err != nil && ctx.Err() != nil {
		return
	}
	s.mutex.Lock()
	delete(s.pending, id)
	s.mutex.Unlock()
	if err != nil {
		_ = s.replies.write(kindFailure, id, encodeFailure(err)) // an error means that the parent is dead
		if fault.KindOf(err) == fault.DeviceLost {
			s.lost(err)
		}
		return
	}
	if err := s.replies.write(kindResult, id, answer); err != nil {
		s.lost(fmt.Errorf("answer: %w", err)) // the requests' pipe closes too
	}
}

// upscale runs the engine. A panic on this goroutine fails only this image.
func (s *host) upscale(ctx context.Context, on engine.Upscaler, q engine.Request) (result engine.Result, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			fmt.Fprintf(s.Log, "panic in the engine: %v\n%s", cause, bytes.TrimSpace(debug.Stack()))
			err = fault.New(fault.Internal, "The image could not be processed because of a defect.")
		}
	}()
	return on.Upscale(ctx, q)
}

func (s *host) sendDevices(id uint64) {
	list, err := json.Marshal(engine.DevicesOf(s.engine))
	if err != nil {
		list = []byte("null")
	}
	_ = s.replies.write(kindDeviceList, id, list) // an error means that the parent is dead
}
