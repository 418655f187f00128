package queue_test

import (
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"

	"upscaled/server/job"
	"upscaled/server/queue"
)

// tally counts the ends of jobs, of several processes.
type tally struct {
	mutex sync.Mutex
	ends  map[string]job.State
	twice []string
}

func (l *tally) ended(j job.Job) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if _, known := l.ends[j.ID]; known {
		l.twice = append(l.twice, j.ID)
	}
	l.ends[j.ID] = j.State
}

// Every job's end is reported once, from the process that caused it.
func TestEndsAreObservedOnce(t *testing.T) {
	t.Parallel()
	c, observed := embed(t, t.TempDir()), &tally{ends: map[string]job.State{}}
	watch := func(o *queue.Options) { o.Ended = observed.ended }
	api, worker := start(t, c, watch), start(t, c, watch)
	try := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	submit(t, api, spec("made", "", 0))
	try("succeed", next(t, worker).Succeed(t.Context(), strings.NewReader("image"), job.Result{}), nil)
	submit(t, api, spec("broken", "", 0))
	for range 3 {
		try("retry", next(t, worker).Retry(t.Context(), bad("it broke")), nil)
	}
	submit(t, api, spec("stopped", "", 0))
	lease := next(t, worker)
	for range 2 {
		try("cancel", api.Cancel(t.Context(), "stopped"), nil)
	}
	try("succeed late", lease.Succeed(t.Context(), strings.NewReader("image"), job.Result{}), job.ErrLost)
	submit(t, api, spec("unwanted", "", 0))
	try("cancel", api.Cancel(t.Context(), "unwanted"), nil)
	submit(t, api, spec("late", "", 0))
	try("expire", worker.Expire(t.Context(), "late"), nil)

	want := map[string]job.State{"made": job.Succeeded, "broken": job.Failed, "stopped": job.Canceled, "unwanted": job.Canceled, "late": job.Failed}
	if !maps.Equal(observed.ends, want) || len(observed.twice) > 0 {
		t.Errorf("%v, twice %v", observed.ends, observed.twice)
	}
}
