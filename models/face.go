package models

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"upscaled/models/artifact"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// Names of the face models.
const (
	cascadesModel = "pigo"
	blazeModel    = "blazeface"
	yunetModel    = "yunet"
	gfpganModel   = "gfpgan-v1.4"
)

// maxBundled bounds an unpacked file of a bundle, in bytes.
const maxBundled = 16 << 20

// FaceCascades returns the files of pigo's cascades by name. It downloads them
// if they are not installed.
func (l *loader) FaceCascades(ctx context.Context) (map[string][]byte, error) {
	return l.bundled(ctx, cascadesModel)
}

// BlazeFace returns the ONNX files of BlazeFace's variants for the back and the front
// camera. It downloads them if they are not installed.
func (l *loader) BlazeFace(ctx context.Context) (back, front []byte, err error) {
	p, _ := l.files.product(blazeModel)
	files, err := l.bundled(ctx, blazeModel)
	if err != nil {
		return nil, nil, err
	}
	return files[p.forms[0][0].Name], files[p.forms[0][1].Name], nil
}

// bundled returns the files of a catalogue entry by name, downloaded if needed.
func (l *loader) bundled(ctx context.Context, name string) (map[string][]byte, error) {
	p, _ := l.files.product(name)
	d, err := l.installer.ensure(ctx, p)
	if err != nil {
		return nil, err
	}
	data, err := l.files.contents(d)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for archive := tar.NewReader(bytes.NewReader(data)); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		} else if err != nil {
			return nil, l.files.damaged(d.Name, err)
		}
		if files[header.Name], err = io.ReadAll(io.LimitReader(archive, maxBundled)); err != nil {
			return nil, l.files.damaged(d.Name, err)
		}
	}
}

// FaceFinder returns YuNet's ONNX file if it is installed; it never downloads
// it.
func (l *loader) FaceFinder() (file []byte, installed bool, err error) {
	d, err := l.files.read(yunetModel)
	if errors.Is(err, errNotInstalled) {
		return nil, false, nil
	} else if err != nil {
		return nil, false, err
	}
	file, err = l.files.contents(d)
	return file, true, err
}

// LoadRestorer returns a face restorer and its name. "" means the best installed
// one: a GFPGAN, otherwise the most recently imported; without any it fails with
// fault.ModelMissing. A catalogue model that is named is downloaded if needed.
func (l *loader) LoadRestorer(ctx context.Context, name string) (*network.Network, string, error) {
	d, err := l.restorer(ctx, name)
	if err != nil {
		return nil, "", err
	}
	n, err := l.cached(ctx, d.Name, d.SHA256, func() (*network.Network, error) {
		if d.Restorer != nil {
			data, err := l.files.contents(d)
			if err != nil {
				return nil, err
			}
			return network.FromRestorerONNX(data, *d.Restorer)
		}
		return l.recognized(d)
	})
	return n, d.Name, err
}

// BestRestorer returns the name of the face restorer that is used by default, ""
// if none is installed.
func (l *loader) BestRestorer() string {
	d, err := l.bestRestorer()
	if err != nil {
		return ""
	}
	return d.Name
}

func (l *loader) restorer(ctx context.Context, name string) (descriptor, error) {
	if name == "" {
		return l.bestRestorer()
	}
	d, err := l.files.imported(name)
	if p, ok := l.files.product(name); ok {
		if fold(p.name) != fold(gfpganModel) {
			return descriptor{}, notRestorer(p.name)
		}
		return l.installer.ensure(ctx, p)
	}
	if err == nil && !d.restores() {
		err = notRestorer(d.Name)
	}
	return d, err
}

func notRestorer(name string) error {
	return fault.New(fault.Invalid, "%s is not a face restorer; 'upscaled models list' shows the installed models.", name)
}

// restores reports whether a model is a face restorer.
func (d descriptor) restores() bool {
	return d.Kind == Face && (d.Restorer != nil || d.Architecture == network.GFPGAN)
}

func (l *loader) bestRestorer() (descriptor, error) {
	d, err := l.files.read(gfpganModel)
	if err == nil || !errors.Is(err, errNotInstalled) {
		return d, err
	}
	rank := func(d descriptor) int {
		if d.Architecture == network.GFPGAN {
			return 1
		}
		return 0
	}
	var found []descriptor
	for _, name := range l.files.importedNames() {
		if d, err := l.files.read(name); err == nil && d.restores() {
			found = append(found, d)
		}
	}
	if len(found) == 0 {
		return descriptor{}, fault.New(fault.ModelMissing, "No face restorer is installed; run 'upscaled models pull %s', or import one with 'upscaled models import --restorer'.", gfpganModel)
	}
	return slices.MaxFunc(found, func(a, b descriptor) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), a.installedAt().Compare(b.installedAt()))
	}), nil
}

// adoptFace stores a face model: weights as safetensors, several files as one
// archive, anything else as published.
func (in *installer) adoptFace(ctx context.Context, d descriptor, form []artifact.Artifact, folder string) (descriptor, error) {
	main := filepath.Join(folder, form[0].Name)
	switch {
	case len(form) > 1:
		return in.bundle(ctx, d, form, folder)
	case d.Name == gfpganModel && filepath.Ext(main) == ".pth":
		return in.convert(ctx, d, main)
	case d.Name == gfpganModel:
		d.Restorer, d.Scale = &network.RestorerDescriptor{}, 1
	}
	return in.keep(ctx, d, main)
}

// bundle stores several files as one tar archive.
func (in *installer) bundle(ctx context.Context, d descriptor, form []artifact.Artifact, folder string) (descriptor, error) {
	return in.files.place(ctx, d, "model", ".tar", func(w io.Writer) error {
		archive := tar.NewWriter(w)
		for _, a := range form {
			data, err := os.ReadFile(filepath.Join(folder, a.Name))
			if err != nil {
				return fmt.Errorf("read %s: %w", a.Name, err)
			}
			if err := archive.WriteHeader(&tar.Header{Name: a.Name, Mode: 0o644, Size: int64(len(data))}); err != nil {
				return err
			}
			if _, err := archive.Write(data); err != nil {
				return err
			}
		}
		return archive.Close()
	})
}

// importRestorer stores a face restorer's ONNX file unchanged after checking
// that it is usable.
func (im *importer) importRestorer(ctx context.Context, d descriptor, path string, options ImportOptions) (descriptor, error) {
	data, err := readONNXFile(path)
	if err != nil {
		return descriptor{}, err
	}
	r := *options.Restorer
	if options.ProbeRestorer != nil {
		if r, err = options.ProbeRestorer(ctx, data, r); err != nil {
			return descriptor{}, err
		}
	}
	n, err := network.FromRestorerONNX(data, r)
	if err != nil {
		return descriptor{}, err
	}
	d.Kind, d.Restorer, d.About = Face, &r, d.About.or(n.Metadata())
	return im.files.place(ctx, describe(d, n.Info()), "model", ".onnx", func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}
