//go:build linux

package child_test

import (
	"bytes"
	"strings"
	"syscall"
	"testing"
	"time"

	"upscaled/engine"
	"upscaled/models/fault"
	"upscaled/server/worker/child"
)

// greedyBound is what a child may have in these tests, in bytes; a greedy
// image takes twice as much.
const greedyBound = 128 << 20

// A image for which the engine exceeds its memory limit fails alone.
// The process is started again, which is logged and counted.
func TestGreedyPicture(t *testing.T) {
	t.Parallel()
	e, log := parent(t, "good", func(o *child.Options) { o.Memory = greedyBound })
	ctx := patience(t)
	if err := e.WarmUp(ctx); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	_, err := e.Upscale(ctx, engine.Request{Input: noise(t, 8, 8, false), Output: &out, Faces: asking("greedy"), Progress: func(engine.Progress) {}})
	if fault.KindOf(err) != fault.Internal {
		t.Errorf("the greedy picture: %v", err)
	}
	if !strings.Contains(log.String(), "exceeds its memory limit") {
		t.Error("the log does not tell why")
	}
	if _, err := e.Upscale(ctx, engine.Request{Input: noise(t, 8, 8, false), Output: &out}); err != nil {
		t.Errorf("a modest one after it: %v", err)
	}
	if restarts := e.Restarts(); restarts < 2 { // once beside others, once alone
		t.Errorf("%d restarts", restarts)
	}
	if err := e.Ready(); err != nil {
		t.Error(err)
	}
}

// Between two children there is none, which is reported without waiting.
func TestReadyTellsOfTheChild(t *testing.T) {
	t.Parallel()
	e, log := parent(t, "good", func(o *child.Options) { o.Delay = time.Hour })
	if err := e.WarmUp(patience(t)); err != nil {
		t.Fatal(err)
	}
	if err := e.Ready(); err != nil || e.Restarts() != 0 {
		t.Errorf("at first: %v, %d restarts", err, e.Restarts())
	}
	if err := syscall.Kill(newest(t, log), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the engine is not ready", func() bool { return fault.KindOf(e.Ready()) == fault.Busy })
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if err := e.Ready(); fault.KindOf(err) != fault.Canceled {
		t.Errorf("closed: %v", err)
	}
}
