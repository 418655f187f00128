package engine

import (
	"context"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/tiling"
)

// tiler runs a pass in tiles.
type tiler struct {
	*pass
	grid   tiling.Grid
	pixels int // the largest tile; halved when the device runs out of memory
	// stitchers has one element per plane, pieces the final rows of a row of tiles
	// by plane.
	stitchers []*stitcher
	pieces    [][]imagedata.Raster
	emitted   int // rows passed on
	// alone is set while no tile of another image may run.
	alone bool
}

func newTiler(p *pass) *tiler {
	t := &tiler{pass: p, pixels: p.tilePixels(), pieces: make([][]imagedata.Raster, len(p.planes))}
	for i := range p.planes {
		t.stitchers = append(t.stitchers, &stitcher{scale: p.info.Scale, emit: func(rows imagedata.Raster) error {
			t.pieces[i] = append(t.pieces[i], rows)
			return nil
		}})
	}
	return t
}

// tile is one tile on its way through a device.
type tile struct {
	plane       int
	column, row tiling.Span
	rowIndex    int
	last        bool // completes its row of tiles
	// constant marks a plane's whole row that needs no model.
	constant bool

	options network.Options
	in, out imagedata.Raster
	done    chan struct{} // closed when out or err is set
	err     error
}

// plan cuts the image from a row on into tiles.
func (t *tiler) plan(start int) {
	alignment := t.engine.devices[0].runtime.Device().Alignment
	y := blendedMargins(t.info, max(2, alignment))
	if t.info.Tiles() == network.ExactTiles {
		y = exactMargins(t.info, max(2, alignment))
	}
	x := y
	if alignment == 0 {
		y.Multiple = max(t.info.Multiple, t.info.Grid)
	}
	x.Fixed, y.Fixed = t.info.FixedWidth, t.info.FixedHeight
	if t.whole() {
		t.grid = tiling.Grid{Columns: tiling.Cut(0, t.planes[0].Width, 1, x), Rows: tiling.Cut(start, t.planes[0].Height, 1, y)}
		return
	}
	budget := tiling.Budget{Pixels: t.pixels, Rows: t.bandRows(), Trims: t.trims()}
	cut := tiling.Plan
	if t.static() {
		cut = tiling.PlanStatic
	}
	t.grid = cut(start, t.planes[0].Width, t.planes[0].Height, x, y, budget)
}

// trims reports whether tiles' outputs lack the receptive radius on inner sides.
func (t *tiler) trims() bool { return t.info.Trims && !t.static() }

// origin returns the input position at which the output of a span begins.
func (t *tiler) origin(s tiling.Span) int {
	if t.trims() && !s.First {
		return s.In0 + t.info.Radius
	}
	return s.In0
}

// tiles lists the tiles of the plan in the order of stitching.
func (t *tiler) tiles() []*tile {
	var all []*tile
	for i, row := range t.grid.Rows {
		for plane := range t.planes {
			if t.constant[plane] {
				all = append(all, &tile{plane: plane, row: row, rowIndex: i, constant: true})
				continue
			}
			for _, column := range t.grid.Columns {
				all = append(all, &tile{plane: plane, column: column, row: row, rowIndex: i})
			}
		}
		all[len(all)-1].last = true
	}
	return all
}

// runGrid runs the plan and keeps one tile queued per device slot. On an error it
// returns the index of the first row of tiles that was not passed on.
func (t *tiler) runGrid(ctx context.Context, emit emitter) (int, error) {
	ctx, stop := context.WithCancel(ctx)
	all, begun := t.tiles(), 0
	ahead := t.engine.scheduler.slots + 1
	defer func() {
		stop()
		for _, each := range all[:begun] {
			t.discard(each)
		}
	}()
	var bands []imagedata.Raster
	for at, each := range all {
		for ; begun < min(at+ahead, len(all)); begun++ {
			t.begin(ctx, all[begun])
		}
		if bands == nil {
			bands = t.newBands(each.row)
		}
		if <-each.done; each.err != nil {
			return each.rowIndex, each.err
		}
		t.paste(each, bands[each.plane])
		if each.last {
			if err := t.finishRow(each.row, bands, emit); err != nil {
				return each.rowIndex, err
			}
			bands = nil
		}
	}
	return 0, nil
}

// newBands returns rasters for the output of a row of tiles.
func (t *tiler) newBands(row tiling.Span) []imagedata.Raster {
	bands := make([]imagedata.Raster, len(t.planes))
	for i, plane := range t.planes {
		bands[i] = t.run.pool.get(plane.Width*t.info.Scale, row.Kept()*t.info.Scale, plane.Channels, plane.Depth())
	}
	return bands
}

// begin starts a tile.
func (t *tiler) begin(ctx context.Context, each *tile) {
	each.done = make(chan struct{})
	if each.constant {
		close(each.done)
		return
	}
	t.cut(each)
	compute := t.compute
	if t.run.request.TTA {
		compute = t.ensemble
	}
	go func() {
		defer close(each.done)
		each.err = compute(ctx, each)
	}()
}

