package models

import (
	"runtime"

	"upscaled/models/artifact"
)

// Kind tells what a catalogue entry is for.
type Kind string

const (
	// Upscale models make pictures larger; only they can be used as --model.
	Upscale Kind = "upscale"
	// Face models find or restore faces.
	Face Kind = "face"
	// Runtime is ONNX Runtime, the library that runs networks.
	Runtime Kind = "runtime"
)

// product is something the catalogue offers.
type product struct {
	name        string
	kind        Kind
	description string
	// scale is output side / input side; 0 where there is none.
	scale int
	// notice is a sentence the user must see before using it; mostly "".
	notice string
	// forms are alternatives, tried in order: each is a complete set of files.
	forms [][]artifact.Artifact
	// version is the folder of a Runtime in the store, and its first file is
	// the library to open.
	version string
}

// catalogue lists everything that can be had on this machine, in the order
// shown to users.
func catalogue() []product {
	return append(officialModels(), runtimes(runtime.GOOS, runtime.GOARCH)...)
}

// product finds a catalogue entry by any way of writing its name.
func (s *Store) product(name string) (product, bool) {
	for _, p := range s.products {
		if fold(p.name) == fold(name) {
			return p, true
		}
	}
	return product{}, false
}

// licence and origin are those of the first form; the other forms hold the
// same work.
func (p product) licence() string { return p.forms[0][0].Licence }
func (p product) origin() string  { return p.forms[0][0].Origin }

// size is what a download of the first form weighs, in bytes.
func (p product) size() int64 {
	var size int64
	for _, a := range p.forms[0] {
		size += a.Size
	}
	return size
}
