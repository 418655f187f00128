package batch_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/cmd/upscaled/batch"
	"upscaled/engine/film"
	"upscaled/models/fault"
)

func options(e film.Engine) batch.Options {
	return batch.Options{Engine: e, Parallel: 2, Temporaries: new(batch.Temporaries)}
}

func TestOneBadFileNeverStopsTheBatch(t *testing.T) {
	t.Parallel()
	truncated := pngBytes(t, 9, 9)[:20]
	root := tree(t, map[string][]byte{"a.png": pngBytes(t, 1, 1), "b.png": truncated, "c.png": pngBytes(t, 1, 1)})
	planned, _ := jobs(t, filepath.Join(root, "out"), "", batch.Expansion{}, root)
	seen := newLog()
	outcomes := batch.Run(context.Background(), planned, options(&fakeEngine{}), seen)
	want := []batch.Status{batch.Done, batch.Failed, batch.Done}
	for i, outcome := range outcomes {
		if outcome.Status != want[i] || seen.finished[i].Status != want[i] {
			t.Errorf("%s: %s (told %s), want %s: %v", outcome.Job.Input.Path, outcome.Status, seen.finished[i].Status, want[i], outcome.Err)
		}
	}
	if got := strings.Join(list(t, filepath.Join(root, "out")), " "); got != "a.png c.png" {
		t.Errorf("out holds %q", got)
	}
	if len(seen.started) != 3 || seen.progress != 2 {
		t.Errorf("started %v, %d steps of progress", seen.started, seen.progress)
	}
	if data, _ := os.ReadFile(filepath.Join(root, "out", "a.png")); string(data) != "made whole" {
		t.Errorf("the output holds %q", data)
	}
}

func TestPanicFailsOneImage(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string][]byte{"a.png": pngBytes(t, 1, 1)})
	planned, _ := jobs(t, "", "", batch.Expansion{}, root)
	outcomes := batch.Run(context.Background(), planned, options(&fakeEngine{panics: true}), newLog())
	if outcomes[0].Status != batch.Failed || fault.KindOf(outcomes[0].Err) != fault.Internal {
		t.Errorf("a panic gave %s, %v", outcomes[0].Status, outcomes[0].Err)
	}
	if got := list(t, root); len(got) != 1 {
		t.Errorf("the folder holds %q", got)
	}
}

func TestExistingOutputs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name            string
		overwrite, skip bool
		status          batch.Status
		want            string
	}{
		{"by default it is an error", false, false, batch.Failed, "old"},
		{"skip", false, true, batch.Skipped, "old"},
		{"overwrite", true, false, batch.Done, "made whole"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			root := tree(t, map[string][]byte{"a.png": pngBytes(t, 1, 1), "out/a.png": []byte("old")})
			output := filepath.Join(root, "out", "a.png")
			planned, _ := jobs(t, output, "", batch.Expansion{}, filepath.Join(root, "a.png"))
			how := options(&fakeEngine{})
			how.Overwrite, how.SkipExisting = c.overwrite, c.skip
			if needed := len(batch.Needed(planned, how)) > 0; needed != c.overwrite {
				t.Errorf("the engine is needed: %v", needed)
			}
			outcomes := batch.Run(context.Background(), planned, how, newLog())
			data, _ := os.ReadFile(output)
			if outcomes[0].Status != c.status || string(data) != c.want {
				t.Errorf("%s (%v), the file holds %q", outcomes[0].Status, outcomes[0].Err, data)
			}
		})
	}
}

func TestInterruptLeavesNothing(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{}
	for _, name := range []string{"a", "b", "c", "d"} {
		files["in/"+name+".png"] = pngBytes(t, 1, 1)
	}
	root := tree(t, files)
	planned, _ := jobs(t, filepath.Join(root, "out"), "", batch.Expansion{}, filepath.Join(root, "in"))
	slow := &fakeEngine{entered: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		// Both workers are in the middle of an image.
		<-slow.entered
		<-slow.entered
		cancel()
	}()
	outcomes := batch.Run(ctx, planned, options(slow), newLog())
	for _, outcome := range outcomes {
		if outcome.Status != batch.Canceled {
			t.Errorf("%s is %s: %v", outcome.Job.Input.Path, outcome.Status, outcome.Err)
		}
	}
	if got := list(t, filepath.Join(root, "out")); len(got) != 0 {
		t.Errorf("out holds %q", got)
	}
}

func TestStandardOutputGetsCompleteImagesOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		data []byte
		want string
	}{{pngBytes(t, 1, 1), "made whole"}, {pngBytes(t, 1, 1)[:20], ""}} {
		var out bytes.Buffer
		how := options(&fakeEngine{})
		how.Stdout = &out
		planned, _ := jobs(t, "-", "", batch.Expansion{Stdin: bytes.NewReader(c.data)}, "-")
		outcomes := batch.Run(context.Background(), planned, how, newLog())
		if out.String() != c.want || (outcomes[0].Err == nil) != (c.want != "") {
			t.Errorf("standard output got %q, %v", out.String(), outcomes[0].Err)
		}
	}
}
