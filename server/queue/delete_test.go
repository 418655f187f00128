package queue_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue"
)

// noise returns bytes that no other file has, in pieces that tests can look for.
func noise(size int) string {
	random := rand.New(rand.NewSource(int64(size)))
	data := make([]byte, size)
	_, _ = random.Read(data)
	return string(data)
}

// stored reports which parts of an image, cut into pieces, any file of a folder holds.
func stored(t *testing.T, dir, image string) (pieces int) {
	t.Helper()
	const piece = 4 << 10
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return ignoreGone(err)
		}
		data, err := os.ReadFile(path)
		for at := 0; at+piece <= len(image); at += 16 * piece {
			if bytes.Contains(data, []byte(image[at:at+piece])) {
				pieces++
			}
		}
		return ignoreGone(err)
	})
	if err != nil {
		t.Fatal(err)
	}
	return pieces
}

// ignoreGone drops the error of a file that the server has renamed meanwhile.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// A deleted result is in no file of the data folder, and its neighbors are sound, also
// for the next process, which checks the files.
func TestDeletedBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := embed(t, dir)
	q := start(t, c, nil)
	images := map[string]string{"first": noise(300_000), "deleted": noise(1_300_000), "last": noise(400_000)}
	for _, id := range []string{"first", "deleted", "last"} {
		submit(t, q, spec(id, "", 0))
		succeed(t, next(t, q), images[id])
	}
	if stored(t, dir, images["deleted"]) == 0 {
		t.Fatal("the result is in no file before: nothing is tested")
	}
	if err := q.Delete(t.Context(), "deleted"); err != nil {
		t.Fatal(err)
	}
	if left := stored(t, dir, images["deleted"]); left > 0 {
		t.Errorf("%d pieces of the deleted result are left", left)
	}
	_, q = reopen(t, dir, c, q, nil)
	for _, id := range []string{"first", "last"} {
		if result(t, q, id) != images[id] {
			t.Errorf("the result of %s is another", id)
		}
	}
	if _, err := q.Get(t.Context(), "deleted"); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
	nothingLeft(t, dir)
}

// A process that dies right after it erased the record leaves images, which the next
// one erases at once, however long other images are given.
func TestCrashWhileDeleting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := embed(t, dir)
	q := start(t, c, nil)
	image := noise(700_000)
	submit(t, q, spec("a", "", 0))
	succeed(t, next(t, q), image)
	if err := q.EraseRecord(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if stored(t, dir, image) == 0 {
		t.Fatal("the image is gone already: nothing is tested")
	}
	_, _ = reopen(t, dir, c, q, nil)
	nothingLeft(t, dir)
	eventually(t, func() bool { return stored(t, dir, image) == 0 })
}

// A result that was paid stays paid when it is deleted, even if its charge was not yet
// settled, and a running job is refunded.
func TestDeletedChargeStays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := embed(t, dir)
	q := start(t, c, func(o *queue.Options) { o.Ledger = closed{o.Ledger} })
	id := newAccount(t, q, 10)
	submit(t, q, spec("a", id, 3))
	succeed(t, next(t, q), "image")
	if err := q.Delete(t.Context(), "a"); err == nil {
		t.Error("the record of an unsettled charge is deleted")
	}
	c, q = reopen(t, dir, c, q, alone)
	if err := q.Delete(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	submit(t, q, spec("b", id, 2))
	lease := next(t, q)
	if err := q.Delete(t.Context(), "b"); err != nil {
		t.Error(err)
	}
	<-lease.Context().Done()
	if err := lease.Succeed(t.Context(), strings.NewReader("late"), job.Result{}); err == nil {
		t.Error("a deleted job succeeds")
	}
	_, q = reopen(t, dir, c, q, alone)
	settled(t, q)
	if got := balance(t, q, id); got != 7 {
		t.Errorf("%d credits, want 7", got)
	}
	nothingLeft(t, dir)
	if names, err := q.Images(t.Context()); err != nil || len(names) > 0 {
		t.Errorf("%s, %v", strings.Join(names, ", "), err)
	}
}
