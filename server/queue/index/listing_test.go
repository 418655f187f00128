package index

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/queue/record"
)

// A listing is a sorted set per owner, whatever is done in which order.
func TestListingIsASortedSet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		l, model := NewListing(), map[Owner]map[Place]bool{}
		owners := []Owner{{"mnml", "x", ""}, {"mnml", "y", ""}, {"maskr", "x", ""}, {"mnml", "x", "z"}}
		draw := func(r *rapid.T) (Owner, job.Job) {
			o := rapid.SampledFrom(owners).Draw(r, "owner")
			created := time.Unix(0, rapid.Int64Range(1, 20).Draw(r, "created")) // some at the same time
			id := fmt.Sprint("id-", rapid.IntRange(0, 3).Draw(r, "id"))
			return o, job.Job{Spec: job.Spec{ID: id, API: o.API, Account: o.Account, Browser: o.Browser}, Created: created}
		}
		for _, o := range owners {
			model[o] = map[Place]bool{}
		}
		r.Repeat(map[string]func(*rapid.T){
			"add": func(r *rapid.T) {
				o, j := draw(r)
				l.Add(j)
				model[o][PlaceOf(j)] = true
			},
			"remove": func(r *rapid.T) {
				o, j := draw(r)
				l.Remove(o, PlaceOf(j))
				delete(model[o], PlaceOf(j))
			},
			"remove older": func(r *rapid.T) {
				limit := rapid.Int64Range(0, 10).Draw(r, "than")
				l.RemoveBefore(time.Unix(0, limit))
				for _, places := range model {
					for p := range places {
						if p.created < limit {
							delete(places, p)
						}
					}
				}
			},
			"": func(r *rapid.T) {
				for _, o := range owners {
					checkPages(r, l, o, model[o])
				}
			},
		})
	})
}

func checkPages(r *rapid.T, l *Listing, o Owner, want map[Place]bool) {
	var got []Place
	var before Place
	for {
		page := l.Before(o, before, 3)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
		var err error
		if before, err = ParseCursor(page[len(page)-1].Cursor()); err != nil || before != page[len(page)-1] {
			r.Fatalf("cursor of %v becomes %v, %v", page[len(page)-1], before, err)
		}
	}
	for i, p := range got {
		if !want[p] || i > 0 && got[i-1].Compare(p) <= 0 {
			r.Fatalf("%v lists %v, want %v", o, got, want)
		}
	}
	if _, present := l.jobs[o]; len(got) != len(want) || present != (len(want) > 0) {
		r.Fatalf("%v lists %v, want %v", o, got, want)
	}
}

// A job whose record is gone leaves its owner's list, and old ones free their
// memory.
func TestRemovedJobs(t *testing.T) {
	t.Parallel()
	l, o := NewListing(), Owner{API: "mnml"}
	for i := range 3 {
		l.Add(job.Job{Spec: job.Spec{ID: fmt.Sprint(i), API: "mnml"}, State: job.Succeeded, Created: time.Unix(int64(i), 0)})
	}
	l.Remove(o, Place{time.Unix(1, 0).UnixNano(), "1"})
	var ids []string
	for _, p := range l.Before(o, Place{}, 10) {
		ids = append(ids, p.ID)
	}
	if !slices.Equal(ids, []string{"2", "0"}) {
		t.Error(ids)
	}
	l.RemoveBefore(time.Unix(10, 0))
	if len(l.jobs) != 0 {
		t.Errorf("memory is kept: %v", l.jobs)
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add("")
	f.Add(Place{5, "a-1"}.Cursor())
	f.Add("MS4")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseCursor(text)
		switch {
		case err != nil && fault.KindOf(err) != fault.Invalid:
			t.Errorf("%q: %v", text, err)
		case err == nil && text != "" && !record.ValidID(p.ID):
			t.Errorf("%q becomes %v", text, p)
		}
	})
}
