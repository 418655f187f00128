package batch_test

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"upscaled/cmd/upscaled/batch"
	"upscaled/engine/imagedata"
)

func TestOutputNames(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string][]byte{
		"in/a.JPEG": jpegBytes(t, 1, 1), "in/lies.png": jpegBytes(t, 1, 1), "in/sub/a.png": pngBytes(t, 1, 1), "there/x": {},
	})
	at := func(name string) string { return filepath.Join(root, filepath.FromSlash(name)) }
	for _, c := range []struct {
		input, out string
		format     imagedata.Format
		want       string
	}{
		{"in/a.JPEG", "", "", "in/a.upscaled.JPEG"},
		{"in/a.JPEG", "", imagedata.PNG, "in/a.upscaled.png"},
		{"in/lies.png", "", "", "in/lies.upscaled.jpg"},
		{"in/a.JPEG", "there", "", "there/a.JPEG"},
		{"in/a.JPEG", "new", "", "new/a.JPEG"},
		{"in/a.JPEG", "new.d/", "", "new.d/a.JPEG"},
		{"in/a.JPEG", "big.webp", "", "big.webp"},
		{"in", "new", "", "new/a.JPEG new/lies.jpg new/sub/a.png"},
		{"in/sub/a.png", "{dir}/{name}-large.{ext}", "", "in/sub/a-large.png"},
		{"in/sub/a.png", "{name}", imagedata.TIFF, "a.tif"},
		{"in/sub/a.png", "{name}.jpg", "", "a.jpg"},
	} {
		out := c.out
		if out != "" && !strings.HasPrefix(out, "{dir}") {
			slash := strings.HasSuffix(out, "/")
			if out = at(out); slash {
				out += "/"
			}
		}
		planned, _ := jobs(t, out, c.format, batch.Expansion{Recursive: true}, at(c.input))
		var got []string
		for _, job := range planned {
			name, _ := filepath.Rel(root, job.Output)
			got = append(got, filepath.ToSlash(name))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s to %q as %q goes to %q, want %q", c.input, c.out, c.format, got, c.want)
		}
	}
}

func TestNamingRefuses(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string][]byte{"a.jpg": jpegBytes(t, 1, 1), "a.png": pngBytes(t, 1, 1), "b.png": pngBytes(t, 1, 1)})
	at := func(name string) string { return filepath.Join(root, name) }
	for _, c := range []struct {
		out    string
		format imagedata.Format
		inputs []string
		want   string
	}{
		{at("x.png"), "", []string{at("a.jpg"), at("b.png")}, "one image only"},
		{at("x.png"), "", []string{root}, "one image only"},
		{"-", "", []string{at("a.jpg"), at("b.png")}, "one image only"},
		{at("x.heic"), "", []string{at("a.jpg")}, ".heic, which cannot be written"},
		{at("{name}.HEIC"), "", []string{at("a.jpg")}, ".heic, which cannot be written"},
		{at("x.heic") + "/", "", []string{at("a.jpg")}, ""},
		{at("x.png"), imagedata.JPEG, []string{at("a.jpg")}, "disagree"},
		{at("{nam}.png"), "", []string{at("a.jpg")}, "unknown placeholder {nam}"},
		{at("new"), imagedata.PNG, []string{at("a.jpg"), at("a.png")}, "both be written"},
		{at("same.{ext}"), imagedata.PNG, []string{at("a.jpg")}, ""},
		{at("{ext}"), "", []string{at("a.png"), at("b.png")}, "both be written"},
		{root, "", []string{at("a.jpg")}, "would replace the input"},
		{at("b.png"), "", []string{at("a.jpg")}, ""},
		{at("{name}.png"), "", []string{at("a.jpg"), at("a.png")}, "would"},
	} {
		selection := expand(t, batch.Expansion{}, c.inputs...)
		naming, err := batch.NewNaming(c.out, c.format, selection)
		if err == nil {
			_, err = batch.Plan(selection, naming)
		}
		switch {
		case c.want == "" && err == nil && !strings.Contains(c.out, "{"), c.want == "" && strings.Contains(c.out, "same") && err != nil:
		case c.want == "" || err == nil || !strings.Contains(err.Error(), c.want):
			if c.want != "" || err != nil {
				t.Errorf("--out %s of %v: %v, want %q", c.out, c.inputs, err, c.want)
			}
		}
	}
}

func TestStandardNeedsAName(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string][]byte{"b.png": pngBytes(t, 1, 1)})
	selection := expand(t, batch.Expansion{Stdin: bytes.NewReader(pngBytes(t, 1, 1))}, "-")
	planned, _ := batch.NewNaming("", "", selection)
	if made, err := batch.Plan(selection, planned); err != nil || made[0].Output != batch.Standard {
		t.Errorf("standard input goes to standard output, got %v, %v", made, err)
	}
	both := expand(t, batch.Expansion{Stdin: bytes.NewReader(pngBytes(t, 1, 1))}, "-", filepath.Join(root, "b.png"))
	naming, err := batch.NewNaming("", "", both)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := batch.Plan(both, naming); err == nil || !strings.Contains(err.Error(), "--out") {
		t.Errorf("standard input has no folder to write beside, got %v", err)
	}
}

// Plan refuses templates that would write two inputs to the same path, and no
// template panics.
func TestTemplatesNeverShareAPath(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{"{name}", "{ext}", "{dir}", "x", "/", "-", ".", ".."})
		out := "o" + strings.Join(rapid.SliceOfN(piece, 1, 6).Draw(t, "out"), "")
		name := rapid.StringMatching(`[a-c]{1,2}\.(png|jpg)`)
		selection := batch.Selection{}
		for _, path := range rapid.SliceOfNDistinct(name, 1, 5, rapid.ID).Draw(t, "names") {
			selection.Inputs = append(selection.Inputs, batch.Input{
				Path: filepath.Join("gone", path), Relative: path, Format: imagedata.PNG,
			})
		}
		naming, err := batch.NewNaming(out, "", selection)
		if err != nil {
			return
		}
		planned, err := batch.Plan(selection, naming)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, job := range planned {
			if seen[job.Output] {
				t.Fatalf("%s is the output of two inputs", job.Output)
			}
			seen[job.Output] = true
		}
	})
}

func TestLateNames(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string][]byte{"a.png": pngBytes(t, 3, 2), "b.png": pngBytes(t, 3, 2), "c.png": pngBytes(t, 5, 2)})
	planned, _ := jobs(t, filepath.Join(root, "out", "{model}-{scale}x-{width}x{height}.{ext}"), "", batch.Expansion{}, root)
	outcomes := batch.Run(context.Background(), planned, options(&fakeEngine{}), newLog())
	if got := strings.Join(list(t, filepath.Join(root, "out")), " "); got != "fake-4x-12x8.png fake-4x-20x8.png" {
		t.Errorf("made %q", got)
	}
	failed := 0
	for _, outcome := range outcomes {
		if outcome.Status == batch.Failed && strings.Contains(outcome.Err.Error(), "both be written") {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("one of two images with one name has to fail: %v", outcomes)
	}
}
