package engine

import (
	"context"
	"io"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
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

// Size is the wanted output size. At most one way to specify it may be used; none
// is the model's own scale.
type Size struct {
	// Scale is 0.1 to 16.
	Scale float64
	// Width and Height are in pixels of the upright image. Together they are the
	// exact size, whatever the aspect ratio; if one is 0 it follows from the other.
	Width, Height int
	// Longest is the longer side in pixels.
	Longest int
	// FitWidth and FitHeight are a box that the output fills as far as the aspect
	// ratio allows.
	FitWidth, FitHeight int
}

// Request is one image to upscale.
type Request struct {
	// Input is a whole file. The engine reads it and keeps no reference.
	Input []byte `json:"-"`
	// Page of a file of several, counted from 1; 0 is the first.
	Page int
	// Film, if not nil, is a film.Task as JSON in place of Input, for engines that
	// upscale films.
	Film []byte
	// Source, if not nil, yields the frames in place of Input, and Encoder receives the
	// upscaled frames in place of Output. Both are of this process.
	Source  Source         `json:"-"`
	Encoder encode.Encoder `json:"-"`
	// Output receives the encoded result while it is made. After an error its
	// contents are incomplete.
	Output io.Writer `json:"-"`
	// Pages, if not nil, makes the result the next page of a TIFF file in Output,
	// which must be a seeker.
	Pages *encode.Pages `json:"-"`
	// Model is the name of a model in the catalogue or an imported one; "" is the
	// device's default.
	Model string
	// Denoise is 0 to 1 for models with a denoising variant; nil is the model as it
	// is.
	Denoise *float64
	// MaxInputWidth, in pixels, reduces wider images before anything else; Size
	// then refers to the reduced one. 0 reduces nothing.
	MaxInputWidth int
	Size          Size
	// Filter, if set, resizes without a model, which is then loaded only if faces are
	// enhanced.
	Filter Filter
	// Second, if not nil, is blended over the result of Model or Filter.
	Second *Layer
	// CropWidth and CropHeight, in pixels, cut the center out of the result; 0 keeps
	// it whole.
	CropWidth, CropHeight int
	// Format of the output; "" keeps the input's.
	Format imagedata.Format
	// Quality is 1 to 100 for lossy formats; 0 is the format's default.
	Quality int
	// Lossless selects lossless WebP.
	Lossless bool
	// Strip drops all metadata.
	Strip bool
	// Tile is the side of a tile in input pixels; 0 plans it from memory.
	Tile int
	// TTA runs the model on the image in eight orientations and takes the mean, which
	// takes eight times the work and leaves fewer artifacts.
	TTA bool
	// Faces, if not nil, enhances faces.
	Faces *Faces
	// Progress, if not nil, is called often, from one goroutine at a time.
	Progress func(Progress) `json:"-"`
}

// Source yields decoded frames; *decode.Decoder implements it.
type Source interface {
	Info() imagedata.Info
	// Next returns the next frame, which the engine may change, or io.EOF.
	Next() (imagedata.Frame, error)
	// Notes returns what a user should know about the frames that were read.
	Notes() []string
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

// Progress of one image. Done and Total count the model's input pixels over all
// passes, planes and frames, so that Done/Total is proportional to time.
type Progress struct {
	Done, Total int64
}

// Result describes an output.
type Result struct {
	Input, Output imagedata.Info
	// Model is the model's name, or the filter's.
	Model string
	// Notes are sentences for the user about what could not be kept.
	Notes []string
	// Faces is nil if no faces were to be enhanced.
	Faces *FaceResult
	Stats Stats
}

// Stats is where the time went. Session is the wall time with at least one tile in
// a session. Pixels counts the model's input pixels with overlap, Needed without.
type Stats struct {
	Wall, Decode, Open, Session, Resize, Encode time.Duration
	// FirstTile is the time until the first tile started.
	FirstTile      time.Duration
	Tiles          int
	Pixels, Needed int64
	Flops          float64
	TileWidth      int
	TileHeight     int
}
