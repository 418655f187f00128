package models

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"upscaled/models/artifact"
	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/weights"
)

// stagingAge is when an abandoned download is removed.
const stagingAge = 24 * time.Hour

// Pull downloads, verifies and stores a model or library of the catalogue,
// unless it is installed and undamaged. progress may be nil; it is not called if
// another call is already downloading the same. The error is fault.ModelMissing
// if the store is offline or all sources failed, with one line per source.
func (s *Store) Pull(ctx context.Context, name string, progress func(Progress)) (Entry, error) {
	p, ok := s.product(name)
	if !ok {
		d, err := s.imported(name)
		if err == nil {
			err = fault.New(fault.Invalid, "%s was imported from a file and cannot be downloaded; import the file again.", d.Name)
		}
		return Entry{}, err
	}
	progress = serial(progress)
	if p.kind == Runtime {
		if _, err := s.installLibrary(ctx, p, progress, s.libraryIntact); err != nil {
			return Entry{}, err
		}
		return s.productEntry(p), nil
	}
	d, err := s.installs.do(ctx, p.name, func(ctx context.Context) (descriptor, error) {
		if d, err := s.read(p.name); err == nil {
			if bad := s.rehash(ctx, d); bad == nil {
				return d, nil
			} else if ctx.Err() != nil {
				return descriptor{}, ctx.Err()
			}
		}
		return s.install(ctx, p, progress)
	})
	if err != nil {
		return Entry{}, interrupted(err, p.name)
	}
	return s.entry(d), nil
}

// ensure returns an installed model's descriptor. It downloads a catalogue model
// that is missing or damaged.
func (s *Store) ensure(ctx context.Context, p product) (descriptor, error) {
	d, err := s.read(p.name)
	if err == nil || s.offline && !errors.Is(err, errNotInstalled) {
		return d, err
	}
	d, err = s.installs.do(ctx, p.name, func(ctx context.Context) (descriptor, error) {
		if d, err := s.read(p.name); err == nil {
			return d, nil // another call has just finished
		}
		return s.install(ctx, p, s.progress)
	})
	return d, interrupted(err, p.name)
}

// install downloads the first available form of a model and stores it.
func (s *Store) install(ctx context.Context, p product, progress func(Progress)) (descriptor, error) {
	if s.offline {
		return descriptor{}, missingOffline(p)
	}
	staging, err := s.stage()
	if err != nil {
		return descriptor{}, err
	}
	defer os.RemoveAll(staging)
	var failures artifact.Failures
	for _, form := range p.forms {
		items := make([]artifact.Item, len(form))
		for i, a := range form {
			items[i] = artifact.Item{Artifact: a, Destination: filepath.Join(staging, a.Name)}
		}
		used, err := s.fetch(ctx, p, items, staging, progress)
		if err == nil {
			return s.adopt(ctx, p, form, used, staging)
		}
		var more artifact.Failures
		if !errors.As(err, &more) {
			return descriptor{}, err
		}
		failures = append(failures, more...)
	}
	return descriptor{}, unreachable(p, failures)
}

// fetch downloads a product's files, with scratch on the store's disk.
func (s *Store) fetch(ctx context.Context, p product, items []artifact.Item, scratch string, progress func(Progress)) ([]artifact.Source, error) {
	fetcher := s.fetcher
	fetcher.Scratch = scratch
	return fetcher.Fetch(ctx, items, func(step artifact.Progress) { progress(Progress{p.name, step}) })
}

// adopt stores the verified files of a form, which are in folder under their
// published names. used is empty for files from the user.
func (s *Store) adopt(ctx context.Context, p product, form []artifact.Artifact, used []artifact.Source, folder string) (descriptor, error) {
	d := descriptor{
		Name: p.name, Kind: p.kind, Description: p.description, Scale: p.scale,
		Licence: form[0].Licence, Origin: form[0].Origin, Notice: p.notice,
	}
	for i, a := range form {
		o := origin{File: a.Name, SHA256: a.SHA256}
		if i < len(used) {
			o.From = used[i].String()
		}
		d.Sources = append(d.Sources, o)
	}
	main := filepath.Join(folder, form[0].Name)
	if p.kind == Face {
		return s.adoptFace(ctx, d, form, folder)
	}
	return s.convert(ctx, d, main)
}

