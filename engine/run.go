package engine

import (
	"sync"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/engine/imagedata/encode"
	"upscaled/models/network"
)

// run is one call of Upscale. Its steps fill it in.
type run struct {
	engine  *Engine
	request Request
	started time.Time
	stats   Stats
	pool    pool

	restoration *restoration // nil leaves faces alone
	decoder     *decode.Decoder
	input       imagedata.Info
	layers      []*layer
	// width and height are the output's before it is cropped.
	width, height int
	header        encode.Header
	encoder       encode.Encoder
	toSRGB        *encode.SRGB // nil keeps the colors
	notes         []string

	progressing sync.Mutex // guards done and total
	done, total int64

	counting     sync.Mutex // guards stats, running and runningSince
	running      int
	runningSince time.Time
}

// result describes what a successful run made.
func (r *run) result() Result {
	h := r.header
	result := Result{
		Input: r.input,
		Output: imagedata.Info{
			Format: r.format(), Width: h.Width, Height: h.Height, Channels: h.Channels, Depth: h.Depth,
			Alpha: h.Alpha, Frames: h.Frames, Loop: h.Loop, Meta: h.Meta,
		},
		Model: r.layers[0].name,
		Notes: append(append(r.decoder.Notes(), r.notes...), r.restoration.note()...),
		Stats: r.stats,
	}
	if r.restoration != nil {
		result.Faces = &r.restoration.result
	}
	return result
}

// expect adds pixels to the work that progress is measured against.
func (r *run) expect(pixels int64) {
	r.progressing.Lock()
	defer r.progressing.Unlock()
	r.total += pixels
}

// advance counts pixels as done. Callers may be several goroutines.
func (r *run) advance(pixels int64) {
	r.progressing.Lock()
	defer r.progressing.Unlock()
	r.done = min(r.done+pixels, r.total)
	r.report()
}

func (r *run) report() {
	if r.request.Progress != nil {
		r.request.Progress(Progress{Done: r.done, Total: r.total})
	}
}

// tileStarts and tileDone count what the devices do for this image; tiles may run
// at once.
func (r *run) tileStarts(in imagedata.Raster) {
	r.counting.Lock()
	defer r.counting.Unlock()
	now := time.Now()
	if r.stats.Tiles == 0 {
		r.stats.FirstTile = now.Sub(r.started)
	}
	if r.running++; r.running == 1 {
		r.runningSince = now
	}
	r.stats.Tiles++
	r.stats.TileWidth = max(r.stats.TileWidth, in.Width)
	r.stats.TileHeight = max(r.stats.TileHeight, in.Height)
}

func (r *run) tileDone(info network.Info, in imagedata.Raster) {
	r.counting.Lock()
	defer r.counting.Unlock()
	if r.running--; r.running == 0 {
		r.stats.Session += time.Since(r.runningSince)
	}
	pixels := int64(in.Width) * int64(in.Height)
	r.stats.Pixels += pixels
	r.stats.Flops += float64(pixels) * info.FlopsPerPixel
}

// opened counts the time that a tile waited for its session to open.
func (r *run) opened(spent time.Duration) {
	r.counting.Lock()
	defer r.counting.Unlock()
	r.stats.Open += spent
}
