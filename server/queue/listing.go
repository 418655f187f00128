package queue

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// listing knows which jobs are whose. It is made of the records that every
// process watches anyway, so that submissions write nothing more, no crash can
// part it from the records, and a page costs the reading of its own jobs only.
// It takes some 60 bytes a job. Jobs of which it does not hear that they have
// expired are dropped when a page meets them, or when they are too old to be.
type listing map[owner][]place // oldest first

// owner is what lists are asked for by.
type owner struct{ api, account string }

// place is where a job stands among its owner's.
type place struct {
	created int64 // nanoseconds since 1970
	id      string
}

func placeOf(j job.Job) place { return place{j.Created.UnixNano(), j.ID} }

func (p place) compare(other place) int {
	return cmp.Or(cmp.Compare(p.created, other.created), strings.Compare(p.id, other.id))
}

// add notes a job; one that is known already is left.
func (l listing) add(j job.Job) {
	o, p := owner{j.API, j.Account}, placeOf(j)
	if at, known := slices.BinarySearchFunc(l[o], p, place.compare); !known {
		l[o] = slices.Insert(l[o], at, p)
	}
}

func (l listing) remove(o owner, p place) {
	if at, known := slices.BinarySearchFunc(l[o], p, place.compare); known {
		l.keep(o, slices.Delete(l[o], at, at+1))
	}
}

func (l listing) removeOlder(than time.Time) {
	for o, places := range l {
		at, _ := slices.BinarySearchFunc(places, place{created: than.UnixNano()}, place.compare)
		if at > 0 {
			l.keep(o, slices.Clone(places[at:])) // else the old ones' memory stays
		}
	}
}

func (l listing) keep(o owner, places []place) {
	l[o] = places
	if len(places) == 0 {
		delete(l, o)
	}
}

// older gives at most limit places before one, newest first; the zero place
// is after all.
func (l listing) older(o owner, before place, limit int) []place {
	end := len(l[o])
	if before != (place{}) {
		end, _ = slices.BinarySearchFunc(l[o], before, place.compare)
	}
	found := slices.Clone(l[o][max(0, end-limit):end])
	slices.Reverse(found)
	return found
}

// cursor is a place as text, and parseCursor reads it. Cursors name no job to
// look up, so that pages go on from one that has expired meanwhile.
func (p place) cursor() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(p.created, 10) + "." + p.id))
}

func parseCursor(text string) (place, error) {
	if text == "" {
		return place{}, nil
	}
	plain, damaged := base64.RawURLEncoding.DecodeString(text)
	number, id, _ := strings.Cut(string(plain), ".")
	created, err := strconv.ParseInt(number, 10, 64)
	if damaged != nil || err != nil || !validID(id) {
		return place{}, fault.New(fault.Invalid, "The cursor is not one that a listing gave.")
	}
	return place{created, id}, nil
}

// List implements job.Lister. Jobs that other processes accept are listed as
// soon as this one hears of them. Before Run knows all jobs it waits.
func (q *Queue) List(ctx context.Context, page job.Page) ([]job.Job, string, error) {
	before, err := parseCursor(page.Before)
	if err != nil {
		return nil, "", err
	}
	select {
	case <-q.board.loaded:
	case <-ctx.Done():
		return nil, "", ctx.Err()
	}
	limit := min(max(page.Limit, 1), job.LongestPage)
	o := owner{page.API, page.Account}
	var found []job.Job
	for len(found) <= limit { // one more tells whether there is a next page
		places := q.board.older(o, before, limit+1-len(found))
		if len(places) == 0 {
			return found, "", nil
		}
		jobs, err := q.readAll(ctx, o, places)
		if err != nil {
			return nil, "", err
		}
		found, before = append(found, jobs...), places[len(places)-1]
	}
	found = found[:limit]
	return found, placeOf(found[limit-1]).cursor(), nil
}

// readAll gives the records at the places, without those that are gone.
func (q *Queue) readAll(ctx context.Context, o owner, places []place) ([]job.Job, error) {
	const atOnce = 8
	jobs := make([]job.Job, len(places))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, p := range places {
		group.Go(func() error {
			j, err := q.Get(ctx, p.id)
			if fault.KindOf(err) == fault.NotFound {
				q.board.unlist(o, p)
				return nil
			}
			jobs[i] = j
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(jobs, func(j job.Job) bool { return j.ID == "" }), nil
}