// convert stores a weights file as float32 safetensors once its architecture is
// recognized.
func (s *Store) convert(ctx context.Context, d descriptor, path string) (descriptor, error) {
	tensors, err := weights.ReadFile(path)
	if err != nil {
		return descriptor{}, err
	}
	n, err := network.Recognize(tensors)
	if err != nil {
		return descriptor{}, err
	}
	d = describe(d, n.Info())
	return s.place(ctx, d, "weights", ".safetensors", func(w io.Writer) error {
		return weights.WriteSafetensors(w, tensors, nil)
	})
}

// keep stores a file unchanged.
func (s *Store) keep(ctx context.Context, d descriptor, path string) (descriptor, error) {
	file, err := os.Open(path)
	if err != nil {
		return descriptor{}, fault.Wrap(fault.NotFound, err, "%s cannot be opened.", path)
	}
	defer file.Close()
	return s.place(ctx, d, "model", strings.ToLower(filepath.Ext(path)), func(w io.Writer) error {
		_, err := io.CopyBuffer(w, onlyReader{file}, make([]byte, 1<<20))
		return err
	})
}

// onlyReader hides other methods so that io.CopyBuffer uses its buffer.
type onlyReader struct{ io.Reader }

// describe adds what recognition found.
func describe(d descriptor, info network.Info) descriptor {
	d.Architecture, d.Scale = info.Architecture, info.Scale
	if info.Architecture == network.GFPGAN {
		d.Kind = Face
	}
	if d.Description == "" {
		d.Description = info.Description
	}
	return d
}

// place writes a model's file under a name derived from its contents and then
// makes it current.
func (s *Store) place(ctx context.Context, d descriptor, stem, extension string, write func(io.Writer) error) (descriptor, error) {
	file, err := artifact.Create(filepath.Join(s.modelFolder(d.Name), stem))
	if err != nil {
		return descriptor{}, unwritable(err, s.home)
	}
	defer file.Discard()
	if err := write(untilDone{ctx, file}); err != nil {
		if ctx.Err() != nil {
			return descriptor{}, ctx.Err()
		}
		return descriptor{}, unwritable(err, s.home)
	}
	d.SHA256, d.Size = file.SHA256(), file.Size()
	d.File = fmt.Sprintf("%s-%s%s", stem, d.SHA256[:12], extension)
	file.MoveTo(d.File)
	if err := file.Commit(); err != nil {
		return descriptor{}, unwritable(err, s.home)
	}
	if err := s.commit(d); err != nil {
		return descriptor{}, err
	}
	return s.read(d.Name)
}

// untilDone is a writer that fails once its context ends.
type untilDone struct {
	ctx context.Context
	io.Writer
}

func (u untilDone) Write(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.Writer.Write(p)
}

// stage creates an empty folder for a download, on the store's disk so that
// files can be renamed into place, and removes those that crashes left behind.
func (s *Store) stage() (string, error) {
	parent := filepath.Join(s.home, "staging")
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", unwritable(err, s.home)
	}
	entries, _ := os.ReadDir(parent)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > stagingAge {
			_ = os.RemoveAll(filepath.Join(parent, entry.Name()))
		}
	}
	folder, err := os.MkdirTemp(parent, "download-")
	if err != nil {
		return "", unwritable(err, s.home)
	}
	return folder, nil
}

// interrupted adds a name to a cancellation; other errors pass unchanged.
func interrupted(err error, name string) error {
	if fault.KindOf(err) == fault.Canceled {
		return fault.Wrap(fault.Canceled, err, "The download of %s was interrupted.", name)
	}
	return err
}

// missingOffline names what is missing and the command that installs it.
func missingOffline(p product) error {
	return fault.New(fault.ModelMissing, "%s is not installed and --offline forbids downloads; run 'upscaled models pull %s' on a machine with internet access.", p.name, p.name)
}

// unreachable lists every source and its failure, one per line.
func unreachable(p product, failures artifact.Failures) error {
	hint := ""
	if p.kind == Upscale {
		hint = fmt.Sprintf("\nIf you have the file, add it with 'upscaled models import %s'.", p.forms[0][0].Name)
	}
	return fault.New(fault.ModelMissing, "%s cannot be downloaded from any of its sources:\n  %s%s",
		p.name, strings.ReplaceAll(failures.Error(), "\n", "\n  "), hint)
}
