package jobtest

import (
	"fmt"
	"slices"
	"testing"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// Listed is a queue that lists jobs.
type Listed interface {
	job.Queue
	job.Lister
}

// TestLister checks what job.Lister promises. Each queue is new and has room for at
// least ten jobs.
func TestLister(t *testing.T, open func(t *testing.T) Listed) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Listed){
		"pages": testPages, "owners": testOwners, "cursors": testCursors, "records": testListedRecords,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func submitFor(t *testing.T, q job.Queue, api, account, id string) {
	t.Helper()
	if _, err := q.Submit(t.Context(), job.Spec{ID: id, API: api, Account: account}, []byte("input")); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, l job.Lister, page job.Page) (ids []string, next string) {
	t.Helper()
	jobs, next, err := l.List(t.Context(), page)
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	return ids, next
}

func wantIDs(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func testPages(t *testing.T, q Listed) {
	for i := range 7 {
		submitFor(t, q, "mnml", "", fmt.Sprint("a-", i))
	}
	page := job.Page{API: "mnml", Limit: 3}
	first, next := list(t, q, page)
	wantIDs(t, "first page", first, []string{"a-6", "a-5", "a-4"})
	submitFor(t, q, "mnml", "", "b-0") // changes no later page
	page.Before = next
	second, next := list(t, q, page)
	wantIDs(t, "second page", second, []string{"a-3", "a-2", "a-1"})
	page.Before = next
	third, next := list(t, q, page)
	wantIDs(t, "last page", third, []string{"a-0"})
	if next != "" {
		t.Errorf("cursor %q after the last page", next)
	}
	all, next := list(t, q, job.Page{API: "mnml", Limit: 8})
	if len(all) != 8 || all[0] != "b-0" || next != "" {
		t.Errorf("all: %v, cursor %q", all, next)
	}
}

func testOwners(t *testing.T, q Listed) {
	for _, o := range [][3]string{{"mnml", "x", "a-1"}, {"mnml", "y", "a-2"}, {"maskr", "x", "a-3"}, {"mnml", "", "a-4"}, {"mnml", "x", "a-5"}} {
		submitFor(t, q, o[0], o[1], o[2])
	}
	for owner, want := range map[[2]string][]string{
		{"mnml", "x"}: {"a-5", "a-1"}, {"mnml", "y"}: {"a-2"}, {"maskr", "x"}: {"a-3"}, {"mnml", ""}: {"a-4"}, {"maskr", "y"}: nil, {"", "x"}: nil,
	} {
		ids, next := list(t, q, job.Page{API: owner[0], Account: owner[1], Limit: 10})
		wantIDs(t, fmt.Sprint(owner), ids, want)
		if next != "" {
			t.Errorf("%v: cursor %q", owner, next)
		}
	}
}

func testCursors(t *testing.T, q Listed) {
	for i := range 3 {
		submitFor(t, q, "mnml", "", fmt.Sprint("a-", i))
	}
	for _, cursor := range []string{"x", "....", "AAAA", "%", "a-1", "9999999999999999999999", "Lg", "ä"} {
		if _, _, err := q.List(t.Context(), job.Page{API: "mnml", Before: cursor, Limit: 1}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("cursor %q: %v", cursor, err)
		}
	}
	for limit, want := range map[int]int{-1: 1, 0: 1, 2: 2, 1 << 40: 3} {
		if ids, _ := list(t, q, job.Page{API: "mnml", Limit: limit}); len(ids) != want {
			t.Errorf("limit %d: %v", limit, ids)
		}
	}
}

func testListedRecords(t *testing.T, q Listed) {
	submitFor(t, q, "mnml", "x", "a-1")
	submitFor(t, q, "mnml", "x", "a-2")
	if err := q.Cancel(t.Context(), "a-1"); err != nil {
		t.Fatal(err)
	}
	jobs, _, err := q.List(t.Context(), job.Page{API: "mnml", Account: "x", Limit: 2})
	if err != nil || len(jobs) != 2 || jobs[0].State != job.Queued || jobs[1].State != job.Canceled || jobs[1].Finished.IsZero() {
		t.Errorf("%+v, %v", jobs, err)
	}
}
