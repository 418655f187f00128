package models

import (
	"context"
	"fmt"
	"io"
	"strings"

	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/weights"
)

// Share is a model's part in a mix.
type Share struct {
	Model string
	// Part is from 0 to 1; the parts of a mix add up to 1.
	Part float64
}

// Mix stores the weighted mean of models of one architecture under a name, which must
// be free. It downloads models of the catalogue that are not installed. Models that
// are stored as ONNX files are fault.Unsupported, others that differ in shape are
// fault.Invalid.
func (s *Store) Mix(ctx context.Context, name string, shares []Share) (Entry, error) {
	name, err := s.freeName("", name)
	if err != nil {
		return Entry{}, err
	}
	if len(shares) < 2 {
		return Entry{}, fault.New(fault.Invalid, "A mix needs at least two models, such as one=0.3 other=0.7.")
	}
	d := descriptor{Name: name, Kind: Upscale, Imported: true}
	var files []weights.Tensors
	var parts []float64
	var said []string
	for _, share := range shares {
		source, err := s.usable(ctx, share.Model)
		if err != nil {
			return Entry{}, err
		}
		if source.Architecture == network.ONNXFile {
			return Entry{}, fault.New(fault.Unsupported, "%s is an ONNX file and cannot be mixed.", source.Name)
		}
		tensors, err := s.files.readTensors(source)
		if err != nil {
			return Entry{}, err
		}
		files, parts = append(files, tensors), append(parts, share.Part)
		said = append(said, fmt.Sprintf("%g of %s", share.Part, source.Name))
		d.Sources = append(d.Sources, origin{File: source.File, SHA256: source.SHA256, From: source.Name})
		if source.Licence != d.Licence && source.Licence != "" {
			d.Licence = strings.TrimPrefix(d.Licence+", "+source.Licence, ", ")
		}
	}
	mixed, err := weights.Mix(files, parts)
	if err != nil {
		return Entry{}, err
	}
	n, err := network.Recognize(mixed)
	if err != nil {
		return Entry{}, err
	}
	d.Description = "mix of " + strings.Join(said, " and ")
	d, err = s.files.place(ctx, describe(d, n.Info()), "weights", ".safetensors", func(w io.Writer) error {
		return weights.WriteSafetensors(w, mixed, nil)
	})
	if err != nil {
		return Entry{}, err
	}
	return d.entry(), nil
}
