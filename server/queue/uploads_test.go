package queue_test

import (
	"bytes"
	"context"
	"testing"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue"
)

// narrow has room for two files of 100 kB.
func narrow(o *queue.Options) { o.UploadBytes = 250_000 }

func keep(t *testing.T, q job.Uploads, id string) error {
	t.Helper()
	_, err := q.PutUpload(t.Context(), job.Upload{ID: id, Account: "x"}, bytes.Repeat([]byte("0123456789"), 10_000))
	return err
}

// What is stored outlives the process and counts afterwards; contents that a
// crash left without a description are nothing.
func TestUploadsAfterCrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := embed(t, dir)
	q := start(t, c, narrow)
	if err := keep(t, q, "whole"); err != nil {
		t.Fatal(err)
	}
	if err := q.ContentsOnly(t.Context(), "half", make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	_, q = reopen(t, dir, c, q, narrow)
	if data, err := q.ReadUpload(t.Context(), "whole"); err != nil || len(data) != 100_000 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if _, err := q.Upload(t.Context(), "half"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("half a file: %v", err)
	}
	if err := keep(t, q, "half"); err != nil {
		t.Errorf("half a file counts, or keeps its ID: %v", err)
	}
	if err := keep(t, q, "third"); fault.KindOf(err) != fault.RateLimited {
		t.Errorf("beyond the bound: %v", err)
	}
}

// Files that other processes store and delete count as well.
func TestUploadsOfOtherProcesses(t *testing.T) {
	t.Parallel()
	c := embed(t, t.TempDir())
	first, second := start(t, c, narrow), start(t, c, narrow)
	for _, id := range []string{"a", "b"} {
		if err := keep(t, first, id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := second.Upload(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	eventually(t, func() bool { return second.UploadedBytes("x") == 200_000 })
	if err := keep(t, second, "c"); fault.KindOf(err) != fault.RateLimited {
		t.Errorf("beyond the bound: %v", err)
	}
	if err := second.DeleteUpload(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return first.UploadedBytes("x") == 100_000 })
	if err := keep(t, first, "c"); err != nil {
		t.Error(err)
	}
}

// A file that cannot be stored takes no room; many tiny ones do.
func TestRoomOfUploads(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), narrow)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := q.PutUpload(ctx, job.Upload{ID: "never", Account: "x"}, []byte("data")); err == nil {
		t.Fatal("stored within no time")
	}
	if got := q.UploadedBytes("x"); got != 0 {
		t.Errorf("%d bytes are taken by nothing", got)
	}
	if _, err := q.PutUpload(t.Context(), job.Upload{ID: "tiny", Account: "x"}, nil); err != nil || q.UploadedBytes("x") < 1000 {
		t.Errorf("an empty file counts %d, %v", q.UploadedBytes("x"), err)
	}
	for _, u := range []job.Upload{{ID: "a b"}, {ID: "long", Name: string(make([]byte, 2000))}} {
		if _, err := q.PutUpload(t.Context(), u, nil); err == nil {
			t.Errorf("accepted: %.10q", u.ID)
		}
	}
}
