package queue_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"upscaled/server/job"
	"upscaled/server/queue"
	"upscaled/server/queue/natstest"
)

// nothingLeft waits until the store in a folder has nothing that belongs to no
// job and no upload.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	store := natstest.Join(t, dir)
	eventually(t, func() bool {
		left, err := natstest.Orphans(t.Context(), store)
		return err == nil && len(left) == 0
	})
}

// Inputs kept by nobody, a lost lease's result, an upload's contents and
// pieces of what was never whole: the next process removes them.
func TestClearedAtTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := embed(t, dir)
	q := start(t, c, nil)
	submit(t, q, spec("done", "", 0))
	succeed(t, next(t, q), "image")
	submit(t, q, spec("waits", "", 0))
	if _, err := q.PutUpload(t.Context(), job.Upload{ID: "kept"}, []byte("contents")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"never/input", "done/input", "done/othertoken", "waits/token", "@upload/half/token", "@upload/kept/token"} {
		if err := q.PutImage(t.Context(), name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"broken/input", "done/brokentoken", "@upload/broken/token"} {
		if err := q.ChunkOnly(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	_, q = reopen(t, dir, c, q, alone)
	eventually(t, func() bool {
		names, err := q.Images(t.Context())
		return err == nil && len(names) == 3
	})
	names, err := q.Images(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"done/", "waits/input", "@upload/kept/"} {
		if !slices.ContainsFunc(names, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("%s is gone: %v", want, names)
		}
	}
	lease := next(t, q)
	if input, err := lease.Input(t.Context()); err != nil || string(input) != "input of waits" {
		t.Errorf("%q, %v", input, err)
	}
	succeed(t, lease, "image of waits")
	if contents, err := q.ReadUpload(t.Context(), "kept"); err != nil || string(contents) != "contents" {
		t.Errorf("%q, %v", contents, err)
	}
	if result(t, q, "done") != "image" {
		t.Error("a result was changed")
	}
	nothingLeft(t, dir)
}

// Where others submit, what has no record may be a submission that goes on.
func TestYoungImagesAreLeftAlone(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	var ahead atomic.Int64
	q := start(t, embed(t, t.TempDir()), func(o *queue.Options) {
		o.Orphans = time.Minute
		o.Now = func() time.Time { return begun.Add(time.Duration(ahead.Load())) }
	})
	for _, name := range []string{"never/input", "@upload/half/token"} {
		if err := q.PutImage(t.Context(), name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.ChunkOnly(t.Context(), "goes-on/input"); err != nil {
		t.Fatal(err)
	}
	q.stop()
	for _, step := range []struct {
		after  time.Duration
		images int
	}{{0, 3}, {59 * time.Second, 3}, {time.Minute, 0}} {
		ahead.Store(int64(step.after))
		if err := q.Collect(t.Context()); err != nil {
			t.Fatal(err)
		}
		names, err := q.Images(t.Context())
		if err != nil || len(names) != step.images {
			t.Errorf("after %s: %v, %v", step.after, names, err)
		}
	}
}
