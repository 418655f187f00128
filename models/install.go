package models

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"upscaled/models/artifact"
	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/weights"
)

// downloads fetches the catalogue's files from their sources.
type downloads struct {
	offline bool
	fetcher artifact.Fetcher
	// progress is never nil and serializes calls.
	progress func(Progress)
}

// installer downloads the catalogue's models and stores their files.
type installer struct {
	files     *files
	downloads *downloads
	running   flights[descriptor]
}

// pull returns an installed model whose file is undamaged, downloaded if needed.
func (in *installer) pull(ctx context.Context, p product, progress func(Progress)) (descriptor, error) {
	d, err := in.running.do(ctx, p.name, func(ctx context.Context) (descriptor, error) {
		if d, err := in.files.read(p.name); err == nil {
			if bad := in.files.rehash(ctx, d); bad == nil {
				return d, nil
			} else if ctx.Err() != nil {
				return descriptor{}, ctx.Err()
			}
		}
		return in.install(ctx, p, progress)
	})
	return d, interrupted(err, p.name)
}

// ensure returns an installed model's descriptor. It downloads a catalogue model
// that is missing or damaged.
func (in *installer) ensure(ctx context.Context, p product) (descriptor, error) {
	d, err := in.files.read(p.name)
	if err == nil || in.downloads.offline && !errors.Is(err, errNotInstalled) {
		return d, err
	}
	d, err = in.running.do(ctx, p.name, func(ctx context.Context) (descriptor, error) {
		if d, err := in.files.read(p.name); err == nil {
			return d, nil // another call has just finished
		}
		return in.install(ctx, p, in.downloads.progress)
	})
	return d, interrupted(err, p.name)
}

// install downloads the first available form of a model and stores it.
func (in *installer) install(ctx context.Context, p product, progress func(Progress)) (descriptor, error) {
	if in.downloads.offline {
		return descriptor{}, missingOffline(p)
	}
	staging, err := in.files.stage()
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
		used, err := in.downloads.fetch(ctx, p, items, staging, progress)
		if err == nil {
			return in.adopt(ctx, p, form, used, staging)
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
func (d *downloads) fetch(ctx context.Context, p product, items []artifact.Item, scratch string, progress func(Progress)) ([]artifact.Source, error) {
	fetcher := d.fetcher
	fetcher.Scratch = scratch
	return fetcher.Fetch(ctx, items, func(step artifact.Progress) { progress(Progress{p.name, step}) })
}

// adopt stores the verified files of a form, which are in folder under their
// published names. used is empty for files from the user.
func (in *installer) adopt(ctx context.Context, p product, form []artifact.Artifact, used []artifact.Source, folder string) (descriptor, error) {
	d := descriptor{
		Name: p.name, Kind: p.kind, Description: p.description, Scale: p.scale,
		About: p.about(), Notice: p.notice,
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
		return in.adoptFace(ctx, d, form, folder)
	}
	return in.convert(ctx, d, main)
}

// convert stores a weights file as float32 safetensors once its architecture is
// recognized.
func (in *installer) convert(ctx context.Context, d descriptor, path string) (descriptor, error) {
	tensors, n, err := readWeights(path)
	if err != nil {
		return descriptor{}, err
	}
	return in.store(ctx, d, tensors, n)
}

// readWeights reads a weights file of an architecture that is supported.
func readWeights(path string) (weights.Tensors, *network.Network, error) {
	tensors, err := weights.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	n, err := network.Recognize(tensors)
	return tensors, n, err
}

// store stores tensors as safetensors.
func (in *installer) store(ctx context.Context, d descriptor, tensors weights.Tensors, n *network.Network) (descriptor, error) {
	d = describe(d, n.Info())
	return in.files.place(ctx, d, "weights", ".safetensors", func(w io.Writer) error {
		return weights.WriteSafetensors(w, tensors, nil)
	})
}

// keep stores a file unchanged.
func (in *installer) keep(ctx context.Context, d descriptor, path string) (descriptor, error) {
	file, err := os.Open(path)
	if err != nil {
		return descriptor{}, fault.Wrap(fault.NotFound, err, "%s cannot be opened.", path)
	}
	defer file.Close()
	return in.files.place(ctx, d, "model", strings.ToLower(filepath.Ext(path)), func(w io.Writer) error {
		_, err := io.CopyBuffer(w, onlyReader{file}, make([]byte, 1<<20))
		return err
	})
}

// onlyReader hides other methods so that io.CopyBuffer uses its buffer.
type onlyReader struct{ io.Reader }

// describe adds recognized facts to a descriptor.
func describe(d descriptor, info network.Info) descriptor {
	d.Architecture, d.Scale = info.Architecture, info.Scale
	if info.Architecture == network.GFPGAN {
		d.Kind = Face
	}
	if d.Kind == Upscale {
		if d.Tiles = info.Tiles(); d.Tiles == network.ExactTiles {
			d.Radius = info.Radius
		}
	}
	d.Description = cmp.Or(d.Description, info.Description)
	return d
}

// interrupted adds a name to a cancellation; other errors pass unchanged.
func interrupted(err error, name string) error {
	if fault.KindOf(err) == fault.Canceled {
		return fault.Wrap(fault.Canceled, err, "The download of %s was interrupted.", name)
	}
	return err
}

// missingOffline names a missing product and the command that installs it.
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
