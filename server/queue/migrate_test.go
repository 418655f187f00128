package queue_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue"
	"upscaled/server/queue/natstest"
)

// old fills a queue with a job in every state and an upload, and stores their
// images as an earlier version did.
func old(t *testing.T, q node, account string) {
	t.Helper()
	for _, id := range []string{"finished", "running", "queued"} {
		submit(t, q, spec(id, account, 1))
	}
	succeed(t, next(t, q), "image")
	abandon(t, next(t, q))
	if _, err := q.PutUpload(t.Context(), job.Upload{ID: "file"}, bytes.Repeat([]byte("contents"), 1<<18)); err != nil {
		t.Fatal(err)
	}
	if err := q.Downgrade(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A data folder of an earlier version keeps jobs, images, uploads and credits.
func TestEarlierDataFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := embed(t, dir)
	q := start(t, c, nil)
	id := newAccount(t, q, 10)
	old(t, q, id)
	_, q = reopen(t, dir, c, q, alone)
	if result(t, q, "finished") != "image" || balance(t, q, id) != 7 || q.Unfinished() != 2 {
		t.Errorf("%d credits, %d unfinished", balance(t, q, id), q.Unfinished())
	}
	if data, err := q.ReadUpload(t.Context(), "file"); err != nil || len(data) != 2<<20 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	for range 2 {
		lease := next(t, q)
		if input, err := lease.Input(t.Context()); err != nil || string(input) != "input of "+lease.Job().ID {
			t.Errorf("%q, %v", input, err)
		}
		succeed(t, lease, "late")
	}
	nothingLeft(t, dir)
	if _, err := natstest.Join(t, dir).ObjectStore(t.Context(), "upscaled_pictures_1"); !errors.Is(err, jetstream.ErrBucketNotFound) {
		t.Errorf("the old store stays: %v", err)
	}
}

// While processes of an earlier version may be at work, nothing is moved away
// from them.
func TestEarlierVersionAtWork(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1)
	q := start(t, c.dial(t), nil)
	old(t, q, newAccount(t, q, 10))
	working, stop := context.WithCancel(t.Context())
	defer stop()
	waits := make(chan struct{})
	go func() {
		defer close(waits)
		_, _ = q.Next(working, job.Large)
	}()
	open := func() error {
		_, err := queue.Open(t.Context(), c.dial(t), options(nil))
		return err
	}
	eventually(t, func() bool { return fault.KindOf(open()) == fault.Busy })
	stop()
	<-waits
	q.stop()
	eventually(t, func() bool { return open() == nil })
	late := start(t, c.dial(t), nil)
	if result(t, late, "finished") != "image" {
		t.Error("another result")
	}
}

// A worker does not take the images away from a server of an earlier version
// on its machine.
func TestEarlierServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	q := start(t, embed(t, dir), nil)
	old(t, q, "")
	attached, err := queue.Attach(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer attached.Close()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	if _, err := queue.Open(ctx, attached, options(nil)); fault.KindOf(err) != fault.Busy {
		t.Errorf("images are moved: %v", err)
	}
}
