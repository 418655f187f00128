package artifact

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"upscaled/models/fault"
)

const packScript = `cp "$PACKAGE" ./some-package-1.0.0.tgz`

func member(name string) Source { return Source{Package: "some@1.0.0", Member: name} }

func TestOnePackServesAllMembers(t *testing.T) {
	t.Parallel()
	first, second := []byte("first"), bytes.Repeat([]byte{7}, 300_000)
	packed := tarball(t, map[string][]byte{"a/first": first, "b/second": second, "third": []byte("x")})
	npm, calls := fakeNPM(t, packed, packScript)
	folder, scratch := t.TempDir(), t.TempDir()
	f := &Fetcher{NPM: npm, Scratch: scratch}
	items := []Item{
		{of("first", first, member("a/first")), filepath.Join(folder, "one")},
		{of("second", second, member("b/second")), filepath.Join(folder, "two")},
	}
	if _, err := f.Fetch(t.Context(), items, nil); err != nil {
		t.Fatal(err)
	}
	if calls() != 1 {
		t.Errorf("npm ran %d times", calls())
	}
	for path, want := range map[string][]byte{"one": first, "two": second} {
		if got, _ := os.ReadFile(filepath.Join(folder, path)); !bytes.Equal(got, want) {
			t.Errorf("%s differs", path)
		}
	}
	wantNothing(t, scratch)
}

// Fetches at the same time share one download, and so do those that follow each other
// while packages are kept; nothing is left after that.
func TestPackagesAreShared(t *testing.T) {
	t.Parallel()
	content := map[string][]byte{"a": []byte("first"), "b": []byte("second"), "c": []byte("third")}
	npm, calls := fakeNPM(t, tarball(t, content), packScript)
	folder, scratch := t.TempDir(), t.TempDir()
	f := &Fetcher{NPM: npm, Scratch: scratch, Packages: &Packages{Folder: scratch}}
	fetch := func(name string) {
		item := Item{of(name, content[name], member(name)), filepath.Join(folder, name)}
		if _, err := f.Fetch(t.Context(), []Item{item}, nil); err != nil {
			t.Error(err)
		}
	}
	end := f.Packages.Keep()
	var both sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		both.Go(func() { fetch(name) })
	}
	both.Wait()
	fetch("c")
	if calls() != 1 {
		t.Errorf("npm ran %d times", calls())
	}
	end()
	wantNothing(t, scratch)
	fetch("a")
	if calls() != 2 {
		t.Errorf("npm ran %d times", calls())
	}
	wantNothing(t, scratch)
}

// A fetch whose companion was canceled downloads the package itself.
func TestCanceledCompanion(t *testing.T) {
	t.Parallel()
	p := &Packages{Folder: t.TempDir()}
	began := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	var both sync.WaitGroup
	both.Go(func() {
		_, _, err := p.get(ctx, "one", func(string) (string, error) {
			close(began)
			<-ctx.Done()
			return "", ctx.Err()
		})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	<-began
	both.Go(func() {
		path, release, err := p.get(t.Context(), "one", func(string) (string, error) { return "path", nil })
		if err != nil || path != "path" {
			t.Errorf("%q, %v", path, err)
			return
		}
		release()
	})
	cancel()
	both.Wait()
	wantNothing(t, p.Folder)
}

func TestPackageTroubles(t *testing.T) {
	t.Parallel()
	packed := tarball(t, map[string][]byte{"file": []byte("other")})
	for name, c := range map[string]struct {
		packed         []byte
		script, reason string
	}{
		"wrong content":    {packed, packScript, "of 80000 bytes arrived"},
		"no member":        {tarball(t, nil), packScript, "no such file"},
		"no gzip":          {[]byte("hello, this is text"), packScript, "open package"},
		"cut short":        {packed[:len(packed)/2], packScript, "read package"},
		"npm fails":        {nil, "echo 'npm warn x' >&2; echo 'npm error code E404' >&2; echo 'npm error 404 Not Found' >&2; exit 1", "npm pack says E404: 404 Not Found"},
		"npm says nothing": {nil, "exit 7", "exit status 7"},
		"no package":       {nil, "exit 0", "left no package"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			npm, _ := fakeNPM(t, c.packed, c.script)
			folder, scratch := t.TempDir(), t.TempDir()
			f := &Fetcher{NPM: npm, Scratch: scratch}
			_, err := f.Fetch(t.Context(), []Item{{of("file", content, member("file")), filepath.Join(folder, "file")}}, nil)
			if err == nil || !strings.Contains(err.Error(), c.reason) || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is %v", err)
			}
			wantNothing(t, folder)
			wantNothing(t, scratch)
		})
	}
}

func TestNPMMissing(t *testing.T) {
	t.Parallel()
	f := &Fetcher{NPM: filepath.Join(t.TempDir(), "npm")}
	_, err := f.Fetch(t.Context(), []Item{{of("file", content, member("file")), filepath.Join(t.TempDir(), "file")}}, nil)
	if err == nil || !strings.Contains(err.Error(), "npm is not installed; install Node.js") {
		t.Errorf("the error is %v", err)
	}
}

// TestCancelStopsNPM: the stand-in would wait for a reader that never comes.
func TestCancelStopsNPM(t *testing.T) {
	t.Parallel()
	npm, calls := fakeNPM(t, nil, `mkfifo pipe && exec cat pipe`)
	folder, scratch := t.TempDir(), t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	f := &Fetcher{NPM: npm, Scratch: scratch}
	_, err := f.Fetch(ctx, []Item{{of("file", content, member("file")), filepath.Join(folder, "file")}}, func(Progress) {
		if calls() > 0 {
			cancel()
		}
	})
	if fault.KindOf(err) != fault.Canceled {
		t.Errorf("the error is %v", err)
	}
	wantNothing(t, folder)
	wantNothing(t, scratch)
}

// FuzzExtract feeds packages from outside; whatever they hold, only a file
// with the right hash may appear.
func FuzzExtract(f *testing.F) {
	good := tarball(f, map[string][]byte{"file": []byte("right")})
	f.Add(good)
	f.Add(good[:len(good)-9])
	f.Add([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff})
	f.Add(tarball(f, map[string][]byte{"../../file": []byte("right"), "file": []byte("wrong")}))
	f.Fuzz(func(t *testing.T, packed []byte) {
		folder := t.TempDir()
		item := Item{of("file", []byte("right")), filepath.Join(folder, "in", "file")}
		results, err := extractFrom(t.Context(), bytes.NewReader(packed), []Item{item}, map[string]int{"file": 0}, func(Progress) {})
		got, reading := os.ReadFile(item.Destination)
		if ok := err == nil && results["file"] == nil; ok != (reading == nil) || ok && string(got) != "right" {
			t.Errorf("extract says %v %v, the file is %q", results, err, got)
		}
		if len(files(t, folder)) > 1 {
			t.Errorf("stray files: %v", files(t, folder))
		}
	})
}
