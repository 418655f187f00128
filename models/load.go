package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"upscaled/models/fault"
	"upscaled/models/network"
)

// loader reads stored models, downloading the catalogue's if needed, and shares
// them while they are in use.
type loader struct {
	files     *files
	installer *installer
	running   flights[*network.Network]
	cache     cache
}

// Load returns the named model, ready to build graphs. A catalogue model that is
// not installed is downloaded first. Concurrent and repeated calls share one
// model while anybody uses it.
//
// The name may be a mix (see ParseMix) of models of one architecture.
//
// denoise, unless nil, is 0..1 and mixes realesr-general-x4v3 with its weakly
// denoising variant, as the Real-ESRGAN script does: 1 is the model itself, 0
// keeps the most noise. Nil is that script's 0.5 if the variant is installed,
// otherwise 1. Other models reject it with fault.Unsupported. An unknown name is
// fault.NotFound, a model that cannot be installed fault.ModelMissing.
func (l *loader) Load(ctx context.Context, name string, denoise *float64) (*network.Network, error) {
	shares, err := l.shares(name, denoise)
	if err != nil {
		return nil, err
	}
	sources, err := l.allUsable(ctx, shares)
	switch {
	case err != nil:
		return nil, err
	case len(sources) == 1:
		return l.load(ctx, sources[0])
	}
	return l.loadMix(ctx, sources, shares)
}

// Export writes an upscaling model or a face restorer as an ONNX file, as it would be
// run with the options.
func (l *loader) Export(ctx context.Context, name string, options network.Options, w io.Writer) error {
	n, err := l.Load(ctx, name, nil)
	if fault.KindOf(err) == fault.Unsupported {
		n, _, err = l.LoadRestorer(ctx, name)
		if fault.KindOf(err) == fault.Invalid {
			return fault.Wrap(fault.Unsupported, err, "%s cannot be exported; only upscaling models and face restorers can.", name)
		}
	}
	if err != nil {
		return err
	}
	graph, err := n.Graph(options)
	if err != nil {
		return err
	}
	if _, err := w.Write(graph); err != nil {
		return fmt.Errorf("write ONNX file: %w", err)
	}
	return nil
}

// usable returns an upscaling model and downloads it if needed.
func (l *loader) usable(ctx context.Context, name string) (descriptor, error) {
	p, ok := l.files.product(name)
	switch {
	case !ok:
		d, err := l.files.imported(name)
		if err == nil && d.Kind == Face {
			err = forFaces(d.Name)
		}
		return d, err
	case p.kind == Face:
		return descriptor{}, forFaces(p.name)
	case p.kind == Runtime:
		return descriptor{}, fault.New(fault.Unsupported, "%s is a library, not a model; choose a model such as %s.", p.name, generalModel)
	}
	return l.installer.ensure(ctx, p)
}

func forFaces(name string) error {
	return fault.New(fault.Unsupported, "%s is for faces and cannot be used as the upscaling model; choose one such as %s.", name, generalModel)
}

// load reads one stored model, or finds it in memory.
func (l *loader) load(ctx context.Context, d descriptor) (*network.Network, error) {
	id := d.SHA256
	if d.Convention != nil { // one file may be imported twice
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %+v", id, *d.Convention))
		id = hex.EncodeToString(sum[:])
	}
	return l.cached(ctx, d.Name, id, func() (*network.Network, error) {
		if d.Architecture == network.ONNXFile {
			return l.readONNX(d)
		}
		return l.recognized(d)
	})
}

func (l *loader) recognized(d descriptor) (*network.Network, error) {
	tensors, err := l.files.readTensors(d)
	if err != nil {
		return nil, err
	}
	return network.Recognize(tensors)
}

// cached shares the model with an ID that identifies its contents.
func (l *loader) cached(ctx context.Context, name, id string, make func() (*network.Network, error)) (*network.Network, error) {
	if found := l.cache.get(id); found != nil {
		return found, nil
	}
	n, err := l.running.do(ctx, id, func(context.Context) (*network.Network, error) {
		n, err := make()
		if err != nil {
			return nil, err
		}
		return l.cache.put(id, n.WithID(id)), nil
	})
	return n, interrupted(err, name)
}

func (l *loader) readONNX(d descriptor) (*network.Network, error) {
	data, err := l.files.contents(d)
	if err != nil {
		return nil, err
	}
	c := network.Convention{Scale: d.Scale}
	if d.Convention != nil {
		c = *d.Convention
	}
	n, err := network.FromONNX(data, c)
	if err != nil {
		return nil, l.files.damaged(d.Name, err)
	}
	return n, nil
}
