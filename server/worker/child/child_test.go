//go:build linux

package child_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/models/fault"
	"upscaled/server/worker/child"
)

// roleVariable makes the test's own executable a child, or a parent to be
// killed.
const roleVariable = "UPSCALED_TEST_CHILD"

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleVariable); role {
	case "":
		goleak.VerifyTestMain(m)
	case "parent":
		parentMain()
	default:
		childMain(role)
	}
}

// childMain is a child; the role decides how its engine opens.
func childMain(role string) {
	switch role {
	case "hoarder": // takes memory and does not end
		hoard := make([]byte, 2*greedyBytes)
		for i := 0; i < len(hoard); i += 4096 {
			hoard[i] = 1
		}
		select {}
	case "talker":
		fmt.Print(strings.Repeat("o", 2<<20))
		fmt.Fprint(os.Stderr, "said")
		os.Exit(7)
	}
	requests, replies, err := child.Pipes()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	switch role {
	case "deaf": // takes no requests and does not end
		_, _ = replies.Write(append([]byte{5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13}, `{"Version":2}`...))
		select {}
	case "liar": // announces a frame of 4 GiB
		_, _ = replies.Write(append(make([]byte, 9), 0xff, 0xff, 0xff, 0xff))
		select {}
	case "stranger":
		_, _ = replies.Write(append([]byte{5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13}, `{"Version":7}`...))
		select {}
	}
	open := func(context.Context) (engine.Upscaler, error) { return opened(role) }
	h := child.Host{Requests: requests, Replies: replies, Open: open, Abandon: func() { os.Exit(3) }, Log: os.Stderr}
	if err := h.Serve(context.Background()); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

func opened(role string) (engine.Upscaler, error) {
	switch mark, how, _ := strings.Cut(role, ":"); how {
	case "":
	case "once": // opens the first time only
		if _, err := os.Stat(mark); err == nil {
			return nil, fault.New(fault.DeviceLost, "There is no GPU any more.")
		}
		if err := os.WriteFile(mark, nil, 0o600); err != nil {
			return nil, err
		}
	case "missing":
		return nil, fault.Wrap(fault.ModelMissing, fmt.Errorf("no such file"), "The model is not installed.")
	case "crash":
		os.Exit(7)
	}
	return wilful{newEngine()}, nil
}

func newEngine() *engine.Engine {
	return engine.New(engine.Options{Runtime: &enginetest.Runtime{}, Library: enginetest.Library{Network: enginetest.Net(4, 4)}})
}

// wilful is an engine that does what the restorer's name says.
type wilful struct{ *engine.Engine }

func (w wilful) Upscale(ctx context.Context, q engine.Request) (engine.Result, error) {
	if q.Faces != nil {
		switch q.Faces.Restorer {
		case "poison":
			_ = syscall.Kill(os.Getpid(), syscall.SIGSEGV)
			select {}
		case "wait":
			q.Progress(engine.Progress{Done: 1, Total: 2})
			<-ctx.Done()
			return engine.Result{}, fault.Wrap(fault.Canceled, ctx.Err(), "The operation was canceled.")
		case "stuck":
			q.Progress(engine.Progress{Done: 1, Total: 2})
			select {}
		case "panic":
			panic("as asked")
		case "greedy":
			greed := make([]byte, 2*greedyBound)
			for i := range greed {
				greed[i] = 1 // what nobody writes to is not in memory
			}
			q.Progress(engine.Progress{Done: 1, Total: 2})
			<-ctx.Done()
			runtime.KeepAlive(greed)
			return engine.Result{}, fault.Wrap(fault.Canceled, ctx.Err(), "The operation was canceled.")
		case "lost":
			return engine.Result{}, fault.New(fault.DeviceLost, "The GPU stopped working.")
		case "echo":
			_, err := q.Output.Write(q.Input)
			return engine.Result{Model: "echo"}, err
		}
		// Without the named file it hangs until its process dies.
		gate := q.Faces.Restorer
		q.Faces = nil
		if _, err := os.Stat(gate); err != nil {
			q.Progress(engine.Progress{Done: 1, Total: 2})
			<-ctx.Done()
		}
	}
	return w.Engine.Upscale(ctx, q)
}

// asking is a request that the wilful engine understands; "" upscales.
func asking(how string) *engine.Faces {
	if how == "" {
		return nil
	}
	return &engine.Faces{Restorer: how}
}

// record is a log that tests read.
type record struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.text.String()
}

func command(role string) func([]engine.DeviceUse) *exec.Cmd {
	return func([]engine.DeviceUse) *exec.Cmd {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), roleVariable+"="+role)
		return c
	}
}

// parent starts an Engine whose children have a role.
func parent(t *testing.T, role string, change ...func(*child.Options)) (*child.Engine, *record) {
	t.Helper()
	log := &record{}
	o := child.Options{Command: command(role), Log: slog.New(slog.NewTextHandler(log, nil))}
	for _, c := range change {
		c(&o)
	}
	e := child.New(o)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return e, log
}

// patience is longer than anything takes that goes well.
func patience(t *testing.T) context.Context {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(stop)
	return ctx
}

func noise(t testing.TB, width, height int, alpha bool) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.NRGBA{uint8(x*7919 + y*104729), uint8(x * y), uint8(x ^ y*31), 255}
			if alpha {
				c.A = uint8(x + y)
			}
			img.SetNRGBA(x, y, c)
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
