package tiling_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"upscaled/tiling"
)

func margins(t *rapid.T) tiling.Margins {
	return tiling.Margins{
		Crop:     rapid.IntRange(0, 60).Draw(t, "crop"),
		Ramp:     2 * rapid.IntRange(0, 8).Draw(t, "ramp"),
		Multiple: rapid.SampledFrom([]int{1, 2, 4}).Draw(t, "multiple"),
	}
}

// Every pixel is kept once, or by two neighbors whose ramps meet exactly; all
// that is kept is seen with its crop, except beyond the image.
func TestCutProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := margins(t)
		length := rapid.IntRange(1, 700).Draw(t, "length") * m.Multiple
		start := rapid.IntRange(0, length/m.Multiple-1).Draw(t, "start") * m.Multiple
		if start < 2*m.Ramp || length-start < 2*m.Ramp {
			start = 0 // plans start where spans met, so ramps fit
		}
		spans := tiling.Cut(start, length, rapid.IntRange(1, 40).Draw(t, "count"), m)
		at := start
		for i, s := range spans {
			if s.Keep0 != at-m.Ramp/2*boolean(at > 0) || s.RampBefore != m.Ramp*boolean(at > 0) {
				t.Fatalf("span %d of %+v does not join at %d", i, spans, at)
			}
			if s.In0 < 0 || s.In1 > length || s.In0%m.Multiple != 0 || s.Seen()%m.Multiple != 0 {
				t.Fatalf("span %d of %+v sees too much or unaligned", i, spans)
			}
			if s.In0 > max(0, s.Keep0-m.Crop) || s.In1 < min(length, s.Keep1+m.Crop) {
				t.Fatalf("span %d of %+v sees too little", i, spans)
			}
			if s.First != (s.In0 == 0) || s.Last != (s.In1 == length) {
				t.Fatalf("span %d of %+v has wrong borders", i, spans)
			}
			at = s.Keep1 - s.RampAfter/2
			if i < len(spans)-1 && s.RampAfter != m.Ramp {
				t.Fatalf("span %d of %+v fades over %d", i, spans, s.RampAfter)
			}
			if s.RampBefore+s.RampAfter > s.Kept() {
				t.Fatalf("the ramps of span %d of %+v overlap", i, spans)
			}
		}
		if at != length || spans[len(spans)-1].RampAfter != 0 {
			t.Fatalf("%+v ends at %d of %d", spans, at, length)
		}
	})
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Whatever fits the budget is within it, and a larger budget never costs more
// pixels.
func TestPlanProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := margins(t)
		width := rapid.IntRange(1, 400).Draw(t, "width") * m.Multiple
		height := rapid.IntRange(1, 400).Draw(t, "height") * m.Multiple
		smallest := 2*m.Crop + 6*m.Ramp + 6*m.Multiple
		b := tiling.Budget{Pixels: rapid.IntRange(smallest*smallest, 200_000).Draw(t, "pixels"), Trims: rapid.Bool().Draw(t, "trims")}
		grid := tiling.Plan(0, width, height, m, m, b)
		for _, x := range grid.Columns {
			for _, y := range grid.Rows {
				if x.Seen()*y.Seen() > b.Pixels {
					t.Fatalf("a tile of %dx%d exceeds %d pixels", x.Seen(), y.Seen(), b.Pixels)
				}
			}
		}
		b.Pixels *= 4
		if more := seen(tiling.Plan(0, width, height, m, m, b)); more > seen(grid) && !b.Trims {
			t.Fatalf("four times the budget costs %d pixels instead of %d", more, seen(grid))
		}
	})
}

func seen(g tiling.Grid) int {
	width, height := 0, 0
	for _, s := range g.Columns {
		width += s.Seen()
	}
	for _, s := range g.Rows {
		height += s.Seen()
	}
	return width * height
}

// Fixed shapes: for every shape and image the plan is complete, every tile sees
// exactly the shape, and kept parts join with ramps that meet exactly.
func TestFixedShapes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		fixed := rapid.IntRange(16, 512).Draw(t, "fixed")
		m := tiling.Margins{Crop: 48, Ramp: 16, Multiple: rapid.SampledFrom([]int{1, 2, 16}).Draw(t, "multiple"), Fixed: fixed}
		length := max(fixed, rapid.IntRange(1, 3*fixed+100).Draw(t, "length"))
		b := tiling.Budget{Pixels: rapid.IntRange(1, 1<<20).Draw(t, "pixels"), Rows: rapid.SampledFrom([]int{0, 1, 200}).Draw(t, "rows")}
		plan := tiling.Plan
		if rapid.Bool().Draw(t, "static") {
			plan = tiling.PlanStatic
		}
		grid := plan(0, length, length, m, m, b)
		fixedSpans(t, grid.Columns, 0, length, fixed)
		fixedSpans(t, grid.Rows, 0, length, fixed)
		// A plan that is made again goes on where a row of tiles ended.
		row := rapid.SampledFrom(grid.Rows).Draw(t, "row")
		start := row.Keep0 + row.RampBefore/2
		fixedSpans(t, plan(start, length, length, m, m, b).Rows, start, length, fixed)
	})
}

func fixedSpans(t *rapid.T, spans []tiling.Span, start, length, fixed int) {
	if len(spans) == 0 {
		t.Fatalf("an axis of %d pixels has no spans of %d", length, fixed)
	}
	at, ramp := start, spans[len(spans)-1].RampBefore
	for i, s := range spans {
		if s.Seen() != fixed || s.In0 < 0 || s.In1 > length || s.First != (s.In0 == 0) || s.Last != (s.In1 == length) {
			t.Fatalf("span %d of %+v lies outside of %d pixels", i, spans, length)
		}
		crop := min(48, fixed/4)
		if s.In0 > max(0, s.Keep0-crop) || s.In1 < min(length, s.Keep1+crop) {
			t.Fatalf("span %d of %+v sees too little", i, spans)
		}
		if s.Keep0 != at-ramp/2*boolean(at > 0) || s.RampBefore != ramp*boolean(at > 0) || s.Kept() < s.RampBefore+s.RampAfter {
			t.Fatalf("span %d of %+v does not join at %d", i, spans, at)
		}
		at = s.Keep1 - s.RampAfter/2
	}
	if at != length {
		t.Fatalf("%+v ends at %d of %d", spans, at, length)
	}
}

func TestBlendingIsAPartition(t *testing.T) {
	t.Parallel()
	const stride, rows = 6, 8
	upper, lower := make([]uint8, rows*stride), make([]uint8, rows*stride)
	for i := range upper {
		upper[i], lower[i] = 200, 200
	}
	tiling.BlendRows(upper, lower, stride)
	if !slices.Equal(upper, lower) {
		t.Error("blending equal rows changes them")
	}
	for i := range lower {
		lower[i] = 0
	}
	tiling.BlendRows(upper, lower, stride)
	for y := 1; y < rows; y++ {
		if lower[y*stride] >= lower[(y-1)*stride] {
			t.Errorf("row %d does not fade: %v", y, lower)
		}
	}
}
