package models

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"upscaled/models/artifact"
	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/onnx"
	"upscaled/models/weights"
)

// maxONNX bounds an imported ONNX file in bytes; the format ends at 2 GiB.
const maxONNX = 1 << 31

// ImportOptions state facts about a file that it does not contain.
type ImportOptions struct {
	// Name is the model's name; "" means the file's.
	Name string
	// Convention states known facts about an ONNX file's images.
	Convention network.Convention
	// Probe, unless nil, completes that by running the file; see engine/probe.
	// Without it the file's shapes must state the rest.
	Probe func(ctx context.Context, file []byte, stated network.Convention) (network.Convention, error)
	// About is completed from the metadata of safetensors and ONNX files.
	About About
	// ProbeRestorer does the same for a face restorer.
	ProbeRestorer func(ctx context.Context, file []byte, stated network.RestorerDescriptor) (network.RestorerDescriptor, error)
	// Restorer is set for an ONNX file that restores faces.
	Restorer *network.RestorerDescriptor
}

// importer stores models from the user's files.
type importer struct {
	files     *files
	installer *installer
}

// Import stores a model from the user's file: PyTorch, safetensors, ncnn (either
// of its two files) or ONNX. A file with an official SHA-256 is installed as
// that model. A name that is taken is fault.Invalid.
func (im *importer) Import(ctx context.Context, path string, options ImportOptions) (Entry, error) {
	if err := options.About.check(); err != nil {
		return Entry{}, err
	}
	p, form, err := im.official(ctx, path, options.Name)
	if err != nil {
		return Entry{}, err
	}
	var d descriptor
	if form != nil {
		d, err = im.adoptFrom(ctx, p, form, path)
	} else {
		d, err = im.importForeign(ctx, path, options)
	}
	if err != nil {
		return Entry{}, interrupted(err, filepath.Base(path))
	}
	return d.entry(), nil
}

