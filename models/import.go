package models

import (
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
)

// maxONNX bounds an imported ONNX file in bytes; the format ends at 2 GiB.
const maxONNX = 1 << 31

// ImportOptions tell about a file what it does not tell itself.
type ImportOptions struct {
	// Name is what to call the model; "" takes the file's name.
	Name string
	// Scale is output side / input side of an ONNX file whose shapes leave it
	// open; 0 reads it from the file.
	Scale int
	// Restorer is set for an ONNX file that restores faces.
	Restorer *network.RestorerDescriptor
}

// Import stores a network from the user's file: PyTorch, safetensors, ncnn
// (either of the two files) or ONNX. A file that is an official one by its
// SHA-256 is installed as that model. A name that is taken is fault.Invalid.
func (s *Store) Import(ctx context.Context, path string, options ImportOptions) (Entry, error) {
	p, form, err := s.official(ctx, path, options.Name)
	if err != nil {
		return Entry{}, err
	}
	var d descriptor
	if form != nil {
		d, err = s.adoptFrom(ctx, p, form, path)
	} else {
		d, err = s.importForeign(ctx, path, options)
	}
	if err != nil {
		return Entry{}, interrupted(err, filepath.Base(path))
	}
	return s.entry(d), nil
}

// official finds the catalogue's model and form that a file belongs to, unless
// the user wants another name for it.
func (s *Store) official(ctx context.Context, path, name string) (product, []artifact.Artifact, error) {
	sum, _, err := artifact.Hash(path, ctx.Err)
	if err != nil {
		if ctx.Err() != nil {
			return product{}, nil, interrupted(ctx.Err(), filepath.Base(path))
		}
		if errors.Is(err, os.ErrNotExist) {
			return product{}, nil, fault.Wrap(fault.NotFound, err, "There is no file %s.", path)
		}
		return product{}, nil, fault.Wrap(fault.Invalid, err, "%s cannot be read.", path)
	}
	for _, p := range s.products {
		if p.kind == Runtime || name != "" && fold(name) != fold(p.name) {
			continue
		}
		for _, form := range p.forms {
			for _, a := range form {
				if a.SHA256 == sum && complete(ctx, form, path) {
					return p, form, nil
				}
			}
		}
	}
	return product{}, nil, nil
}

// complete tells whether the other files of a form lie beside the given one.
func complete(ctx context.Context, form []artifact.Artifact, path string) bool {
	for _, a := range form {
		if checkHash(ctx, located(form, path, a), a.SHA256) != nil {
			return false
		}
	}
	return true
}

// located is where an artifact of a form lies when the user named path: there
// if it is the only one, under any name, else under path's name with its own
// extension.
func located(form []artifact.Artifact, path string, a artifact.Artifact) string {
	if len(form) == 1 {
		return path
	}
	return strings.TrimSuffix(path, filepath.Ext(path)) + filepath.Ext(a.Name)
}

// adoptFrom installs official files that lie at the user's path under any name.
func (s *Store) adoptFrom(ctx context.Context, p product, form []artifact.Artifact, path string) (descriptor, error) {
	staging, err := s.stage()
	if err != nil {
		return descriptor{}, err
	}
	defer os.RemoveAll(staging)
	for _, a := range form {
		if err := copyFile(located(form, path, a), filepath.Join(staging, a.Name)); err != nil {
			return descriptor{}, err
		}
	}
	return s.installs.do(ctx, p.name, func(ctx context.Context) (descriptor, error) {
		return s.adopt(ctx, p, form, nil, staging)
	})
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "%s cannot be read.", from)
	}
	defer source.Close()
	target, err := artifact.Create(to)
	if err != nil {
		return fmt.Errorf("stage %s: %w", filepath.Base(from), err)
	}
	defer target.Discard()
	if _, err := io.Copy(target, source); err != nil {
		return fmt.Errorf("stage %s: %w", filepath.Base(from), err)
	}
	return target.Commit()
}