// cut copies a tile's input out of its plane and allocates its output.
func (t *tiler) cut(each *tile) {
	plane := t.planes[each.plane]
	each.options = t.options(plane)
	switch {
	case t.static():
		each.options.Width, each.options.Height = each.column.Seen(), each.row.Seen()
	case t.trims():
		each.options.Borders = network.Borders{Left: each.column.First, Top: each.row.First, Right: each.column.Last, Bottom: each.row.Last}
	}
	buffers, pool := t.engine.tiles, &t.run.pool
	each.in = buffers.get(pool, each.column.Seen(), each.row.Seen(), plane.Channels, plane.Depth())
	copyRegion(each.in, plane, each.column.In0, each.row.In0)
	width, height := OutputSize(t.info, each.options.Borders, each.in.Width, each.in.Height)
	each.out = buffers.get(pool, width, height, plane.Channels, plane.Depth())
}

// paste copies a tile's output into its band and frees its buffers.
func (t *tiler) paste(each *tile, band imagedata.Raster) {
	if each.constant {
		fill(band, t.planes[each.plane])
		t.run.advance(int64(t.width) * int64(each.row.Kept()))
		return
	}
	scale := t.info.Scale
	paste(band, each.out, each.column, scale, (each.column.Keep0-t.origin(each.column))*scale, (each.row.Keep0-t.origin(each.row))*scale)
	t.run.advance(int64(each.column.Kept()) * int64(each.row.Kept()))
	t.discard(each)
}

// discard waits for a tile to end and frees its buffers. It may be repeated.
func (t *tiler) discard(each *tile) {
	<-each.done
	if each.in.Width > 0 {
		t.engine.tiles.put(&t.run.pool, each.in, each.out)
		each.in, each.out = imagedata.Raster{}, imagedata.Raster{}
	}
}

// finishRow stitches a row of tiles to the one above and passes the final rows on.
func (t *tiler) finishRow(row tiling.Span, bands []imagedata.Raster, emit emitter) error {
	for i, band := range bands {
		t.pieces[i] = t.pieces[i][:0]
		t.stitchers[i].begin(row, band.Width, band.Channels, band.Depth())
		if err := t.stitchers[i].write(0, band); err != nil {
			return err
		}
	}
	for k := range t.pieces[0] {
		piece := make([]imagedata.Raster, len(bands))
		for i := range bands {
			piece[i] = t.pieces[i][k]
		}
		if err := t.cutExtension(piece, emit); err != nil {
			return err
		}
	}
	return nil
}

// cutExtension passes rows on without the planes' extension.
func (t *tiler) cutExtension(piece []imagedata.Raster, emit emitter) error {
	width, height := t.width*t.info.Scale, min(piece[0].Height, t.height*t.info.Scale-t.emitted)
	if height <= 0 {
		return nil
	}
	t.emitted += height
	for i, band := range piece {
		if piece[i] = band.Rows(0, height); band.Width != width {
			piece[i] = t.run.pool.get(width, height, band.Channels, band.Depth())
			copyRegion(piece[i], band, 0, 0)
			t.run.pool.put(band)
		}
	}
	return emit(piece)
}

// compute runs one tile, in float32 if it turns black.
func (t *tiler) compute(ctx context.Context, each *tile) error {
	if err := t.onAny(ctx, each, each.options); err != nil {
		return err
	}
	if each.options.Precision != network.Float16 || !blackened(each.in, each.out, t.info.Scale) {
		return nil
	}
	full := each.options
	full.Precision = network.Float32 // in which nothing overflows
	if err := t.onAny(ctx, each, full); err != nil {
		return fault.Wrap(fault.KindOf(err), err, "A part of the image overflowed in float16 and could not be run in float32: %s", fault.Sentence(err))
	}
	return nil
}

// onAny runs one tile on any device, and on another one if that is lost.
func (t *tiler) onAny(ctx context.Context, each *tile, o network.Options) error {
	if !t.alone {
		if err := t.engine.sharing.Acquire(ctx, 1); err != nil {
			return err
		}
		defer t.engine.sharing.Release(1)
	}
	for {
		d, err := t.attempt(ctx, each, o)
		//guard:lost-card TestCardsFail => true
		if fault.KindOf(err) != fault.DeviceLost || !t.engine.scheduler.lose(d) {
			return err
		}
	}
}

// attempt runs one tile when it is the image's turn and returns the device. Its
// session is opened before, while other tiles run.
func (t *tiler) attempt(ctx context.Context, each *tile, o network.Options) (*device, error) {
	tiles := len(t.grid.Columns) * len(t.grid.Rows)
	turn := t.engine.scheduler.choose(t.run, tiles, each.in.Width*each.in.Height, func(d *device) bool {
		return d.sessions.has(t.model, o)
	})
	defer t.engine.scheduler.end(turn)
	d := turn.on.device
	session, release, err := t.open(ctx, d, o)
	if err != nil {
		return d, err
	}
	defer func() { release() }()
	if err := t.engine.scheduler.acquire(ctx, turn); err != nil {
		return d, err
	}
	if turn.on.device != d {
		d = turn.on.device
		other, done, err := t.open(ctx, d, o)
		if err != nil {
			return d, err
		}
		release()
		session, release = other, done
	}
	//guard:lost-device TestLostDevice
	if err := t.counted(d, each.in, func() error { return session.Run(ctx, each.in, each.out) }); err != nil {
		return d, err
	}
	return d, nil
}
