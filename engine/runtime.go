package engine

import (
	"context"

	"upscaled/engine/imagedata"
	"upscaled/models/network"
)

// Device describes a device that a runtime computes on.
type Device struct {
	// Kind is such as "cpu", "cuda" or "webgpu"; Name is for people.
	Kind, Name string
	// ID distinguishes devices of one kind, such as "0"; "" if there is only one.
	ID string
	// Memory is the device's memory and Free its unused part, in bytes; 0 if unknown.
	Memory, Free int64
	// Precision is the fastest one here without visible loss.
	Precision network.Precision
	// StaticShapes is set if every new input shape costs set-up time. Each session
	// is then opened for one shape, which images share.
	StaticShapes bool
	// Parallel is the number of tiles that keep the device busiest: one is copied
	// while another runs. 0 is 1.
	Parallel int
	// Alignment divides where tiles should begin, so that a pixel has the same bits in
	// every tile: kernels that compute neighbors together round by position. 0 is 2 in
	// width and 1 in height.
	Alignment int
}

// Runtime opens sessions on one device. It may be used concurrently.
type Runtime interface {
	Device() Device
	// Open prepares a model for running. It fails with fault.DeviceMemory if the
	// device has no room, and may succeed once other sessions are closed. The
	// caller owns the session.
	Open(ctx context.Context, net *network.Network, options network.Options) (Session, error)
}

// TileMemory is implemented by runtimes whose device copies some memory faster than
// the garbage-collected heap, such as pinned pages. It may be used concurrently.
type TileMemory interface {
	// AllocateTile returns a raster with undefined samples, from the heap if there
	// is no more fast memory.
	AllocateTile(width, height, channels, depth int) imagedata.Raster
	// FreeTile frees a raster of AllocateTile that is no longer used.
	FreeTile(imagedata.Raster)
}

// Session runs one graph. Run may be called concurrently and repeatedly. Close
// waits for running calls; Run after Close is a fault.Internal error.
type Session interface {
	// Run computes one tile. in has the channels and sample type of the session's
	// options (Pix for Uint8, Pix16 for Uint16), out the size of OutputSize; the
	// caller allocates both, and Run keeps neither.
	//
	// When ctx ends, Run stops soon and returns a fault.Canceled error. After a
	// fault.DeviceMemory error the session must be closed. After any error out is
	// undefined.
	Run(ctx context.Context, in, out imagedata.Raster) error
	Close() error
}

// Streamer is implemented by sessions that compute a whole image of any height row
// by row, with memory for a few rows.
type Streamer interface {
	// Stream calls emit with the output's rows, of full width, from top to bottom.
	// They are valid until emit returns; an error of emit ends the stream.
	// Otherwise the contract is Run's with network.AllBorders.
	Stream(ctx context.Context, in imagedata.Raster, emit func(rows imagedata.Raster) error) error
	// Widest returns the width, in input pixels, that fits the memory for rows.
	// Wider images are cut into vertical strips.
	Widest() int
	// Share returns the part of the memory for rows, above 0 and up to 1, that a
	// stream of an image of that size holds. The caller bounds the sum over
	// concurrent streams.
	Share(width, height int) float64
}

// OutputSize returns the size of a session's output for an input size: scaled, less
// the receptive radius on every side that is not a border.
func OutputSize(info network.Info, borders network.Borders, width, height int) (int, int) {
	trim := func(side int, first, last bool) int {
		if !first {
			side -= info.Radius
		}
		if !last {
			side -= info.Radius
		}
		return side * info.Scale
	}
	return trim(width, borders.Left, borders.Right), trim(height, borders.Top, borders.Bottom)
}
