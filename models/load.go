package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/weights"
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
// denoise, unless nil, is 0..1 and mixes realesr-general-x4v3 with its weakly
// denoising variant, as the Real-ESRGAN script does: 1 is the model itself, 0
// keeps the most noise. Other models reject it with fault.Unsupported. An unknown
// name is fault.NotFound, a model that cannot be installed fault.ModelMissing.
func (l *loader) Load(ctx context.Context, name string, denoise *float64) (*network.Network, error) {
	d, err := l.usable(ctx, name)
	if err != nil {
		return nil, err
	}
	if denoise == nil {
		return l.load(ctx, d)
	}
	strength := *denoise
	if !(strength >= 0 && strength <= 1) {
		return nil, fault.New(fault.Invalid, "The denoising strength must be from 0 to 1, not %g.", strength)
	}
	if d.Name != generalModel {
		return nil, fault.New(fault.Unsupported, "Only %s has a denoising strength; leave it out for %s.", generalModel, d.Name)
	}
	if strength == 1 {
		return l.load(ctx, d)
	}
	variant, err := l.usable(ctx, denoisingModel)
	if err != nil {
		return nil, err
	}
	if strength == 0 {
		return l.load(ctx, variant)
	}
	return l.loadMix(ctx, d, variant, strength)
}

// Export writes a model as an ONNX file, as it would be run with the options.
func (l *loader) Export(ctx context.Context, name string, options network.Options, w io.Writer) error {
	n, err := l.Load(ctx, name, nil)
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
		tensors, err := l.files.readTensors(d)
		if err != nil {
			return nil, err
		}
		return network.Recognize(tensors)
	})
}

// loadMix mixes two stored models: strength of the first, the rest of the second.
func (l *loader) loadMix(ctx context.Context, d, variant descriptor, strength float64) (*network.Network, error) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %g", d.SHA256, variant.SHA256, strength))
	return l.cached(ctx, d.Name, hex.EncodeToString(sum[:]), func() (*network.Network, error) {
		first, err := l.files.readTensors(d)
		if err != nil {
			return nil, err
		}
		second, err := l.files.readTensors(variant)
		if err != nil {
			return nil, err
		}
		mixed, err := weights.Mix([]weights.Tensors{first, second}, []float64{strength, 1 - strength})
		if err != nil {
			return nil, err
		}
		return network.Recognize(mixed)
	})
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
