package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/weights"
)

// maxShares bounds the models of a mix.
const maxShares = 16

// Share is a model's part in a mix.
type Share struct {
	Model string
	// Part is from 0 to 1; the parts of a mix add up to 1.
	Part float64
}

// ParseMix reads a mix, such as "one=0.3,other=0.7", which stands wherever a model's
// name does. A text without "=" is a name: the result is nil.
func ParseMix(text string) ([]Share, error) {
	if !strings.Contains(text, "=") {
		return nil, nil
	}
	var shares []Share
	total := 0.0
	for part := range strings.SplitSeq(text, ",") {
		name, number, found := strings.Cut(part, "=")
		value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if name = strings.TrimSpace(name); !found || name == "" || err != nil || !(value >= 0 && value <= 1) {
			return nil, fault.New(fault.Invalid, "A part of a mix is a model and a number from 0 to 1, such as mine=0.3, not %.80q.", part)
		}
		total += value
		shares = append(shares, Share{name, value})
	}
	switch {
	case len(shares) < 2 || len(shares) > maxShares:
		return nil, fault.New(fault.Invalid, "A mix is of 2 to %d models, such as one=0.3,other=0.7.", maxShares)
	case math.Abs(total-1) > 1e-6:
		return nil, fault.New(fault.Invalid, "The parts of a mix must add up to 1, not %g.", total)
	}
	return shares, nil
}

// Names returns the names of a mix's models, or the name of a single model.
func Names(model string) []string {
	shares, err := ParseMix(model)
	if shares == nil || err != nil {
		return []string{model}
	}
	var names []string
	for _, share := range shares {
		names = append(names, share.Model)
	}
	return names
}

// Mix stores the weighted mean of models of one architecture under a name, which must
// be free; see ParseMix. It downloads models of the catalogue that are not installed.
// Models that are stored as ONNX files are fault.Unsupported, others that differ in
// shape are fault.Invalid.
func (s *Store) Mix(ctx context.Context, name, mix string) (Entry, error) {
	name, err := s.freeName("", name)
	if err != nil {
		return Entry{}, err
	}
	shares, err := ParseMix(mix)
	if err != nil {
		return Entry{}, err
	}
	if shares == nil {
		return Entry{}, fault.New(fault.Invalid, "%.80q is no mix; name two models or more, such as one=0.3,other=0.7.", mix)
	}
	sources, err := s.allUsable(ctx, shares)
	if err != nil {
		return Entry{}, err
	}
	mixed, err := s.mixed(sources, shares)
	if err != nil {
		return Entry{}, err
	}
	n, err := network.Recognize(mixed)
	if err != nil {
		return Entry{}, err
	}
	d := mixOf(sources, shares)
	d.Name, d.Kind, d.Imported = name, Upscale, true
	d, err = s.files.place(ctx, describe(d, n.Info()), "weights", ".safetensors", func(w io.Writer) error {
		return weights.WriteSafetensors(w, mixed, nil)
	})
	if err != nil {
		return Entry{}, err
	}
	return d.entry(), nil
}

// mixOf describes a mix by its sources.
func mixOf(sources []descriptor, shares []Share) (d descriptor) {
	var said []string
	for i, source := range sources {
		said = append(said, fmt.Sprintf("%g of %s", shares[i].Part, source.Name))
		d.Sources = append(d.Sources, origin{File: source.File, SHA256: source.SHA256, From: source.Name})
		if source.Licence != "" && !strings.Contains(d.Licence, source.Licence) {
			d.Licence = strings.TrimPrefix(d.Licence+", "+source.Licence, ", ")
		}
	}
	d.Description = "mix of " + strings.Join(said, " and ")
	return d
}

// shares returns the models that a name and a denoising strength stand for: the parts
// of a mix, or one model with the part 1.
func (l *loader) shares(name string, denoise *float64) ([]Share, error) {
	shares, err := ParseMix(name)
	if err != nil {
		return nil, err
	}
	single := []Share{{name, 1}}
	if shares == nil && fold(name) == fold(generalModel) {
		strength := 1.0
		if _, missing := l.files.read(denoisingModel); missing == nil {
			strength = defaultDenoise
		}
		if denoise != nil {
			strength = *denoise
		}
		if !(strength >= 0 && strength <= 1) {
			return nil, fault.New(fault.Invalid, "The denoising strength must be from 0 to 1, not %g.", strength)
		}
		switch strength {
		case 0:
			return []Share{{denoisingModel, 1}}, nil
		case 1:
			return single, nil
		}
		return []Share{{name, strength}, {denoisingModel, 1 - strength}}, nil
	}
	if denoise != nil {
		return nil, fault.New(fault.Unsupported, "Only %s has a denoising strength; leave it out for %s.", generalModel, name)
	}
	if shares == nil {
		shares = single
	}
	return shares, nil
}

// allUsable returns the models of shares and downloads them if needed.
func (l *loader) allUsable(ctx context.Context, shares []Share) ([]descriptor, error) {
	var all []descriptor
	for _, share := range shares {
		d, err := l.usable(ctx, share.Model)
		if err != nil {
			return nil, err
		}
		if len(shares) > 1 && d.Architecture == network.ONNXFile {
			return nil, fault.New(fault.Unsupported, "%s is an ONNX file and cannot be mixed.", d.Name)
		}
		if len(all) > 0 && all[0].Architecture != d.Architecture {
			return nil, fault.New(fault.Invalid, "Models of one architecture can be mixed: %s is %s, but %s is %s.", all[0].Name, all[0].Architecture, d.Name, d.Architecture)
		}
		all = append(all, d)
	}
	return all, nil
}

// mixed returns the weighted mean of stored models.
func (l *loader) mixed(sources []descriptor, shares []Share) (weights.Tensors, error) {
	var sum weights.Sum
	for i, d := range sources {
		tensors, err := l.files.readTensors(d)
		if err == nil {
			err = sum.Add(tensors, shares[i].Part)
		}
		if err != nil {
			return nil, err
		}
	}
	return sum.Tensors(), nil
}

// loadMix mixes stored models.
func (l *loader) loadMix(ctx context.Context, sources []descriptor, shares []Share) (*network.Network, error) {
	digest := sha256.New()
	for i, d := range sources {
		fmt.Fprintf(digest, "%s %g\n", d.SHA256, shares[i].Part)
	}
	return l.cached(ctx, sources[0].Name, hex.EncodeToString(digest.Sum(nil)), func() (*network.Network, error) {
		mixed, err := l.mixed(sources, shares)
		if err != nil {
			return nil, err
		}
		return network.Recognize(mixed)
	})
}
