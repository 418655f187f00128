package models

import (
	"runtime"
	"slices"
	"strings"

	"upscaled/models/artifact"
)

// Kind is the purpose of a catalogue entry.
type Kind string

const (
	// Upscale models enlarge images; only they can be used as --model.
	Upscale Kind = "upscale"
	// Face models find or restore faces.
	Face Kind = "face"
	// Runtime is ONNX Runtime, the library that runs models.
	Runtime Kind = "runtime"
)

// product is an entry of the catalogue.
type product struct {
	name        string
	kind        Kind
	description string
	// title is a name for people, mostly "". variantOf is the model that people choose
	// in place of this one.
	title, variantOf string
	// scale is output side / input side; 0 if there is none.
	scale int
	// notice is a sentence that users must see before using it; mostly "".
	notice string
	// forms are alternatives in order of preference, each a complete set of
	// files.
	forms [][]artifact.Artifact
	// version is a Runtime's folder in the store; its first file is the library
	// to load.
	version string
}

// catalogue lists everything available for a system, this one by default, in the
// order shown to users.
func catalogue(platform string) []product {
	system, arch, found := strings.Cut(platform, "/")
	if !found {
		system, arch = runtime.GOOS, runtime.GOARCH
	}
	return slices.Concat(officialModels(), realCUGAN(), waifu2x(), runtimes(system, arch))
}

// product returns the catalogue entry of a name, in any spelling (see fold).
func (f *files) product(name string) (product, bool) {
	for _, p := range f.products {
		if fold(p.name) == fold(name) {
			return p, true
		}
	}
	return product{}, false
}

// about is the first form's; the others hold the same work.
func (p product) about() About { return aboutOrigin(p.forms[0][0].Licence, p.forms[0][0].Origin) }

// size returns the download size of the first form, in bytes.
func (p product) size() int64 {
	var size int64
	for _, a := range p.forms[0] {
		size += a.Size
	}
	return size
}
