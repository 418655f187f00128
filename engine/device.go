package engine

import (
	"sync"
	"time"

	"upscaled/engine/imagedata"
)

// device is one of the engine's devices with its open sessions.
type device struct {
	runtime  Runtime
	sessions *sessions
	parallel int
	static   bool

	mutex sync.Mutex
	runs  int // running now
	since time.Time
	busy  time.Duration
}

// idleLimit is how long unused sessions keep a GPU's memory.
const idleLimit = 2 * time.Minute

func newDevice(r Runtime) *device {
	described, limit, idle := r.Device(), maxSessions, time.Duration(0)
	if described.StaticShapes {
		limit, idle = maxStaticSessions, idleLimit
	}
	return &device{
		runtime: r, sessions: newSessions(r, limit, idle),
		parallel: max(1, described.Parallel), static: described.StaticShapes,
	}
}

// begin and end count a run as time that the device is busy.
func (d *device) begin() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.runs++; d.runs == 1 {
		d.since = time.Now()
	}
}

func (d *device) end() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.runs--; d.runs == 0 {
		d.busy += time.Since(d.since)
	}
}

// DeviceUse is a device with its work for this engine.
type DeviceUse struct {
	Device
	// Busy is the time during which at least one tile ran.
	Busy time.Duration
	// Lost is set once the device has stopped working while others go on.
	Lost bool
}

// DevicesOf returns an Upscaler's devices, nil if it does not know them.
func DevicesOf(u Upscaler) []DeviceUse {
	if known, ok := u.(interface{ Devices() []DeviceUse }); ok {
		return known.Devices()
	}
	return nil
}

// Devices returns the engine's devices as they are now.
func (e *Engine) Devices() []DeviceUse {
	all := make([]DeviceUse, len(e.devices))
	for i, d := range e.devices {
		all[i].Device, all[i].Lost = d.runtime.Device(), e.scheduler.isLost(d)
		d.mutex.Lock()
		if all[i].Busy = d.busy; d.runs > 0 {
			all[i].Busy += time.Since(d.since)
		}
		d.mutex.Unlock()
	}
	return all
}

// free returns the unused memory of the device that has least, in bytes; 0 if
// unknown.
func (e *Engine) free() int64 {
	least := int64(0)
	for _, d := range e.devices {
		if free := d.runtime.Device().Free; free > 0 && (least == 0 || free < least) {
			least = free
		}
	}
	return least
}

// tiles allocates the buffers of tiles. Memory of the runtime's own is kept for all
// images, since allocating it is slow.
type tiles struct {
	memory TileMemory // nil for the heap

	mutex sync.Mutex
	idle  []imagedata.Raster
}

// maxIdleTiles is the number of unused buffers that are kept: inputs and outputs of
// the tiles that one or two GPUs run at once.
const maxIdleTiles = 16

func newTiles(r Runtime) *tiles {
	t := &tiles{}
	if r.Device().StaticShapes {
		t.memory, _ = r.(TileMemory)
	}
	return t
}

// get returns a raster with undefined samples, from p if the runtime has no memory
// for tiles.
func (t *tiles) get(p *pool, width, height, channels, depth int) imagedata.Raster {
	if t.memory == nil {
		return p.get(width, height, channels, depth)
	}
	t.mutex.Lock()
	for i, r := range t.idle {
		if r.Width == width && r.Height == height && r.Channels == channels && r.Depth() == depth {
			t.idle = append(t.idle[:i], t.idle[i+1:]...)
			t.mutex.Unlock()
			return r
		}
	}
	t.mutex.Unlock()
	return t.memory.AllocateTile(width, height, channels, depth)
}

// put frees rasters of get.
func (t *tiles) put(p *pool, rasters ...imagedata.Raster) {
	if t.memory == nil {
		p.put(rasters...)
		return
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.idle = append(t.idle, rasters...)
	for len(t.idle) > maxIdleTiles {
		t.memory.FreeTile(t.idle[0])
		t.idle = t.idle[1:]
	}
}

func (t *tiles) close() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, r := range t.idle {
		t.memory.FreeTile(r)
	}
	t.idle = nil
}
