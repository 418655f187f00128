package cpu

import (
	"testing"

	"upscaled/engine/cpu/kernels"
	"upscaled/models/network"
	"upscaled/models/network/networktest"
)

func sequence(t *testing.T, blocks int) *network.Sequential {
	t.Helper()
	net, err := network.Recognize(networktest.RandomRRDB(1, blocks, 64, 32, 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	p, err := net.Sequential(network.Options{Sample: network.Uint8, Channels: 3, Borders: network.AllBorders})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func typesOf(m *network.Sequential, t kernels.Type) []kernels.Type {
	types := make([]kernels.Type, len(m.Tensors))
	for i := range types {
		types[i] = t
	}
	return types
}

// TestMemory: the rows of x4plus on a wide image leave room for the rest of the
// process within 1.5 GiB, in bands high enough to be worth it.
func TestMemory(t *testing.T) {
	t.Parallel()
	m := sequence(t, 23)
	types := typesOf(m, kernels.Float16)
	p := newPlan(m, 1920, 1080, 1, 2, types, DefaultMemory)
	t.Logf("%d rows a step, %d MiB", p.rows, p.bytes()>>20)
	if p.rows < 8 || p.bytes() > DefaultMemory {
		t.Errorf("%d rows a step take %d MiB", p.rows, p.bytes()>>20)
	}
}

// TestEveryRowOnce follows a plan: each convolution computes its rows from the top,
// none twice, none missing, never before its input is there, and in bands that begin
// at the kernel's multiple.
func TestEveryRowOnce(t *testing.T) {
	t.Parallel()
	m := sequence(t, 2)
	for _, multiple := range []int{1, 4} {
		for _, height := range []int{1, 2, 5, 31, 64, 130} {
			p := newPlan(m, 100, height, multiple, 2, typesOf(m, kernels.Float32), DefaultMemory)
			at := p.start(nil)
			for !p.finished(at) {
				p.step(at, func(i, y, rows int) {
					if y != at.done[i] || y+rows > p.outHeight(i) || y%multiple != 0 || rows > p.bandRows(i) {
						t.Errorf("convolution %d computes rows %d to %d after %d of %d", i, y, y+rows, at.done[i], p.outHeight(i))
					}
					there := at.read
					if p.producers[i] >= 0 {
						there = at.done[p.producers[i]]
					}
					if needed := min(y+rows+1, p.outHeight(i)); there*m.Convolutions[i].Upsample < needed {
						t.Errorf("convolution %d needs %d rows, of which %d are there", i, needed, there*m.Convolutions[i].Upsample)
					}
				})
			}
			for i, done := range at.done {
				if done != p.outHeight(i) {
					t.Errorf("convolution %d computed %d of %d rows", i, done, p.outHeight(i))
				}
			}
		}
	}
}

// TestIdleShare states how long threads wait for each other at 64 threads, if all units
// take the same time: the last units of an operation leave some threads without one.
func TestIdleShare(t *testing.T) {
	t.Parallel()
	m := sequence(t, 23)
	const threads, unitWidth, unitRows = 64, 48, 4 // of Winograd's F(4x4,3x3)
	for size, most := range map[[2]int]float64{{512, 512}: 0.15, {1920, 1080}: 0.2} {
		p := newPlan(m, size[0], size[1], unitRows, threads, typesOf(m, kernels.Float32), memoryFor(threads, 256<<30))
		var busy, all float64
		for at := p.start(nil); !p.finished(at); {
			p.step(at, func(i, y, rows int) {
				c := m.Convolutions[i]
				units := (rows + unitRows - 1) / unitRows * ((size[0]*p.scale(i) + unitWidth - 1) / unitWidth)
				cost := float64(c.In * c.Out) // of a unit
				busy += cost * float64(units)
				all += cost * float64(threads*((units+threads-1)/threads))
			})
		}
		t.Logf("%v: %d rows a step, %.1f %% idle", size, p.rows, 100*(1-busy/all))
		if 1-busy/all > most {
			t.Errorf("%v: %.1f %% of 64 threads' time is idle", size, 100*(1-busy/all))
		}
	}
}