// importForeign stores a network that the catalogue does not know.
func (s *Store) importForeign(ctx context.Context, path string, options ImportOptions) (descriptor, error) {
	name, err := s.freeName(path, options.Name)
	if err != nil {
		return descriptor{}, err
	}
	sum, _, err := artifact.Hash(path, ctx.Err)
	if err != nil {
		return descriptor{}, fmt.Errorf("hash %s: %w", filepath.Base(path), err)
	}
	d := descriptor{
		Name: name, Kind: Upscale, Imported: true,
		Sources: []origin{{File: filepath.Base(path), SHA256: sum}},
	}
	isONNX, err := looksLikeONNX(path)
	if err != nil {
		return descriptor{}, err
	}
	return s.installs.do(ctx, name+" "+sum, func(ctx context.Context) (descriptor, error) {
		if options.Restorer != nil {
			if !isONNX {
				return descriptor{}, fault.New(fault.Invalid, "Only ONNX files need --restorer; %s tells its own.", path)
			}
			return s.importRestorer(ctx, d, path, *options.Restorer)
		}
		if isONNX {
			return s.importONNX(ctx, d, path, options.Scale)
		}
		if options.Scale != 0 {
			return descriptor{}, fault.New(fault.Invalid, "The scale can be given for ONNX files only; %s tells its own.", path)
		}
		return s.convert(ctx, d, path)
	})
}

// importONNX stores an ONNX file as it is, once it is known to be usable.
func (s *Store) importONNX(ctx context.Context, d descriptor, path string, scale int) (descriptor, error) {
	data, err := readONNXFile(path)
	if err != nil {
		return descriptor{}, err
	}
	n, err := network.FromONNX(data)
	if err != nil {
		return descriptor{}, err
	}
	facts := n.Info()
	switch {
	case scale != 0 && (scale < 1 || scale > maxScale):
		return descriptor{}, fault.New(fault.Invalid, "A network's scale is a whole number from 1 to %d, not %d.", maxScale, scale)
	case facts.Scale > maxScale:
		return descriptor{}, fault.New(fault.Unsupported, "%s makes pictures %d times larger; networks of up to %d times can be used.", path, facts.Scale, maxScale)
	case facts.Scale == 0 && scale == 0:
		return descriptor{}, fault.New(fault.Invalid, "%s does not tell how much larger it makes pictures; give its scale with --scale.", path)
	case facts.Scale != 0 && scale != 0 && facts.Scale != scale:
		return descriptor{}, fault.New(fault.Invalid, "%s makes pictures %d times larger by its shapes, not %d times; leave --scale out.", path, facts.Scale, scale)
	case scale != 0:
		facts.Scale = scale
	}
	return s.place(ctx, describe(d, facts), "model", ".onnx", func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// readONNXFile reads a whole file within the format's bound.
func readONNXFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%s cannot be read.", path)
	}
	if info.Size() > maxONNX {
		return nil, fault.New(fault.TooLarge, "%s has %d bytes; ONNX files of up to %d are read.", path, info.Size(), int64(maxONNX))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%s cannot be read.", path)
	}
	return data, nil
}

// looksLikeONNX goes by the name, else by the first field of a ModelProto:
// the format's version, a small number under tag 1.
func looksLikeONNX(path string) (bool, error) {
	if strings.EqualFold(filepath.Ext(path), ".onnx") {
		return true, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return false, fault.Wrap(fault.Invalid, err, "%s cannot be read.", path)
	}
	defer file.Close()
	var start [2]byte
	if _, err := io.ReadFull(file, start[:]); err != nil {
		return false, nil // too short for any kind; the weights reader says so
	}
	return start[0] == 0x08 && start[1] > 0 && start[1] < 32, nil
}

// freeName checks the wanted name, or makes one from the file's.
func (s *Store) freeName(path, wanted string) (string, error) {
	name := strings.ToLower(wanted)
	if wanted == "" {
		base := filepath.Base(path)
		name = nameFrom(strings.TrimSuffix(base, filepath.Ext(base)))
	}
	//guard:model-name TestImportRefusals
	if err := checkName(name); err != nil {
		return "", err
	}
	if p, ok := s.product(name); ok {
		return "", fault.New(fault.Invalid, "%s is an official model and this file is another; choose another name with --name.", p.name)
	}
	if taken, ok := s.importedFolder(name); ok {
		if _, err := s.read(taken); !errors.Is(err, errNotInstalled) {
			return "", fault.New(fault.Invalid, "There is a model %s already; choose another name with --name, or run 'upscaled models rm %s' first.", taken, taken)
		}
	}
	return name, nil
}

// nameFrom makes a valid name of a file's where that is possible: letters that
// names cannot have become '-'.
func nameFrom(stem string) string {
	kept := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '-'
	}, strings.ToLower(stem))
	kept = strings.Trim(kept, ".-_")
	return strings.Trim(kept[:min(len(kept), maxName)], ".-_")
}
