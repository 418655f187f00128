package queue_test

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

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
