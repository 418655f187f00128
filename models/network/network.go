// Package network recognizes super-resolution and face restoration models from
// their tensors alone and builds ONNX graphs of them. It runs nothing.
package network

// Architecture names a family of models.
type Architecture string

const (
	// RRDBNet is the architecture of ESRGAN and of Real-ESRGAN x4plus, x2plus
	// and anime_6B (Wang et al., arXiv 2107.10833).
	RRDBNet Architecture = "RRDBNet"
	// SRVGGNetCompact is the architecture of realesr-general-x4v3 and
	// animevideov3.
	SRVGGNetCompact Architecture = "SRVGGNetCompact"
	// SPSR is RRDBNet with a second branch for edges (Ma et al., arXiv 2003.13081).
	SPSR Architecture = "SPSR"
	// GFPGAN restores one aligned face: the "clean" architecture of versions
	// 1.3 and 1.4 (Wang et al., arXiv 2101.04061).
	GFPGAN Architecture = "GFPGAN"
	// SPAN (Wan et al., arXiv 2311.12770), RealPLKSR (Lee et al., arXiv 2404.11848, as
	// changed by neosr) and SwinIR (Liang et al., arXiv 2108.10257).
	SPAN      Architecture = "SPAN"
	RealPLKSR Architecture = "RealPLKSR"
	SwinIR    Architecture = "SwinIR"
	// HAT (Chen et al., arXiv 2205.04437), DAT (Chen et al., arXiv 2308.03364) and RGT
	// (Chen et al., arXiv 2303.06373).
	HAT Architecture = "HAT"
	DAT Architecture = "DAT"
	RGT Architecture = "RGT"
	// OmniSR (Wang et al., arXiv 2304.10244) and RCAN (Zhang et al., arXiv 1807.02758).
	OmniSR Architecture = "OmniSR"
	RCAN   Architecture = "RCAN"
	// UpCunet is the architecture of Real-CUGAN and of waifu2x's cunet; UpConv that of
	// waifu2x's older upconv_7.
	UpCunet Architecture = "UpCunet"
	UpConv  Architecture = "upconv_7"
	// SRFormer (Zhou et al., arXiv 2303.09735) and MoSR, in both versions by umzi.
	SRFormer Architecture = "SRFormer"
	MoSR     Architecture = "MoSR"
	// ONNXFile is any ONNX file with one image of floats in and one out.
	ONNXFile Architecture = "ONNX"
)

// Info holds what planning needs to know about a model. Lengths are in pixels
// of the model's input.
type Info struct {
	Architecture Architecture
	// Scale is output side / input side.
	Scale int
	// Radius is the receptive radius: an output pixel depends on no input
	// pixel farther away than this. 0 means unknown.
	Radius int
	// Whole is set if parts of an image have visibly another result than the whole.
	Whole bool
	// Multiple must divide both input sides: 2 for x2plus, which unshuffles
	// 2x2 pixels into channels; 1 for most.
	Multiple int
	// Grid divides the positions at which tiles should begin, 0 for any: the model
	// computes on a coarser grid, but accepts all sizes.
	Grid int
	// Least is the shortest side of an input, 0 for any.
	Least int
	// FixedWidth and FixedHeight are set for face restorers and for ONNX files
	// that accept a single shape; otherwise 0.
	FixedWidth, FixedHeight int
	// Trims reports whether Graph supports Options.Borders, so that inner tile
	// edges need no padding.
	Trims bool
	// FlopsPerPixel counts a multiply-add as two, for one input pixel.
	FlopsPerPixel float64
	// BytesPerPixel is the measured peak memory of a float32 CPU session per
	// input pixel of a tile.
	BytesPerPixel int
	// Description is for people: "RRDBNet 4x, 23 blocks, 64 features".
	Description string
}

// Tiles says how a model computes an image in parts.
type Tiles string

const (
	// ExactTiles overlap by the receptive radius and have the result of the whole image.
	ExactTiles Tiles = "exact"
	// BlendedTiles have nearly that result and are blended where they overlap.
	BlendedTiles Tiles = "blended"
	// WholeImage means that there can be no tiles.
	WholeImage Tiles = "whole"
)

// MaxExactRadius is the largest receptive radius, in pixels, by which tiles overlap:
// more costs too much.
const MaxExactRadius = 64

// Tiles returns how the model computes an image that is too large for one run.
func (i Info) Tiles() Tiles {
	switch {
	case i.Whole:
		return WholeImage
	case i.Radius > 0 && i.Radius <= MaxExactRadius:
		return ExactTiles
	}
	return BlendedTiles
}

// Precision of weights and activations.
type Precision string

const (
	Float32 Precision = "float32"
	Float16 Precision = "float16"
	// BFloat16 is for runtimes that compute without ONNX; there is no such graph.
	BFloat16 Precision = "bfloat16"
)

// Sample is the type of the samples at a graph's input and output.
type Sample string

const (
	// Uint8 samples are 0..255, Uint16 0..65535, Float 0..1 (float32 whatever
	// the precision). The graph itself clamps and rounds to nearest.
	Uint8  Sample = "uint8"
	Uint16 Sample = "uint16"
	Float  Sample = "float32"
)

// Borders says which sides of a graph's input are borders of the image. There
// every layer pads with zeros, as it would on the whole image. The other sides
// are not padded and the output is smaller by Scale*Radius, so that it holds
// exact pixels only. The zero value pads nowhere.
type Borders struct {
	Left, Top, Right, Bottom bool
}

// AllBorders pads on all four sides: the model as published.
var AllBorders = Borders{Left: true, Top: true, Right: true, Bottom: true}

// Options select one graph of a model. The type is comparable and serves as
// part of cache keys.
type Options struct {
	Precision Precision
	Sample    Sample
	// Channels at input and output: 3 (RGB) or 1 (gray or alpha: the model sees
	// the sample three times and its output is weighted as BT.601 luma).
	Channels int
	// Borders must be AllBorders unless Info.Trims.
	Borders Borders
	// Width and Height fix the input's sides in pixels, for devices that
	// prepare every shape anew; 0 leaves them free. Set both or neither.
	Width, Height int
	// Reference writes the published operators one to one (PRelu, Mul 0.2,
	// Add) instead of the rewritten form; for comparison.
	Reference bool
}

// InputName and OutputName are the names in every graph built here. Shapes are
// [1, height, width, channels] (NHWC), height and width free unless Info or
// Options fix them.
const (
	InputName  = "input"
	OutputName = "output"
)
