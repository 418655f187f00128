package worker_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
	"upscaled/server/worker"
)

// filmLease is the lease of a film.
type filmLease struct {
	*lease
	film []byte
}

func (l filmLease) OpenFilm(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.film)), nil
}

// filmSource hands out one film.
type filmSource chan job.Lease

func (s filmSource) Next(ctx context.Context, _ job.Lane) (job.Lease, error) {
	select {
	case l := <-s:
		return l, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A film with more frames than it was paid for fails before any part is upscaled, and
// so does a damaged one.
func TestFilmsAreWhatTheySay(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.mkv")
	if said, err := exec.CommandContext(t.Context(), "ffmpeg", strings.Fields("-v error -f lavfi -i testsrc2=s=32x32:r=5 -t 2 -c:v libx264 "+path)...).CombinedOutput(); err != nil {
		t.Skipf("no film can be made: %v %s", err, said)
	}
	film, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for want, content := range map[string][]byte{"more than the 9 frames": film, "damaged": film[:100]} {
		queue := &jobtest.Queue{}
		films, err := worker.NewFilms(t.Context(), queue, "", imagedata.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		l := filmLease{newLease(job.Options{Format: "mkv", Film: &job.FilmOptions{Frames: 9}}), content}
		source := make(filmSource, 1)
		source <- l
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			done <- worker.New(worker.Options{
				Source: source, Lanes: map[job.Lane]int{job.Films: 1}, Films: films, Log: slog.New(slog.DiscardHandler),
				Engine: machine(func(context.Context, engine.Request) (engine.Result, error) { return engine.Result{}, nil }),
			}).Run(ctx)
		}()
		waitFor(t, l.lease)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if l.how != "fail" || l.cause.Kind != fault.Invalid || !strings.Contains(l.cause.Message, want) || len(queue.Jobs()) > 0 {
			t.Errorf("%s: %s %+v, %d parts", want, l.how, l.cause, len(queue.Jobs()))
		}
		if err := films.Close(); err != nil {
			t.Error(err)
		}
	}
}