// official returns the catalogue's model and form that a file belongs to, unless
// the user chose another name for it.
func (im *importer) official(ctx context.Context, path, name string) (product, []artifact.Artifact, error) {
	sum, _, err := artifact.Hash(path, ctx.Err)
	if err != nil {
		if ctx.Err() != nil {
			return product{}, nil, interrupted(ctx.Err(), filepath.Base(path))
		}
		if errors.Is(err, os.ErrNotExist) {
			return product{}, nil, fault.Wrap(fault.NotFound, err, "There is no file %s.", path)
		}
		if fault.KindOf(err) == fault.Invalid {
			return product{}, nil, err
		}
		return product{}, nil, fault.Wrap(fault.Invalid, err, "%s cannot be read.", path)
	}
	for _, p := range im.files.products {
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

// complete reports whether the other files of a form are beside the given one.
func complete(ctx context.Context, form []artifact.Artifact, path string) bool {
	return !slices.ContainsFunc(form, func(a artifact.Artifact) bool { return checkHash(ctx, located(form, path, a), a.SHA256) != nil })
}

// located returns the path of a form's artifact if the user named path: path
// itself for a form of one file, otherwise path with the artifact's extension.
func located(form []artifact.Artifact, path string, a artifact.Artifact) string {
	if len(form) == 1 {
		return path
	}
	return strings.TrimSuffix(path, filepath.Ext(path)) + filepath.Ext(a.Name)
}

// adoptFrom installs official files from the user's path.
func (im *importer) adoptFrom(ctx context.Context, p product, form []artifact.Artifact, path string) (descriptor, error) {
	staging, err := im.files.stage()
	if err != nil {
		return descriptor{}, err
	}
	defer os.RemoveAll(staging)
	for _, a := range form {
		if err := copyFile(located(form, path, a), filepath.Join(staging, a.Name)); err != nil {
			return descriptor{}, err
		}
	}
	return im.installer.running.do(ctx, p.name, func(ctx context.Context) (descriptor, error) {
		return im.installer.adopt(ctx, p, form, nil, staging)
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

// importForeign stores a model that is not in the catalogue.
func (im *importer) importForeign(ctx context.Context, path string, options ImportOptions) (descriptor, error) {
	name, err := im.freeName(path, options.Name)
	if err != nil {
		return descriptor{}, err
	}
	sum, _, err := artifact.Hash(path, ctx.Err)
	if err != nil {
		return descriptor{}, fmt.Errorf("hash %s: %w", filepath.Base(path), err)
	}
	d := descriptor{
		Name: name, Kind: Upscale, Imported: true, About: options.About.or(weights.ReadMetadata(path)),
		Sources: []origin{{File: filepath.Base(path), SHA256: sum}},
	}
	twin, isTwin := im.files.product(name)
	if isTwin {
		d.Name, d.Description, d.About = twin.name, twin.description, twin.about()
	}
	isONNX, err := looksLikeONNX(path)
	if err != nil {
		return descriptor{}, err
	}
	return im.installer.running.do(ctx, name+" "+sum, func(ctx context.Context) (descriptor, error) {
		if isTwin {
			return im.importTwin(ctx, d, path, isONNX)
		}
		if options.Restorer != nil && isONNX {
			return im.importRestorer(ctx, d, path, options)
		}
		if isONNX {
			return im.importONNX(ctx, d, path, options)
		}
		if options.Convention != (network.Convention{}) {
			return descriptor{}, fault.New(fault.Invalid, "--scale, --multiple, --tile and --range are for ONNX files only; those of %s are read from the file.", path)
		}
		return im.importWeights(ctx, d, path, options.Restorer != nil)
	})
}

// importWeights stores weights of an architecture that is supported. The user may say
// that they restore faces.
func (im *importer) importWeights(ctx context.Context, d descriptor, path string, restorer bool) (descriptor, error) {
	tensors, n, err := readWeights(path)
	if err != nil {
		return descriptor{}, err
	}
	if restorer && n.Info().Architecture != network.GFPGAN {
		return descriptor{}, fault.New(fault.Invalid, "%s is %s, which restores no faces; import it without --restorer.", path, n.Info().Architecture)
	}
	return im.installer.store(ctx, d, tensors, n)
}

// importTwin stores the general model's denoising variant in a format of which no hash
// is published: it must have the general model's tensors, with other values.
func (im *importer) importTwin(ctx context.Context, d descriptor, path string, isONNX bool) (descriptor, error) {
	if isONNX {
		return descriptor{}, fault.New(fault.Invalid, "%s cannot be an ONNX file, since it is mixed with %s; import its weights.", d.Name, generalModel)
	}
	p, _ := im.files.product(generalModel)
	general, err := im.installer.ensure(ctx, p)
	if err != nil {
		return descriptor{}, err
	}
	var sum weights.Sum
	for _, read := range []func() (weights.Tensors, error){
		func() (weights.Tensors, error) { return im.files.readTensors(general) },
		func() (weights.Tensors, error) { return weights.ReadFile(path) },
	} {
		t, err := read()
		if err != nil {
			return descriptor{}, err
		}
		if err := sum.Add(t, 1); err != nil {
			return descriptor{}, fault.Wrap(fault.Invalid, err, "%s is not a variant of %s, as the name %s demands; choose another name with --name.", path, generalModel, d.Name)
		}
	}
	return im.installer.convert(ctx, d, path)
}

// importONNX stores an ONNX file unchanged after checking that it is usable.
func (im *importer) importONNX(ctx context.Context, d descriptor, path string, options ImportOptions) (descriptor, error) {
	stated := options.Convention
	if stated.Scale < 0 || stated.Scale > maxScale {
		return descriptor{}, fault.New(fault.Invalid, "A model's scale is a whole number from 1 to %d, not %d.", maxScale, stated.Scale)
	}
	data, err := readONNXFile(path)
	if err != nil {
		return descriptor{}, err
	}
	c := stated
	if _, err := network.FromONNX(data, stated); err != nil {
		return descriptor{}, err // before a runtime is downloaded to run it
	}
	if options.Probe != nil {
		if c, err = options.Probe(ctx, data, stated); err != nil {
			return descriptor{}, err
		}
	}
	n, err := network.FromONNX(data, c)
	if err != nil {
		return descriptor{}, err
	}
	switch scale := n.Info().Scale; {
	case scale > maxScale:
		return descriptor{}, fault.New(fault.Unsupported, "%s upscales images %d times; the limit is %d times.", path, scale, maxScale)
	case scale == 0:
		return descriptor{}, fault.New(fault.Invalid, "%s does not state how many times it upscales images; set its scale with --scale.", path)
	}
	c = n.Convention()
	d.Convention, d.About = &c, d.About.or(n.Metadata())
	return im.files.place(ctx, describe(d, n.Info()), "model", ".onnx", func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// readONNXFile reads a file of at most maxONNX bytes.
func readONNXFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%s cannot be read.", path)
	}
	if info.Size() > maxONNX {
		return nil, fault.New(fault.TooLarge, "%s has %d bytes; the limit for ONNX files is %d.", path, info.Size(), int64(maxONNX))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%s cannot be read.", path)
	}
	return onnx.Inlined(data, func(name string, offset, length int64) ([]byte, error) {
		weights, err := readBeside(filepath.Dir(path), name, offset, length)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "%s keeps its weights in the file %.80q, which must be whole and beside it.", path, name)
		}
		return weights, nil
	})
}

// readBeside reads part of a file in or below a folder; length 0 is the rest.
func readBeside(folder, name string, offset, length int64) ([]byte, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	name = filepath.FromSlash(name)
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if length == 0 {
		length = info.Size() - offset
	}
	if !info.Mode().IsRegular() || offset > info.Size() || length > min(info.Size()-offset, maxONNX) {
		return nil, fmt.Errorf("%s has %d bytes, not %d from %d on", name, info.Size(), length, offset)
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data := make([]byte, length)
	_, err = file.ReadAt(data, offset)
	return data, err
}

// looksLikeONNX checks the extension, then the first field of a ModelProto: the
// format's version, a small number under tag 1. A safetensors file may begin like that:
// with the length of its header, in which JSON follows.
func looksLikeONNX(path string) (bool, error) {
	if strings.EqualFold(filepath.Ext(path), ".onnx") {
		return true, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return false, fault.Wrap(fault.Invalid, err, "%s cannot be read.", path)
	}
	defer file.Close()
	var start [9]byte
	if _, err := io.ReadFull(file, start[:]); err != nil {
		return false, nil // too short for any format; the weights reader reports it
	}
	isSafetensors := start[8] == '{' && binary.LittleEndian.Uint64(start[:]) < maxONNX
	return start[0] == 0x08 && start[1] > 0 && start[1] < 32 && !isSafetensors, nil
}

// freeName checks the wanted name, or derives one from the file's.
func (im *importer) freeName(path, wanted string) (string, error) {
	name := strings.ToLower(wanted)
	if wanted == "" {
		base := filepath.Base(path)
		name = nameFrom(strings.TrimSuffix(base, filepath.Ext(base)))
	}
	//guard:model-name TestImportRefusals
	if err := checkName(name); err != nil {
		return "", err
	}
	if p, ok := im.files.product(name); ok && p.name != denoisingModel {
		return "", fault.New(fault.Invalid, "%s is an official model and this file is a different one; choose another name with --name.", p.name)
	}
	if taken, ok := im.files.importedFolder(name); ok {
		if _, err := im.files.read(taken); !errors.Is(err, errNotInstalled) {
			return "", fault.New(fault.Invalid, "The model %s exists already; choose another name with --name, or run 'upscaled models rm %s' first.", taken, taken)
		}
	}
	return name, nil
}

// nameFrom derives a valid name from a file's, if possible: characters that
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
