package tiling_test

import (
	"testing"

	"pgregory.net/rapid"

	"upscaled/tiling"
)

// All tiles of a static plan see one shape, and what they keep with its crop
// lies within what they see.
func TestStaticPlanProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := margins(t)
		width := rapid.IntRange(1, 600).Draw(t, "width") * m.Multiple
		height := rapid.IntRange(1, 600).Draw(t, "height") * m.Multiple
		b := tiling.Budget{Pixels: rapid.IntRange(256*256, 1<<20).Draw(t, "pixels"), Rows: rapid.SampledFrom([]int{0, 200}).Draw(t, "rows")}
		grid := tiling.PlanStatic(0, width, height, m, m, b)
		oneLength(t, grid.Columns, width, m)
		oneLength(t, grid.Rows, height, m)
		if wide, tall := grid.Columns[0].Seen(), grid.Rows[0].Seen(); wide*tall > b.Pixels && wide > 400 && tall > 400 {
			t.Errorf("tiles of %dx%d exceed %d pixels", wide, tall, b.Pixels)
		}
	})
}

func oneLength(t *rapid.T, spans []tiling.Span, length int, m tiling.Margins) {
	at := 0
	for i, s := range spans {
		if s.Seen() != spans[0].Seen() || s.In0 < 0 || s.In1 > length || s.In0%m.Multiple != 0 {
			t.Fatalf("span %d of %+v sees another length", i, spans)
		}
		if s.In0 > max(0, s.Keep0-m.Crop) || s.In1 < min(length, s.Keep1+m.Crop) {
			t.Fatalf("span %d of %+v sees too little", i, spans)
		}
		if s.Keep0 != at-m.Ramp/2*boolean(i > 0) {
			t.Fatalf("span %d of %+v does not join", i, spans)
		}
		at = s.Keep1 - s.RampAfter/2
	}
	if at != length {
		t.Fatalf("%+v ends at %d of %d", spans, at, length)
	}
}

// Pictures of many sizes share few shapes, at a small price in work.
func TestStaticPlansShareShapes(t *testing.T) {
	t.Parallel()
	const overlap = 34
	m := tiling.Margins{Crop: overlap, Multiple: 1}
	shapes, cost, need := map[[2]int]bool{}, 0, 0
	for width := 700; width < 4000; width += 61 {
		grid := tiling.PlanStatic(0, width, width*2/3, m, m, tiling.Budget{Pixels: 1 << 20})
		shapes[[2]int{grid.Columns[0].Seen(), grid.Rows[0].Seen()}] = true
		cost += seen(grid)
		need += width * (width * 2 / 3)
	}
	t.Logf("%d shapes, %.2f times the pixels", len(shapes), float64(cost)/float64(need))
	if ratio := float64(cost) / float64(need); len(shapes) > 35 || ratio > 1.3 {
		t.Errorf("%d shapes, %.2f times the pixels", len(shapes), ratio)
	}
}
