package cpu

import (
	"testing"

	"upscaled/engine/cpu/kernels"
)

// row is a row of a ring.
type row struct{ ring, y int }

// TestPlaces follows a plan: each convolution finds every row that it reads at a place
// that no other row took in between, and the places are as many as were planned.
func TestPlaces(t *testing.T) {
	t.Parallel()
	m := sequence(t, 2)
	for _, multiple := range []int{1, 4} {
		for _, height := range []int{1, 3, 31, 130} {
			p := newPlan(m, 100, height, multiple, 2, typesOf(m, kernels.Float16), DefaultMemory)
			tables := make([][]int32, len(p.rings))
			for i, r := range p.rings {
				tables[i] = make([]int32, r.capacity)
			}
			stored := map[int][]row{}
			for size, count := range p.places {
				stored[size] = make([]row, count)
			}
			at := func(r row) *row {
				ring := p.rings[r.ring]
				return &stored[ring.bytes][tables[r.ring][r.y%ring.capacity]]
			}
			store := func(ring, from, to int) {
				for y := from; y < to && len(p.rings[ring].readers) > 0; y++ {
					*at(row{ring, y}) = row{ring, y}
				}
			}
			read := func(i, ring, from, to int) {
				for y := from; y < to; y++ {
					if r := (row{ring, y}); *at(r) != r {
						t.Errorf("convolution %d finds %v where it reads %v", i, *at(r), r)
					}
				}
			}
			progress := p.start(tables)
			for images := 0; !p.finished(progress); {
				// The operations run after all places of a step are known.
				var operations []func()
				p.step(progress, func(i, y, rows int) {
					store(0, images, progress.read)
					images = progress.read
					operations = append(operations, func() {
						c := m.Convolutions[i]
						bottom := min(y+rows+1, p.outHeight(i))
						read(i, c.From, max(0, y-1)/c.Upsample, (bottom+c.Upsample-1)/c.Upsample)
						for _, a := range c.Residuals {
							read(i, p.copyOf(a.Tensor), y, y+rows)
						}
						if c.To >= 0 {
							store(c.To, y, y+rows)
							if c.At == 0 {
								store(p.copyOf(c.To), y, y+rows)
							}
						}
					})
				})
				for _, run := range operations {
					run()
				}
			}
		}
	}
}
