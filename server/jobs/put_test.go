package jobs_test

import (
	"bytes"
	"errors"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"upscaled/engine/fault"
	"upscaled/server/jobs"
)

// logged is a log that is read while it is written.
type logged struct {
	mutex sync.Mutex
	text  strings.Builder
}

// Write implements io.Writer.
func (l *logged) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.text.Write(p)
}

func (l *logged) has(text string) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return strings.Contains(l.text.String(), text)
}

// A node that has not heard of an object yet is asked again; else a job whose
// input it is would fail for good. Where one node has all, what is not there is
// told at once.
func TestObjectThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	absent := fault.New(fault.NotFound, "It is absent.")
	log := &logged{}
	q := start(t, embed(t, t.TempDir()), func(o *jobs.Options) { o.Log = slog.New(slog.NewTextHandler(log, nil)) })
	if _, err := q.Load(t.Context(), "job/input", 1, absent); !errors.Is(err, absent) {
		t.Errorf("of one node: %v", err)
	}
	if log.has("tried again") {
		t.Error("one node is asked again")
	}
	type answer struct {
		data []byte
		err  error
	}
	read := make(chan answer, 1)
	go func() {
		data, err := q.Load(t.Context(), "job/input", 3, absent)
		read <- answer{data, err}
	}()
	eventually(t, func() bool { return log.has("not there yet") })
	if err := q.Store(t.Context(), "job/input", []byte("late")); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got.err != nil || string(got.data) != "late" {
		t.Errorf("%q, %v", got.data, got.err)
	}
}

// Objects are what the library itself would have written, so that any program
// that knows object stores reads them, and one takes the other's place whole.
func TestPutIsTheLibrarys(t *testing.T) {
	t.Parallel()
	q := start(t, embed(t, t.TempDir()), nil)
	for i, size := range []int{0, 1, 128<<10 - 1, 128 << 10, 128<<10 + 1, 1 << 20} {
		data := bytes.Repeat([]byte{byte(i), 7, 9}, size/3+1)[:size]
		theirs, _, err := q.Described(t.Context(), "job/input", data, true)
		if err != nil {
			t.Fatal(err)
		}
		ours, contents, err := q.Described(t.Context(), "job/input", data, false)
		if err != nil || !bytes.Equal(contents, data) {
			t.Fatalf("%d bytes: %d are read, %v", size, len(contents), err)
		}
		if ours.NUID == theirs.NUID {
			t.Errorf("%d bytes: the object is still the one before", size)
		}
		for _, info := range []*time.Time{&ours.ModTime, &theirs.ModTime} {
			*info = time.Time{}
		}
		if ours.NUID = theirs.NUID; !reflect.DeepEqual(ours, theirs) {
			t.Errorf("%d bytes: %+v, the library's is %+v", size, ours, theirs)
		}
		want := min(size, 1) // no pieces of nothing
		if pieces, err := q.Pieces(t.Context()); err != nil || pieces != want {
			t.Errorf("%d bytes: pieces of %d objects, %v", size, pieces, err)
		}
	}
}
