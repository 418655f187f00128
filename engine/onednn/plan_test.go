package onednn

import (
	"testing"

	"upscaled/models/network"
	"upscaled/models/network/reference"
)

func program(t *testing.T, blocks int) *network.Sequential {
	t.Helper()
	net, err := network.Recognize(reference.RandomRRDB(1, blocks, 64, 32, 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	p, err := net.Sequential(network.Options{Sample: network.Uint8, Channels: 3, Borders: network.AllBorders})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestMemory: the rows of x4plus on a wide picture leave room for the rest of
// the process within 1.5 GiB, in bands high enough to be worth it.
func TestMemory(t *testing.T) {
	t.Parallel()
	const bfloat16 = 2
	p := newPlan(program(t, 23), 1920, 1080, bfloat16, DefaultMemory)
	t.Logf("%d rows a step, %d MiB", p.rows, p.bytes(bfloat16)>>20)
	if p.rows < 2 || p.bytes(bfloat16) > DefaultMemory {
		t.Errorf("%d rows a step take %d MiB", p.rows, p.bytes(bfloat16)>>20)
	}
}

// TestEveryRowOnce follows a plan: each convolution computes its rows from the
// top, none twice, none missing, and never before its input is there.
func TestEveryRowOnce(t *testing.T) {
	t.Parallel()
	p := program(t, 2)
	order := producers(p)
	for _, height := range []int{1, 2, 5, 31, 64} {
		plan := newPlan(p, 100, height, 2, DefaultMemory)
		at := plan.start()
		for !plan.finished(at) {
			_ = plan.step(at, order, func(i, y, rows int) error {
				if y != at.done[i] || y+rows > plan.heightOf(i) {
					t.Errorf("convolution %d computes rows %d to %d after %d of %d", i, y, y+rows, at.done[i], plan.heightOf(i))
				}
				there := at.taken
				if order[i] >= 0 {
					there = at.done[order[i]]
				}
				c := p.Convolutions[i]
				if needed := min(y+rows+1, plan.heightOf(i)); there*c.Upsample < needed {
					t.Errorf("convolution %d needs %d rows, of which %d are there", i, needed, there*c.Upsample)
				}
				return nil
			})
		}
		for i, done := range at.done {
			if done != plan.heightOf(i) {
				t.Errorf("convolution %d computed %d of %d rows", i, done, plan.heightOf(i))
			}
		}
	}
}
