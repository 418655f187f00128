//go:build linux

package child_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/worker/child"
)

// settled leaves out what differs from run to run.
func settled(r engine.Result) engine.Result {
	r.Input.Meta, r.Output.Meta = imagedata.Metadata{}, imagedata.Metadata{}
	s := r.Stats
	s.Wall, s.Decode, s.Open, s.Session, s.Resize, s.Encode, s.FirstTile = 0, 0, 0, 0, 0, 0, 0
	r.Stats = s
	if len(r.Notes) == 0 {
		r.Notes = nil
	}
	return r
}

// The child makes the same bytes as the engine itself, and says the same of
// them and of what it refuses.
func TestSameAsTheEngine(t *testing.T) {
	t.Parallel()
	e, _ := parent(t, "plain")
	itself := newEngine()
	defer itself.Close()
	zero := 0.0
	colour, alpha := noise(t, 61, 47, false), noise(t, 33, 20, true)
	for i, q := range []engine.Request{
		{Input: colour},
		{Input: alpha, Size: engine.Size{Scale: 2.5}, Tile: 16},
		{Input: alpha, Format: imagedata.JPEG, Quality: 70, Denoise: &zero, Strip: true},
		{Input: colour, MaxInputWidth: 20, Size: engine.Size{FitWidth: 50, FitHeight: 90}, Model: "any"},
		{Input: colour, Format: imagedata.WebP, Lossless: true, Size: engine.Size{Longest: 100}},
		{Input: colour, Size: engine.Size{Scale: 99}},
		{Input: []byte("no picture")},
		{},
		{Input: colour, Faces: &engine.Faces{Strength: 0.5, Restorer: os.Args[0]}},
	} {
		var ours, childEnds bytes.Buffer
		var last engine.Progress
		q.Output = &childEnds
		if q.Faces != nil { // the wilful engine takes these itself
			q.Faces.Strength = 0
		}
		want, wantErr := itself.Upscale(t.Context(), q)
		q.Output, q.Progress = &ours, func(p engine.Progress) { last = p }
		got, err := e.Upscale(patience(t), q)
		if fault.KindOf(err) != fault.KindOf(wantErr) || fault.Sentence(err) != fault.Sentence(wantErr) {
			t.Errorf("%d: %v, the engine itself %v", i, err, wantErr)
		}
		if wantErr != nil {
			continue
		}
		if !bytes.Equal(ours.Bytes(), childEnds.Bytes()) || !reflect.DeepEqual(settled(got), settled(want)) {
			t.Errorf("%d: %d bytes, the engine itself %d\n%+v\n%+v", i, ours.Len(), childEnds.Len(), got, want)
		}
		if last.Total == 0 || last.Done != last.Total {
			t.Errorf("%d: the last progress was %+v", i, last)
		}
		if got.Stats.Wall <= 0 {
			t.Errorf("%d: no time was measured", i)
		}
	}
	if d := e.Devices(); len(d) != 1 || d[0].Kind != "cpu" || d[0].Busy <= 0 {
		t.Errorf("devices: %+v", d)
	}
}

// waiting starts images that hang until their process dies, or until a file
// exists, and returns when all are in work. end returns each one's error.
func waiting(t *testing.T, e *child.Engine, gate string, count int) (end func() []error) {
	t.Helper()
	begun, done := make(chan struct{}, count), make(chan error, count)
	input := noise(t, 20, 10, false)
	for range count {
		go func() {
			once := sync.OnceFunc(func() { begun <- struct{}{} })
			var out bytes.Buffer
			result, err := e.Upscale(patience(t), engine.Request{
				Input: input, Output: &out, Faces: asking(gate), Progress: func(engine.Progress) { once() },
			})
			if err == nil && (result.Output.Width != 80 || !bytes.HasPrefix(out.Bytes(), []byte("\x89PNG")) || bytes.Count(out.Bytes(), []byte("IEND")) != 1) {
				err = fmt.Errorf("a wrong picture of %d bytes: %+v", out.Len(), result)
			}
			done <- err
		}()
	}
	for range count {
		<-begun
	}
	return func() []error {
		all := make([]error, count)
		for i := range all {
			all[i] = <-done
		}
		return all
	}
}

// A image that crashes the process fails; the five that were in work with it
// succeed. Tried again it runs alone at once and disturbs nobody.
func TestPoisonPaysAlone(t *testing.T) {
	t.Parallel()
	e, log := parent(t, "plain")
	gate := filepath.Join(t.TempDir(), "open")
	others := waiting(t, e, gate, 5)
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	poison := engine.Request{Input: []byte("poison"), Output: &bytes.Buffer{}, Faces: asking("poison")}
	_, err := e.Upscale(patience(t), poison)
	if fault.KindOf(err) != fault.Internal || fault.Sentence(err) != "The engine crashed on this image." {
		t.Errorf("the poison: %v", err)
	}
	for _, err := range others() {
		if err != nil {
			t.Errorf("another picture: %v", err)
		}
	}
	if err := e.WarmUp(patience(t)); err != nil {
		t.Error(err)
	}
	before := strings.Count(log.String(), "process ended")
	if _, err := e.Upscale(patience(t), poison); fault.KindOf(err) != fault.Internal {
		t.Errorf("the poison again: %v", err)
	}
	if err := e.WarmUp(patience(t)); err != nil {
		t.Error(err)
	}
	if ends := strings.Count(log.String(), "process ended") - before; before != 2 || ends != 1 {
		t.Errorf("the process ended %d times, then %d times; want 2 and 1", before, ends)
	}
	if !strings.Contains(log.String(), "SIGSEGV") {
		t.Error("the crash's own words are not in the log")
	}
}

