package jobtest

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// Kept is a store of uploads under test.
type Kept struct {
	Uploads job.Uploads
	// Later advances the store's clock.
	Later func(time.Duration)
}

// KeptOptions are the options of a store under test.
type KeptOptions struct {
	Retention time.Duration
	// Bound limits one account's bytes.
	Bound int64
	Now   func() time.Time
}

// TestUploads checks what job.Uploads promises. Each store is new.
func TestUploads(t *testing.T, open func(t *testing.T, o KeptOptions) job.Uploads) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Kept){
		"keep": testUploadKept, "delete": testUploadDeleted, "expire": testUploadExpires,
		"bound": testUploadBound, "bound at once": testUploadBoundAtOnce, "unknown": testUploadUnknown,
		"list": testUploadsListed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ahead atomic.Int64
			test(t, Kept{
				Uploads: open(t, KeptOptions{
					Retention: time.Hour, Bound: uploadBound,
					Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
				}),
				Later: func(d time.Duration) { ahead.Add(int64(d)) },
			})
		})
	}
}

// uploadBound has space for three files of a third.
const (
	uploadBound = 1 << 20
	third       = uploadBound / 3
)

func put(t *testing.T, s Kept, id, account string, size int) job.Upload {
	t.Helper()
	u, err := s.Uploads.PutUpload(t.Context(), job.Upload{ID: id, API: "mnml", Account: account, Name: "a b.png", ContentType: "image/png"}, filler(id, size))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func filler(id string, size int) []byte { return bytes.Repeat([]byte(id), size/len(id)+1)[:size] }

func refused(t *testing.T, what string, err error, kind fault.Kind) {
	t.Helper()
	if fault.KindOf(err) != kind {
		t.Errorf("%s: %v, want %s", what, err, kind)
	}
}

func testUploadKept(t *testing.T, s Kept) {
	for i, size := range []int{0, 1, 300_000} {
		id := fmt.Sprint("f-", i)
		u := put(t, s, id, "x", size)
		data := filler(id, size)
		sum256, sum5 := sha256.Sum256(data), md5.Sum(data)
		if u.Bytes != int64(size) || u.SHA256 != hex.EncodeToString(sum256[:]) || u.MD5 != hex.EncodeToString(sum5[:]) ||
			!u.Expires.Equal(u.Created.Add(time.Hour)) || u.Created.IsZero() {
			t.Errorf("stored: %+v", u)
		}
		again, err := s.Uploads.Upload(t.Context(), id)
		if err != nil || !again.Created.Equal(u.Created) || !again.Expires.Equal(u.Expires) ||
			again.Name != "a b.png" || again.ContentType != "image/png" || again.Account != "x" || again.API != "mnml" || again.SHA256 != u.SHA256 {
			t.Errorf("%+v, %v", again, err)
		}
		if read, err := s.Uploads.ReadUpload(t.Context(), id); err != nil || !bytes.Equal(read, data) {
			t.Errorf("%d bytes read, %v", len(read), err)
		}
	}
	_, err := s.Uploads.PutUpload(t.Context(), job.Upload{ID: "f-1", Account: "y"}, []byte("other"))
	refused(t, "a taken ID", err, fault.Invalid)
	if read, err := s.Uploads.ReadUpload(t.Context(), "f-1"); err != nil || !bytes.Equal(read, filler("f-1", 1)) {
		t.Errorf("the first file became %q, %v", read, err)
	}
}

func testUploadDeleted(t *testing.T, s Kept) {
	put(t, s, "f-1", "x", 10)
	if err := s.Uploads.DeleteUpload(t.Context(), "f-1"); err != nil {
		t.Fatal(err)
	}
	goneUpload(t, s, "f-1")
	put(t, s, "f-1", "x", 20)
	if read, err := s.Uploads.ReadUpload(t.Context(), "f-1"); err != nil || len(read) != 20 {
		t.Errorf("%d bytes, %v", len(read), err)
	}
}

// Pages have every file of the account once, the newest first, and no other's.
func testUploadsListed(t *testing.T, s Kept) {
	put(t, s, "g-1", "y", 10)
	for i := range 5 {
		put(t, s, fmt.Sprint("f-", i), "x", 10)
		s.Later(time.Second)
	}
	if err := s.Uploads.DeleteUpload(t.Context(), "f-2"); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for before := ""; ; {
		files, next, err := s.Uploads.ListUploads(t.Context(), job.Page{API: "mnml", Account: "x", Before: before, Limit: 2})
		if err != nil || len(files) > 2 {
			t.Fatalf("%d files, %v", len(files), err)
		}
		for _, u := range files {
			ids = append(ids, u.ID)
		}
		if before = next; next == "" {
			break
		}
	}
	if got := strings.Join(ids, " "); got != "f-4 f-3 f-1 f-0" {
		t.Errorf("listed %s", got)
	}
	for _, page := range []job.Page{{API: "ailab", Account: "x"}, {API: "mnml"}, {API: "mnml", Account: "x", Before: "0"}} {
		if files, next, err := s.Uploads.ListUploads(t.Context(), page); len(files) > 0 || next != "" || err != nil {
			t.Errorf("%+v: %d files, %q, %v", page, len(files), next, err)
		}
	}
	s.Later(time.Hour)
	if files, _, err := s.Uploads.ListUploads(t.Context(), job.Page{API: "mnml", Account: "x"}); len(files) > 0 || err != nil {
		t.Errorf("%d expired files, %v", len(files), err)
	}
}

func goneUpload(t *testing.T, s Kept, id string) {
	t.Helper()
	_, getting := s.Uploads.Upload(t.Context(), id)
	_, reading := s.Uploads.ReadUpload(t.Context(), id)
	refused(t, fmt.Sprintf("description of %.20q", id), getting, fault.NotFound)
	refused(t, fmt.Sprintf("contents of %.20q", id), reading, fault.NotFound)
	refused(t, fmt.Sprintf("deletion of %.20q", id), s.Uploads.DeleteUpload(t.Context(), id), fault.NotFound)
}

func testUploadExpires(t *testing.T, s Kept) {
	for i := range 3 {
		put(t, s, fmt.Sprint("f-", i), "x", third)
	}
	s.Later(time.Hour)
	goneUpload(t, s, "f-0")
	put(t, s, "g-0", "x", 3*third) // there is space again
}

func testUploadBound(t *testing.T, s Kept) {
	for i := range 3 {
		put(t, s, fmt.Sprint("f-", i), "x", third)
	}
	_, err := s.Uploads.PutUpload(t.Context(), job.Upload{ID: "g-0", Account: "x"}, filler("g", third))
	refused(t, "a fourth third", err, fault.RateLimited)
	goneUpload(t, s, "g-0")
	put(t, s, "h-0", "y", third)
	if err := s.Uploads.DeleteUpload(t.Context(), "f-1"); err != nil {
		t.Fatal(err)
	}
	put(t, s, "g-0", "x", third)
	_, err = s.Uploads.PutUpload(t.Context(), job.Upload{ID: "g-1", Account: "z"}, make([]byte, uploadBound+1))
	refused(t, "a file beyond the bound", err, fault.RateLimited)
}

func testUploadBoundAtOnce(t *testing.T, s Kept) {
	var stored atomic.Int64
	var storing sync.WaitGroup
	for i := range 9 {
		storing.Go(func() {
			_, err := s.Uploads.PutUpload(t.Context(), job.Upload{ID: fmt.Sprint("f-", i), Account: "x"}, filler("f", third))
			if err == nil {
				stored.Add(1)
			} else {
				refused(t, "a file too many", err, fault.RateLimited)
			}
		})
	}
	storing.Wait()
	if stored.Load() != 3 {
		t.Errorf("%d of three files are stored", stored.Load())
	}
}

func testUploadUnknown(t *testing.T, s Kept) {
	put(t, s, "f-1", "x", 10)
	for _, id := range []string{"f-404", "", "*", ">", "f.1", "../f-1", "f-1/", strings.Repeat("x", 5000), "\x00", "ä"} {
		goneUpload(t, s, id)
	}
}
