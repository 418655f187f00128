//go:build linux

package child_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"upscaled/engine"
	"upscaled/models/fault"
	"upscaled/server/worker/child"
)

func absentCommand([]engine.DeviceUse) *exec.Cmd { return exec.Command("/nonexistent/program") }

var processID = regexp.MustCompile(`process is ready" process=([0-9]+)`)

// newest is the process ID of the child that said last that it is ready.
func newest(t *testing.T, log *record) int {
	t.Helper()
	all := processID.FindAllStringSubmatch(log.String(), -1)
	if len(all) == 0 {
		t.Fatalf("no process in the log:\n%s", log)
	}
	id, err := strconv.Atoi(all[len(all)-1][1])
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// alive says whether a process exists and is no zombie.
func alive(id int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", id))
	if err != nil {
		return false
	}
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	return !bytes.HasPrefix(rest, []byte("Z"))
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !holds(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal(what)
		}
	}
}

// kill -9 of the child in the middle of its work loses nothing.
func TestKilledChild(t *testing.T) {
	t.Parallel()
	e, log := parent(t, "plain")
	gate := filepath.Join(t.TempDir(), "open")
	ends := waiting(t, e, gate, 3)
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(newest(t, log), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for _, err := range ends() {
		if err != nil {
			t.Errorf("a picture: %v", err)
		}
	}
	// One that is idle is replaced too.
	killed := newest(t, log)
	if err := syscall.Kill(killed, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "no other child is started", func() bool { return newest(t, log) != killed })
}

// A child whose engine opened once and never again is given up after some
// tries, as a device that is lost.
func TestGivesUp(t *testing.T) {
	t.Parallel()
	var known atomic.Int64 // children that were told of the first one's device
	e, log := parent(t, filepath.Join(t.TempDir(), "mark")+":once", func(o *child.Options) {
		o.Delay = time.Millisecond
		make := o.Command
		o.Command = func(last []engine.DeviceUse) *exec.Cmd {
			if len(last) == 1 && last[0].Kind == "cpu" {
				known.Add(1)
			}
			return make(last)
		}
	})
	if err := e.WarmUp(patience(t)); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(newest(t, log), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end is not noticed", func() bool { return strings.Contains(log.String(), "process ended") })
	_, err := e.Upscale(patience(t), engine.Request{})
	if fault.KindOf(err) != fault.DeviceLost || !strings.Contains(err.Error(), "no GPU any more") {
		t.Errorf("%v", err)
	}
	if known.Load() != 8 {
		t.Errorf("%d children were told of the device, want 8", known.Load())
	}
}

// Close ends the child, one that does not listen too.
func TestClose(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"plain", "deaf"} {
		e, log := parent(t, role, func(o *child.Options) { o.Grace = time.Second })
		if err := e.WarmUp(patience(t)); err != nil {
			t.Fatal(err)
		}
		id := newest(t, log)
		if !alive(id) {
			t.Fatalf("%s: process %d is not alive", role, id)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if alive(id) {
			t.Errorf("%s: process %d is left", role, id)
		}
		if _, err := e.Upscale(patience(t), engine.Request{}); fault.KindOf(err) != fault.Canceled {
			t.Errorf("a picture after the end: %v", err)
		}
	}
	// Closed in the middle of its start, or with images in work.
	early, _ := parent(t, "plain")
	if err := early.Close(); err != nil {
		t.Error(err)
	}
	busy, _ := parent(t, "plain")
	ends := waiting(t, busy, "wait", 2)
	if err := busy.Close(); err != nil {
		t.Error(err)
	}
	for _, err := range ends() {
		if fault.KindOf(err) != fault.Canceled {
			t.Errorf("a picture in work: %v", err)
		}
	}
}

// parentMain is a parent that waits to be killed, and reports its child.
func parentMain() {
	e := child.New(child.Options{Command: command("plain"), Log: slog.New(slog.NewTextHandler(os.Stdout, nil))})
	_ = e.WarmUp(context.Background())
	select {}
}

// A parent that is killed takes its child with it.
func TestKilledParent(t *testing.T) {
	t.Parallel()
	p := command("parent")(nil)
	said, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	log := &record{}
	for lines := bufio.NewScanner(said); lines.Scan(); {
		_, _ = log.Write(lines.Bytes())
		if processID.Match(lines.Bytes()) {
			break
		}
	}
	id := newest(t, log)
	if !alive(id) {
		t.Fatal("the child is not alive")
	}
	_ = p.Process.Kill()
	_ = p.Wait()
	killed := time.Now()
	eventually(t, "the child outlives its parent", func() bool { return !alive(id) })
	t.Logf("the child was gone %v after its parent", time.Since(killed))
}

// equal is an io.Writer that compares with what is wanted, without a copy.
type equal struct {
	want  []byte
	wrong bool
}

func (e *equal) Write(p []byte) (int, error) {
	e.wrong = e.wrong || !bytes.HasPrefix(e.want, p)
	e.want = e.want[min(len(p), len(e.want)):]
	return len(p), nil
}

// A file of 50 MB goes to the child without being copied here, and its result
// is collected once.
func TestMemoryOfLargePictures(t *testing.T) {
	e, _ := parent(t, "plain")
	if err := e.WarmUp(patience(t)); err != nil {
		t.Fatal(err)
	}
	const size = 50 << 20
	input := make([]byte, size)
	for i := range input {
		input[i] = byte(i * i >> 7)
	}
	out := &equal{want: input}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := e.Upscale(patience(t), engine.Request{Input: input, Output: out, Faces: asking("echo")}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if out.wrong || len(out.want) > 0 {
		t.Error("the bytes are not the same")
	}
	allocated := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d MiB allocated for %d MiB in and out", allocated>>20, size>>20)
	if allocated > size+8<<20 {
		t.Errorf("%d bytes were allocated for %d", allocated, size)
	}
}
