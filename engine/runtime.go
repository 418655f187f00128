package engine

import (
	"context"

	"upscaled/engine/imagedata"
	"upscaled/models/network"
)

// Device describes where a runtime computes.
type Device struct {
	// Kind is "cpu", "cuda", "tensorrt" or "webgpu"; Name is for people.
	Kind, Name string
	// ID names the device among its kind, such as "0"; "" where there is one.
	ID string
	// Memory is what the device has and Free what is unused now, in bytes;
	// 0 where unknown.
	Memory, Free int64
	// Precision is the one that is fastest here without visible loss.
	Precision network.Precision
	// StaticShapes says that every new input shape costs set-up time: sessions
	// are then opened for one shape each, which pictures share.
	StaticShapes bool
	// Parallel is how many tiles at once the device is busiest with: one is
	// copied while another runs. 0 means 1.
	Parallel int
	// Alignment divides where tiles should begin, so that a pixel has the same bits in
	// every tile: kernels that compute neighbors together round by position. 0 is 2 in
	// width and 1 in height.
	Alignment int
}

// Runtime opens sessions on one device. All methods may be called
// concurrently.
type Runtime interface {
	Device() Device
	// Open prepares a network for running. It fails with fault.DeviceMemory
	// when the device has no room; closing sessions and asking again is then
	// sensible. The caller owns the session.
	Open(ctx context.Context, net *network.Network, options network.Options) (Session, error)
}

// TileMemory is implemented by runtimes whose device reads and writes some
// memory faster than the garbage-collected heap, such as pinned pages. Both
// methods may be called concurrently.
type TileMemory interface {
	// AllocateTile gives a raster whose samples hold anything; the heap's when
	// there is no more of the fast memory.
	AllocateTile(width, height, channels, depth int) imagedata.Raster
	// FreeTile takes back what AllocateTile gave, once nobody uses it.
	FreeTile(imagedata.Raster)
}

// Session runs one graph. Run may be called concurrently and repeated; Close
// waits for running calls, and Run after Close is a fault.Internal error.
type Session interface {
	// Run computes one tile. in has the options' channels and sample type
	// (Pix for Uint8, Pix16 for Uint16) and both rasters are allocated by the
	// caller, out in the size that OutputSize tells. Run keeps neither.
	//
	// When ctx ends, Run stops soon and returns a fault.Canceled error. Out of
	// device memory is fault.DeviceMemory: the session must then be closed.
	// After any error out holds garbage.
	Run(ctx context.Context, in, out imagedata.Raster) error
	Close() error
}

// Streamer is implemented by sessions that compute a whole picture of any
// height in rows from top to bottom, with memory for a few rows of it.
type Streamer interface {
	// Stream calls emit with the result's rows, of full width, from the top,
	// each once. They are valid until emit returns, whose error ends the
	// stream. Otherwise the contract is Run's with network.AllBorders.
	Stream(ctx context.Context, in imagedata.Raster, emit func(rows imagedata.Raster) error) error
	// Widest is how many pixels of input width fit the memory for rows; wider
	// pictures are cut into vertical strips.
	Widest() int
	// Share is which part of the memory for rows a stream of such a picture
	// holds, above 0, where 1 is all of it. Several streams at once hold the sum
	// of theirs; what they hold together is for the caller to bound.
	Share(width, height int) float64
}

// OutputSize tells the size of a session's output for an input size: scaled,
// less the receptive radius on every side that is not a border.
func OutputSize(facts network.Info, borders network.Borders, width, height int) (int, int) {
	trim := func(side int, first, last bool) int {
		if !first {
			side -= facts.Radius
		}
		if !last {
			side -= facts.Radius
		}
		return side * facts.Scale
	}
	return trim(width, borders.Left, borders.Right), trim(height, borders.Top, borders.Bottom)
}
