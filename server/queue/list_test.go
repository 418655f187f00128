package queue_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"upscaled/server/job"
	"upscaled/server/queue"
)

func listed(t *testing.T, q job.Lister, limit int) (ids []string, next string) {
	t.Helper()
	found, next, err := q.List(t.Context(), job.Page{API: "mnml", Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range found {
		ids = append(ids, j.ID)
	}
	return ids, next
}

// Listings survive the process, include jobs whose work item a crash prevented, and
// drop expired ones.
func TestListAfterCrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := embed(t, dir)
	q := start(t, c, func(o *queue.Options) { o.Sweep = time.Hour })
	for _, id := range []string{"a", "b", "c"} {
		submit(t, q, spec(id, "", 0))
	}
	if err := q.RecordOnly(t.Context(), spec("d", "", 0), []byte("input")); err != nil {
		t.Fatal(err)
	}
	succeed(t, next(t, q), "image")
	_, q = reopen(t, dir, c, q, nil)
	if ids, next := listed(t, q, 3); !slices.Equal(ids, []string{"d", "c", "b"}) || next == "" {
		t.Errorf("%v, %q", ids, next)
	}
	if err := q.Forget(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if ids, next := listed(t, q, 3); len(ids) != 3 || next != "" {
		t.Errorf("a cursor to expired jobs only: %v, %q", ids, next)
	}
	if err := q.Forget(t.Context(), "c"); err != nil {
		t.Fatal(err)
	}
	if ids, _ := listed(t, q, 2); !slices.Equal(ids, []string{"d", "b"}) {
		t.Errorf("%v: the page is not filled", ids)
	}
}

// A job that another process accepts is listed soon; a refused one never is.
func TestListOfOtherProcesses(t *testing.T) {
	t.Parallel()
	c := embed(t, t.TempDir())
	first, second := start(t, c, nil), start(t, c, nil)
	submit(t, first, spec("a", "", 0))
	eventually(t, func() bool {
		ids, _ := listed(t, second, 5)
		return slices.Equal(ids, []string{"a"})
	})
	if withdrawn, err := first.Withdraw(t.Context(), "a", func() {}); err != nil || !withdrawn {
		t.Fatal(withdrawn, err)
	}
	for _, q := range []node{first, second} {
		if ids, _ := listed(t, q, 5); len(ids) != 0 {
			t.Errorf("a withdrawn job is listed: %v", ids)
		}
	}
}

func TestDepth(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	q := start(t, embed(t, t.TempDir()), func(o *queue.Options) {
		o.Sweep = time.Hour
		o.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	})
	if d := q.Depth(); d.Queued != 0 || d.Running != 0 || d.Oldest != 0 || len(d.PerAPI) != 0 {
		t.Errorf("empty: %+v", d)
	}
	other := spec("b", "", 0)
	other.API = "maskr"
	submit(t, q, spec("a", "", 0))
	submit(t, q, other)
	ahead.Store(int64(20 * time.Minute))
	submit(t, q, spec("c", "", 0))
	lease := next(t, q)
	eventually(t, func() bool {
		d := q.Depth()
		return d.Queued == 2 && d.Running == 1 && d.PerAPI["mnml"] == 2 && d.PerAPI["maskr"] == 1
	})
	if oldest := q.Depth().Oldest; oldest < 20*time.Minute || oldest > 30*time.Minute {
		t.Errorf("the oldest has waited %s", oldest)
	}
	succeed(t, lease, "image")
	eventually(t, func() bool { d := q.Depth(); return d.Queued == 2 && d.Running == 0 && d.PerAPI["mnml"] == 1 })
}
