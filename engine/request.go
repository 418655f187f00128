package engine

import (
	"context"
	"io"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/models/network"
)

// Library loads models by name; *models.Store implements it. It may be used
// concurrently and may download. A model that is neither installed nor can be
// downloaded is fault.ModelMissing, an unknown name fault.NotFound.
type Library interface {
	// Load returns the named model, the same one for the same arguments while it
	// is in use. A non-nil denoise, 0 to 1, mixes the model with its denoising
	// variant.
	Load(ctx context.Context, name string, denoise *float64) (*network.Network, error)
	// Default returns the name of the model that is used on a device kind ("cpu",
	// "cuda") if a request names none.
	Default(deviceKind string) string
	// LoadRestorer returns a face restorer and its name: a model that maps aligned
	// faces of one fixed square size to faces at scale 1. "" is the best one
	// installed.
	LoadRestorer(ctx context.Context, name string) (*network.Network, string, error)
}

// Size is the wanted output size. At most one way of giving it is set; none
// means the network's own factor. Width and Height may be given together
// (exact size, aspect ratio not kept) or alone (the other side follows).
type Size struct {
	// Scale is 0.1 to 16.
	Scale float64
	// Width and Height are in pixels of the upright picture.
	Width, Height int
	// Longest is the longer side in pixels.
	Longest int
	// FitWidth and FitHeight bound a box that the result fills as far as the
	// aspect ratio allows.
	FitWidth, FitHeight int
}

// Request is one picture to upscale.
type Request struct {
	// Input is a whole file; the engine reads it and keeps no reference.
	Input []byte `json:"-"`
	// Output receives the encoded result while it is made. After an error its
	// contents are worthless.
	Output io.Writer `json:"-"`
	// Model is a catalogue or imported name; "" is the device's default.
	Model string
	// Denoise is 0..1 for networks with a denoising twin; nil leaves it be.
	Denoise *float64
	// MaxInputWidth reduces a wider picture to this width, in pixels, before
	// anything else: Size then counts from the reduced one. 0 reduces nothing.
	MaxInputWidth int
	Size          Size
	// Filter, if set, resizes without a model, which is then loaded only if faces are
	// enhanced.
	Filter Filter
	// Second, if not nil, is blended over what Model or Filter makes.
	Second *Layer
	// CropWidth and CropHeight, in pixels, cut the center out of the result; 0 keeps
	// it whole.
	CropWidth, CropHeight int
	// Format "" keeps the input's.
	Format imagedata.Format
	// Quality is 1..100 for lossy formats; 0 is the format's default.
	Quality int
	// Lossless asks WebP for its lossless form.
	Lossless bool
	// Strip drops ICC profile, EXIF and XMP.
	Strip bool
	// Tile is the side of a tile in input pixels; 0 plans it from memory.
	Tile int
	// Faces, where not nil, asks for faces to be enhanced.
	Faces *Faces
	// Progress, where not nil, is called from one goroutine at a time, often.
	Progress func(Progress) `json:"-"`
}

// Filter resizes an image without a model.
type Filter string

// The filters. Lanczos has three lobes.
const (
	Lanczos Filter = "lanczos"
	Nearest Filter = "nearest"
)

// Layer is a second way to upscale the same image to the same size.
type Layer struct {
	Model  string
	Filter Filter
	// Visibility is 0 to 1: the layer's part in the result.
	Visibility float64
}

// Progress of one picture. Done and Total count network input pixels over all
// passes, planes and frames, so that Done/Total follows time.
type Progress struct {
	Done, Total int64
}

// Result tells what was made.
type Result struct {
	Input, Output imagedata.Info
	// Model is the network's catalogue name.
	Model string
	// Notes are sentences for the user about what could not be kept.
	Notes []string
	// Faces is nil where none were to be enhanced.
	Faces *FaceResult
	Stats Stats
}

// Stats say where the time went. Session is wall time with at least one tile
// in the session; Pixels counts network input pixels computed, overlap
// included; Needed counts them without.
type Stats struct {
	Wall, Decode, Open, Session, Resize, Encode time.Duration
	// FirstTile is the time from the start to the first tile's start.
	FirstTile      time.Duration
	Tiles          int
	Pixels, Needed int64
	Flops          float64
	TileWidth      int
	TileHeight     int
}
