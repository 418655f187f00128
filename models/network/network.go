// Package network recognises a super-resolution network from its tensors
// alone and builds ONNX graphs of it. Nothing here runs a graph.
package network

// Architecture names a family of networks.
type Architecture string

const (
	// RRDBNet is the network of ESRGAN and Real-ESRGAN x4plus, x2plus and
	// anime_6B (Wang et al., arXiv 2107.10833).
	RRDBNet Architecture = "RRDBNet"
	// SRVGGNetCompact is that of realesr-general-x4v3 and animevideov3.
	SRVGGNetCompact Architecture = "SRVGGNetCompact"
	// GFPGAN restores one aligned face: the "clean" network of versions 1.3 and
	// 1.4 (Wang et al., arXiv 2101.04061).
	GFPGAN Architecture = "GFPGAN"
	// ONNXFile is any ONNX file with an NCHW float input and output.
	ONNXFile Architecture = "ONNX"
)

// Info are what planning needs to know of a network. Lengths are in pixels
// of the network's input.
type Info struct {
	Architecture Architecture
	// Scale is output side / input side.
	Scale int
	// Radius is the receptive radius: an output pixel depends on no input
	// pixel farther than this from it. 0 means unknown.
	Radius int
	// Multiple divides both input sides (2 for x2plus, whose first layer
	// folds 2x2 pixels into channels; 1 for most).
	Multiple int
	// FixedWidth and FixedHeight are set for face restorers and for ONNX files
	// that take one shape only; else 0.
	FixedWidth, FixedHeight int
	// Trims says that Graph honours Options.Borders, so that inner edges need
	// no padded work.
	Trims bool
	// FlopsPerPixel counts a multiply-add as two, for one input pixel.
	FlopsPerPixel float64
	// BytesPerPixel estimates the peak memory of a float32 CPU session for one
	// input pixel of a tile, measured (see the README's table).
	BytesPerPixel int
	// Description is for people, such as "RRDBNet 4x, 23 blocks, 64 features".
	Description string
}

// Precision of weights and activations.
type Precision string

const (
	Float32 Precision = "float32"
	Float16 Precision = "float16"
	// BFloat16 is for runtimes that compute without ONNX; there is no graph.
	BFloat16 Precision = "bfloat16"
)

// Sample is the type of the samples at a graph's edges.
type Sample string

const (
	// Uint8 samples are 0..255, Uint16 0..65535, Float 0..1 (float32 in every
	// precision). The graph clamps and rounds to nearest itself.
	Uint8  Sample = "uint8"
	Uint16 Sample = "uint16"
	Float  Sample = "float32"
)

// Borders says which sides of a graph's input are true borders of the picture.
// There every layer pads with zeros, as it would on the whole picture. On the
// other sides nothing is padded and the output is smaller by Scale*Radius, so
// that it holds exact pixels only. The zero value pads nowhere.
type Borders struct {
	Left, Top, Right, Bottom bool
}

// AllBorders pads on all four sides: the network as published.
var AllBorders = Borders{Left: true, Top: true, Right: true, Bottom: true}

// Options choose one graph of a network. It is comparable, so that it can be
// part of a cache key.
type Options struct {
	Precision Precision
	Sample    Sample
	// Channels at both edges: 3 (RGB) or 1 (gray or alpha: the network sees
	// the sample three times and its answer is weighted as BT.601 luma).
	Channels int
	// Borders must be AllBorders unless Info.Trims.
	Borders Borders
	// Width and Height fix the input's sides in pixels, for devices that set
	// up every shape anew; 0 leaves them free. Both or none are set.
	Width, Height int
	// Reference writes the published operators one to one (PRelu,
	// Mul 0.2, Add) instead of the rewritten form; for comparison.
	Reference bool
}

// InputName and OutputName are those of every graph built here. Shapes are
// [1, height, width, channels] with free height and width (NHWC), unless Info
// or Options fix them.
const (
	InputName  = "input"
	OutputName = "output"
)
