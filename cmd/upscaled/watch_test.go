package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/engine/imagedata"
)

func TestCommandMayBeLeftOut(t *testing.T) {
	t.Parallel()
	root := folder(t, map[string][]byte{"a.png": smallPNG(t)})
	for _, arguments := range [][]string{{filepath.Join(root, "a.png")}, {root, "--scale", "2"}} {
		if got := program(t, &fakeUpscaler{}, nil, nil, append(arguments, "--overwrite")...); got.code != exitOK || len(got.fake.requests) != 1 {
			t.Errorf("%v: %d %s", arguments, got.code, got.stderr)
		}
	}
	if got := program(t, &fakeUpscaler{}, nil, nil, filepath.Join(root, "none.png")); got.code != exitUsage {
		t.Errorf("a missing file: %d %s", got.code, got.stderr)
	}
	if got := program(t, &fakeUpscaler{}, nil, nil, "version"); got.code != exitOK || !strings.HasPrefix(got.stdout, "upscaled ") {
		t.Errorf("a command: %d %s", got.code, got.stdout)
	}
}

func TestFlagsOfNCNN(t *testing.T) {
	t.Parallel()
	root := folder(t, map[string][]byte{"a.png": smallPNG(t)})
	got := program(t, &fakeUpscaler{}, nil, nil, "upscale", "-i", filepath.Join(root, "a.png"), "-o", filepath.Join(root, "b.webp"), "-n", "realesrgan-x4plus-anime", "-s", "2", "-g", "-1", "-t", "100", "-x")
	if got.code != exitOK || len(got.fake.requests) != 1 {
		t.Fatalf("%d %s", got.code, got.stderr)
	}
	if q := got.fake.requests[0]; q.Model != "realesrgan-x4plus-anime-6b" || q.Size.Scale != 2 || q.Tile != 100 || !q.TTA || q.Format != imagedata.WebP {
		t.Errorf("%+v", q)
	}
	if !strings.Contains(got.stderr, "-g -1 is --device cpu") {
		t.Errorf("no note: %s", got.stderr)
	}
}

func TestReplaceAsks(t *testing.T) {
	t.Parallel()
	root := folder(t, map[string][]byte{"a.png": smallPNG(t)})
	path := filepath.Join(root, "a.png")
	if got := program(t, &fakeUpscaler{}, nil, []byte("y\n"), "upscale", "--replace", path); got.code != exitUsage || !strings.Contains(got.stderr, "--yes") {
		t.Errorf("%d %s", got.code, got.stderr)
	}
	if got := program(t, &fakeUpscaler{}, nil, nil, "upscale", "--replace", "--dry-run", path); got.code != exitOK || !strings.Contains(got.stderr, "8x4, not made") {
		t.Errorf("%d %s", got.code, got.stderr)
	}
	if got := program(t, &fakeUpscaler{}, nil, nil, "upscale", "--replace", "--yes", path); got.code != exitOK {
		t.Errorf("%d %s", got.code, got.stderr)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "upscaled" {
		t.Errorf("%q, %v", data, err)
	}
}

// Images there are upscaled, one that appears is too, and an interruption is no
// failure.
func TestWatch(t *testing.T) {
	t.Parallel()
	root := folder(t, map[string][]byte{"a.png": smallPNG(t), "done.png": smallPNG(t), "done.upscaled.png": nil})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	reader, writer := io.Pipe()
	a := newApp(streams{stdin: strings.NewReader(""), stdout: io.Discard, stderr: writer}, func(string) (string, bool) { return "", false })
	a.openUpscaler = func(_ context.Context, limits imagedata.Limits) (batchEngine, error) {
		return &fakeUpscaler{limits: limits}, nil
	}
	code := make(chan int, 1)
	go func() {
		code <- a.run(ctx, []string{"upscale", "--watch", root})
		_ = writer.Close()
	}()
	seen := func(name string) {
		t.Helper()
		line := make([]byte, 4096)
		n, err := reader.Read(line)
		if err != nil || !strings.Contains(string(line[:n]), filepath.Join(root, name)+" -> ") {
			t.Fatalf("%q, %v", line[:n], err)
		}
	}
	seen("a.png")
	if err := os.WriteFile(filepath.Join(root, "b.png"), smallPNG(t), 0o666); err != nil {
		t.Fatal(err)
	}
	seen("b.png")
	stop()
	rest, err := io.ReadAll(reader)
	if got := <-code; got != exitOK || err != nil || !strings.Contains(string(rest), "2 made") {
		t.Errorf("exit %d, %q, %v", got, rest, err)
	}
	if got := program(t, &fakeUpscaler{}, nil, nil, "upscale", "--watch", filepath.Join(root, "a.png")); got.code != exitUsage {
		t.Errorf("a file: %d %s", got.code, got.stderr)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	environment := map[string]string{"UPSCALED_HOME": home, "UPSCALED_DATA": filepath.Join(home, "none")}
	for _, c := range []struct{ line, want string }{
		{"upscale --model", "realesrgan-x4plus\t"}, {"upscale --format", "webp\t"}, {"upscale --device", "cpu\n"},
		{"upscale --face-missing", "refine\n"}, {"models pull", "realesrgan-x4plus\t"}, {"serve --set", "queue.lease=\t"}, {"keys set", ":4\n"},
	} {
		got := program(t, &fakeUpscaler{}, environment, nil, append(append([]string{"__complete"}, strings.Fields(c.line)...), "")...)
		if got.code != exitOK || !strings.Contains(got.stdout, c.want) {
			t.Errorf("%s: %d %q", c.line, got.code, got.stdout)
		}
	}
	if _, err := os.Stat(environment["UPSCALED_DATA"]); err == nil {
		t.Error("completing made a data folder")
	}
}