// Neither a panic nor a device that was lost costs more than the process.
func TestPanicAndLostDevice(t *testing.T) {
	t.Parallel()
	e, log := parent(t, "plain")
	_, err := e.Upscale(patience(t), engine.Request{Output: &bytes.Buffer{}, Faces: asking("panic")})
	if fault.KindOf(err) != fault.Internal || !strings.Contains(fault.Sentence(err), "defect") {
		t.Errorf("a panic: %v", err)
	}
	if strings.Contains(log.String(), "process ended") {
		t.Error("a panic ended the process")
	}
	gate := filepath.Join(t.TempDir(), "open")
	others := waiting(t, e, gate, 1)
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = e.Upscale(patience(t), engine.Request{Output: &bytes.Buffer{}, Faces: asking("lost")})
	if fault.KindOf(err) != fault.Internal {
		t.Errorf("a device lost by this picture alone: %v", err)
	}
	if err := others()[0]; err != nil {
		t.Errorf("another picture: %v", err)
	}
}

// A child that cannot open its engine at first is not started again; its own
// error says.
func TestCannotOpen(t *testing.T) {
	t.Parallel()
	e, _ := parent(t, "x:missing")
	err := e.WarmUp(patience(t))
	if fault.KindOf(err) != fault.ModelMissing || err.Error() != "The model is not installed.: no such file" {
		t.Errorf("a missing model: %v", err)
	}
	if _, err := e.Upscale(patience(t), engine.Request{}); fault.KindOf(err) != fault.ModelMissing {
		t.Errorf("a picture then: %v", err)
	}
	crashed, _ := parent(t, "x:crash")
	if err := crashed.WarmUp(patience(t)); fault.KindOf(err) != fault.Internal || !strings.Contains(fault.Sentence(err), "while it started") {
		t.Errorf("a crash: %v", err)
	}
	absent, _ := parent(t, "", func(o *child.Options) { o.Command = absentCommand })
	if err := absent.WarmUp(patience(t)); fault.KindOf(err) != fault.Internal {
		t.Errorf("no program: %v", err)
	}
}

// A child that breaks the protocol is ended.
func TestBrokenChild(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"liar", "stranger"} {
		e, log := parent(t, role)
		if err := e.WarmUp(patience(t)); fault.KindOf(err) != fault.Internal || !strings.Contains(log.String(), "protocol") {
			t.Errorf("%s: %v\n%s", role, err, log)
		}
	}
}

// Canceling one image stops that one.
func TestCancel(t *testing.T) {
	t.Parallel()
	e, log := parent(t, "plain")
	ctx, cancel := context.WithCancel(patience(t))
	_, err := e.Upscale(ctx, engine.Request{Output: &bytes.Buffer{}, Faces: asking("wait"), Progress: func(engine.Progress) { cancel() }})
	if fault.KindOf(err) != fault.Canceled || !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if _, err := e.Upscale(ctx, engine.Request{Output: &bytes.Buffer{}}); fault.KindOf(err) != fault.Canceled {
		t.Errorf("canceled before: %v", err)
	}
	if strings.Contains(log.String(), "process ended") {
		t.Error("canceling ended the process")
	}
}

// A image that goes on although it was canceled costs the process, and the
// others nothing.
func TestStuckPicture(t *testing.T) {
	t.Parallel()
	e, log := parent(t, "plain", func(o *child.Options) { o.Patience = 1 })
	gate := filepath.Join(t.TempDir(), "open")
	others := waiting(t, e, gate, 2)
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(patience(t))
	_, err := e.Upscale(ctx, engine.Request{Output: &bytes.Buffer{}, Faces: asking("stuck"), Progress: func(engine.Progress) { cancel() }})
	if fault.KindOf(err) != fault.Canceled {
		t.Errorf("stuck: %v", err)
	}
	for _, err := range others() {
		if err != nil {
			t.Errorf("another picture: %v", err)
		}
	}
	if !strings.Contains(log.String(), "does not stop") {
		t.Error("nothing about it in the log")
	}
}

// Many at once, each with its own answer.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	e, _ := parent(t, "plain")
	var group sync.WaitGroup
	for i := range 60 {
		group.Go(func() {
			input := bytes.Repeat([]byte{byte(i)}, 1<<uint(i%20)+i)
			var out bytes.Buffer
			result, err := e.Upscale(patience(t), engine.Request{Input: input, Output: &out, Faces: asking("echo")})
			if err != nil || result.Model != "echo" || !bytes.Equal(out.Bytes(), input) {
				t.Errorf("%d: %v, %d bytes of %d", i, err, out.Len(), len(input))
			}
		})
	}
	group.Wait()
}
