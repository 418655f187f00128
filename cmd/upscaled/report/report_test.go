package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"upscaled/cmd/upscaled/batch"
	"upscaled/cmd/upscaled/progress"
	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func twoJobs() []batch.Job {
	return []batch.Job{
		{Input: batch.Input{Path: "a.png", Size: 300}, Output: "out/a.png"},
		{Input: batch.Input{Path: "b\x1b.png", Size: 100}, Output: "out/b.png"},
	}
}

// play plays a run of two images, one of which fails.
func play(r Reporter) {
	jobs := twoJobs()
	r.Begin(jobs)
	r.Fetched("network", 10, 100)
	r.Started(0, jobs[0])
	r.Progressed(0, engine.Progress{Done: 1, Total: 2})
	r.Started(1, jobs[1])
	done := batch.Outcome{Job: jobs[0], Status: batch.Done, Elapsed: 2 * time.Second}
	done.Result.Output = imagedata.Info{Width: 8, Height: 4, Format: imagedata.PNG}
	done.Result.Notes = []string{"It lost something."}
	r.Finished(0, done)
	failed := batch.Outcome{Job: jobs[1], Status: batch.Failed, Err: fault.New(fault.Invalid, "It is broken.")}
	r.Finished(1, failed)
	r.Ended(Summarize(nil, []batch.Outcome{done, failed}, 3*time.Second))
	r.Close()
}

func TestPeopleWithoutTerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	play(NewPeople(&out, nil, false))
	want := "a.png -> out/a.png  8x4  2.0 s\na.png: It lost something.\n" +
		"upscaled: b?.png: It is broken.\n1 made, 1 failed in 3.0 s\n  failed: b?.png: It is broken.\n"
	if out.String() != want {
		t.Errorf("the lines are\n%swant\n%s", out.String(), want)
	}
}

func TestPeopleOnATerminal(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	screen := progress.NewScreen(&out, func() int { return 100 }, false)
	play(NewPeople(&out, screen, false))
	text := out.String()
	for _, want := range []string{"a.png -> out/a.png", "1 of 2 images", " 75 %", "1 made, 1 failed"} {
		if !strings.Contains(text, want) {
			t.Errorf("the terminal got no %q: %q", want, text)
		}
	}
	if strings.Contains(text, "b\x1b.png") {
		t.Error("a file name steers the terminal")
	}
}

func TestQuietShowsFailuresOnly(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	play(NewPeople(&out, nil, true))
	if text := out.String(); strings.Contains(text, "->") || !strings.Contains(text, "It is broken.") {
		t.Errorf("quiet says %q", text)
	}
}

func TestEventsAreThrottled(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Unix(0, 0)
	events := NewEvents(&out)
	events.now = func() time.Time { return now }
	events.Begin(twoJobs())
	const total = 1000
	for done := range int64(total + 1) {
		now = now.Add(time.Millisecond)
		events.Progressed(0, engine.Progress{Done: done, Total: total})
	}
	var last Event
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	if len(lines) > 8 || last.Done != total {
		t.Errorf("%d lines for a second, the last says %d of %d", len(lines), last.Done, total)
	}
}

func TestDefectsShowTheirCause(t *testing.T) {
	t.Parallel()
	err := fault.Wrap(fault.Internal, errors.New("index out of range"), "A defect stopped this image.")
	if got := Sentence(err); !strings.Contains(got, "index out of range") {
		t.Errorf("a report of %q would not help", got)
	}
	if got := Sentence(fault.Wrap(fault.Invalid, errors.New("secret"), "It is broken.")); got != "It is broken." {
		t.Errorf("a user reads %q", got)
	}
}
