package queue

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// A listing is a sorted set per owner, whatever is done in which order.
func TestListingIsASortedSet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		l, model := listing{}, map[owner]map[place]bool{}
		owners := []owner{{"mnml", "x"}, {"mnml", "y"}, {"maskr", "x"}}
		draw := func(r *rapid.T) (owner, job.Job) {
			o := rapid.SampledFrom(owners).Draw(r, "owner")
			created := time.Unix(0, rapid.Int64Range(1, 20).Draw(r, "created")) // some at the same time
			id := fmt.Sprint("id-", rapid.IntRange(0, 3).Draw(r, "id"))
			return o, job.Job{Spec: job.Spec{ID: id, API: o.api, Account: o.account}, Created: created}
		}
		for _, o := range owners {
			model[o] = map[place]bool{}
		}
		r.Repeat(map[string]func(*rapid.T){
			"add": func(r *rapid.T) {
				o, j := draw(r)
				l.add(j)
				model[o][placeOf(j)] = true
			},
			"remove": func(r *rapid.T) {
				o, j := draw(r)
				l.remove(o, placeOf(j))
				delete(model[o], placeOf(j))
			},
			"remove older": func(r *rapid.T) {
				limit := rapid.Int64Range(0, 10).Draw(r, "than")
				l.removeOlder(time.Unix(0, limit))
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

func checkPages(r *rapid.T, l listing, o owner, want map[place]bool) {
	var got []place
	var before place
	for {
		page := l.older(o, before, 3)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
		var err error
		if before, err = parseCursor(page[len(page)-1].cursor()); err != nil || before != page[len(page)-1] {
			r.Fatalf("cursor of %v gives %v, %v", page[len(page)-1], before, err)
		}
	}
	for i, p := range got {
		if !want[p] || i > 0 && got[i-1].compare(p) <= 0 {
			r.Fatalf("%v lists %v, want %v", o, got, want)
		}
	}
	if _, present := l[o]; len(got) != len(want) || present != (len(want) > 0) {
		r.Fatalf("%v lists %v, want %v", o, got, want)
	}
}

// One owner's job leaves the list whose record is gone; a page is as long as
// it may be all the same.
func TestGoneRecordsLeaveTheListing(t *testing.T) {
	t.Parallel()
	b := newBoard()
	o := owner{api: "mnml"}
	for i := range 3 {
		b.change("", &record{Job: job.Job{Spec: job.Spec{ID: fmt.Sprint(i), API: "mnml"}, State: job.Succeeded, Created: time.Unix(int64(i), 0)}})
	}
	b.unlist(o, place{time.Unix(1, 0).UnixNano(), "1"})
	var ids []string
	for _, p := range b.older(o, place{}, 10) {
		ids = append(ids, p.id)
	}
	if !slices.Equal(ids, []string{"2", "0"}) {
		t.Error(ids)
	}
	b.unlistOlder(time.Unix(10, 0))
	if len(b.listed) != 0 {
		t.Errorf("memory is kept: %v", b.listed)
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add("")
	f.Add(place{5, "a-1"}.cursor())
	f.Add("MS4")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseCursor(text)
		switch {
		case err != nil && fault.KindOf(err) != fault.Invalid:
			t.Errorf("%q: %v", text, err)
		case err == nil && text != "" && !validID(p.id):
			t.Errorf("%q gives %v", text, p)
		}
	})
}
