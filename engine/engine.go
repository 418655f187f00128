// Package engine turns the bytes of an image into the bytes of a larger one. It
// knows no HTTP and no queue, and is given the runtimes that compute; package
// engine/upscaler opens one with everything it needs.
//
// run.steps lists the steps for one image. A pass runs a model over one frame in
// one of three ways: as a stream of rows (stream.go), as vertical strips of such
// streams if the image is too wide (strips.go), or as tiles (tile.go).
package engine

import (
	"cmp"
	"context"
	"time"

	"golang.org/x/sync/semaphore"

	"upscaled/engine/face"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// Upscaler upscales images: an Engine in this process or in another one. It may
// be used concurrently.
type Upscaler interface {
	Upscale(context.Context, Request) (Result, error)
}

// Options configure an Engine.
type Options struct {
	// Runtime computes; Others are further devices of the same kind, which share
	// the work.
	Runtime Runtime
	Others  []Runtime
	Library Library
	// Detector returns a face detector; it may be called concurrently. If it is
	// nil, faces cannot be enhanced.
	Detector func(context.Context, DetectorOptions) (face.Detector, error)
	// Limits bound the images that are decoded.
	Limits imagedata.Limits
	// TileMemory is the memory that a session may use for one tile, in bytes; 0
	// plans it from the device's free memory.
	TileMemory int64
	// Precision of the sessions; "" is the device's own.
	Precision network.Precision
	// Tuning, if not nil, returns a model's measurement on the device; it may
	// be called concurrently.
	Tuning func(*network.Network) Tuning
}

// Tuning is how a device runs a model fastest. Zero values were not measured.
type Tuning struct {
	// TilePixels is the largest tile, in input pixels.
	TilePixels int
}

// Engine upscales images on one or several devices. It may be used concurrently:
// tiles of different images take turns.
type Engine struct {
	options   Options
	precision network.Precision
	devices   []*device
	scheduler *scheduler
	// sharing is held by each tile, and wholly by an image that finds too little
	// memory beside others.
	sharing *semaphore.Weighted
	tiles   *tiles
	rows    *rowMemory
}

// everyTile is more tiles than ever run at once.
const everyTile = 1 << 20

// Sessions cached per device. A model has at most nine graphs of different borders
// per sample type and channel count. Sessions of a fixed shape hold device memory
// each, so fewer are kept.
const maxSessions, maxStaticSessions = 24, 8

// New returns an engine. The caller closes it before its runtimes.
func New(o Options) *Engine {
	e := &Engine{options: o, precision: cmp.Or(o.Precision, o.Runtime.Device().Precision), sharing: semaphore.NewWeighted(everyTile), tiles: newTiles(o.Runtime), rows: newRowMemory()}
	for _, r := range append([]Runtime{o.Runtime}, o.Others...) {
		e.devices = append(e.devices, newDevice(r))
	}
	e.scheduler = newScheduler(e.devices)
	return e
}

// Close frees the sessions. No Upscale may be running.
func (e *Engine) Close() {
	for _, d := range e.devices {
		d.sessions.stop()
	}
	e.clear()
	e.tiles.close()
}

// clear closes all sessions, those in use once their tiles end, and returns the
// number on the device that had most.
func (e *Engine) clear() int {
	most := 0
	for _, d := range e.devices {
		most = max(most, d.sessions.clear())
	}
	return most
}

// Upscale upscales one image. See Request for what it reads and writes.
func (e *Engine) Upscale(ctx context.Context, q Request) (Result, error) {
	r := &run{engine: e, request: q, meter: meter{started: time.Now(), progress: q.Progress}}
	err := r.execute(ctx)
	r.stats.Wall = time.Since(r.started)
	if err != nil {
		if ctx.Err() != nil {
			err = fault.Wrap(fault.Canceled, ctx.Err(), "The operation was canceled.")
		}
		return Result{Stats: r.stats}, err
	}
	return r.result(), nil
}

// steps returns the steps of one image, in order.
func (r *run) steps() []func(context.Context) error {
	return []func(context.Context) error{
		r.findRestorer, // faces.go: the models that enhance faces, if asked for
		r.openInput,    // decode.go: limits and header
		r.loadModels,   // layers.go: one model, or two that are blended
		r.plan,         // plan.go: the output's size and the passes to it
		r.openOutput,   // encode.go: the output's header
		r.frames,       // frame.go: decode, run by stream, strips or tiles, stitch, resize, blend, crop, encode
	}
}

func (r *run) execute(ctx context.Context) error {
	for _, step := range r.steps() {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}
