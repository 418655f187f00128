package engine

import (
	"sync"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/models/network"
)

// meter counts the work for one image and reports the progress. The steps of a run set
// their own statistics.
type meter struct {
	started  time.Time
	stats    Stats
	progress func(Progress) // may be nil

	progressing sync.Mutex // guards done and total
	done, total int64

	counting     sync.Mutex // guards stats, running and runningSince
	running      int
	runningSince time.Time
}

// expect adds pixels to the work that progress is measured against.
func (m *meter) expect(pixels int64) {
	m.progressing.Lock()
	defer m.progressing.Unlock()
	m.total += pixels
}

// advance counts pixels as done. Callers may be several goroutines.
func (m *meter) advance(pixels int64) {
	m.progressing.Lock()
	defer m.progressing.Unlock()
	m.done = min(m.done+pixels, m.total)
	m.report()
}

func (m *meter) report() {
	if m.progress != nil {
		m.progress(Progress{Done: m.done, Total: m.total})
	}
}

// tileStarts and tileDone count the devices' work for this image; tiles may run
// concurrently.
func (m *meter) tileStarts(in imagedata.Raster) {
	m.counting.Lock()
	defer m.counting.Unlock()
	now := time.Now()
	if m.stats.Tiles == 0 {
		m.stats.FirstTile = now.Sub(m.started)
	}
	if m.running++; m.running == 1 {
		m.runningSince = now
	}
	m.stats.Tiles++
	m.stats.TileWidth = max(m.stats.TileWidth, in.Width)
	m.stats.TileHeight = max(m.stats.TileHeight, in.Height)
}

func (m *meter) tileDone(info network.Info, in imagedata.Raster) {
	m.counting.Lock()
	defer m.counting.Unlock()
	if m.running--; m.running == 0 {
		m.stats.Session += time.Since(m.runningSince)
	}
	pixels := int64(in.Width) * int64(in.Height)
	m.stats.Pixels += pixels
	m.stats.Flops += float64(pixels) * info.FlopsPerPixel
}

// opened counts the time that a tile waited for its session to open.
func (m *meter) opened(spent time.Duration) {
	m.counting.Lock()
	defer m.counting.Unlock()
	m.stats.Open += spent
}
