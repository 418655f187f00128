package engine

import (
	"errors"
	"sync"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/models/network"
)

// errAbandoned stops an encoder whose picture will not be finished.
var errAbandoned = errors.New("the picture was abandoned")

// run is one Upscale call.
type run struct {
	engine  *Engine
	request Request
	started time.Time
	stats   Stats
	pool    pool

	info          imagedata.Info
	net           *network.Network
	width, height int
	steps         []step
	restoration   *restoration // nil leaves faces alone

	progressing sync.Mutex // guards what follows
	done, total int64

	counting     sync.Mutex // guards stats and what follows
	running      int
	runningSince time.Time
}

// measure sums up what there is to compute, for progress.
func (r *run) measure() {
	planes := int64(1)
	if r.info.Alpha {
		planes = 2
	}
	for _, s := range r.steps {
		r.total += int64(s.width) * int64(s.height) * planes * int64(r.info.Frames)
	}
	r.stats.Needed = r.total
	r.report()
}

// advance counts what is done of it. Callers may be several goroutines.
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

// tileStarts and tileDone count what the devices do for this picture; tiles
// may run at once.
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

func (r *run) tileDone(facts network.Info, in imagedata.Raster) {
	r.counting.Lock()
	defer r.counting.Unlock()
	if r.running--; r.running == 0 {
		r.stats.Session += time.Since(r.runningSince)
	}
	pixels := int64(in.Width) * int64(in.Height)
	r.stats.Pixels += pixels
	r.stats.Flops += float64(pixels) * facts.FlopsPerPixel
}

// opened counts the time that a tile waited for its session to open.
func (r *run) opened(spent time.Duration) {
	r.counting.Lock()
	defer r.counting.Unlock()
	r.stats.Open += spent
}

const (
	// minTilePixels is where shrinking tiles stops: smaller ones are all
	// margin.
	minTilePixels = 64 * 64
	// defaultTileMemory and its share of the free memory bound a session.
	defaultTileMemory = 600 << 20
	freeShare         = 0.4
	// stripShare of the free memory bounds what waits for strips.
	stripShare = 0.15
	// bandMemory bounds the result rows that are held at once.
	bandMemory = 128 << 20
)

// tilePixels is how many input pixels a tile may see.
func (r *run) tilePixels(net *network.Network) int {
	f := net.Info()
	if r.request.Tile > 0 {
		return r.request.Tile * r.request.Tile
	}
	if r.engine.devices[0].static && r.engine.options.TileMemory == 0 {
		return r.engine.staticPixels(net)
	}
	memory := r.engine.options.TileMemory
	if memory == 0 {
		memory = defaultTileMemory
		if free := r.engine.free(); free > 0 {
			memory = min(memory, int64(freeShare*float64(free)))
		}
		// Networks that need much a pixel get more, or tiles are all margin.
		memory = max(memory, min(int64(f.BytesPerPixel)*512*512, memory*4))
	}
	return max(minTilePixels, int(memory/int64(max(f.BytesPerPixel, 1))))
}

// stripMemory is what the results of strips may take that wait for others.
func (r *run) stripMemory() int64 {
	if free := r.engine.free(); free > 0 {
		return min(stripMemory, int64(stripShare*float64(free)))
	}
	return stripMemory
}

// bandRows is how many input rows a row of tiles may keep.
func (r *run) bandRows(p *pass) int {
	if r.request.Tile > 0 {
		return 0
	}
	row := 0
	for _, plane := range p.planes {
		row += plane.Width * plane.Channels * plane.Depth() / 8
	}
	return max(32, bandMemory/(row*p.facts.Scale*p.facts.Scale))
}
