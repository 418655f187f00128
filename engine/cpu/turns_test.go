package cpu_test

import (
	"context"
	"testing"

	"upscaled/engine"
	"upscaled/engine/cpu"
	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/network/networktest"
)

// TestTurns: an image may run while another one is between two steps, and one whose
// caller leaves ends soon.
func TestTurns(t *testing.T) {
	t.Parallel()
	r := opened(t, cpu.Options{Threads: 1, Memory: 1})
	net := recognized(t, networktest.RandomCompact(41, 3, 16, 2))
	o := network.Options{Precision: network.Float32, Sample: network.Uint8, Channels: 3, Borders: network.AllBorders}
	session, err := r.Open(t.Context(), net, o)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	first, other := session.(engine.Streamer), 0
	err = first.Stream(t.Context(), noise(30, 40, 3, 8), func(imagedata.Raster) error {
		if other > 0 {
			return nil
		}
		// In the middle of the first image another one runs as a whole.
		return first.Stream(t.Context(), noise(20, 30, 3, 8), func(rows imagedata.Raster) error {
			other += rows.Height
			return nil
		})
	})
	if err != nil || other != 60 {
		t.Errorf("%d rows of another image, %v", other, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	rows := 0
	err = first.Stream(ctx, noise(30, 400, 3, 8), func(r imagedata.Raster) error {
		rows += r.Height
		cancel()
		return nil
	})
	if fault.KindOf(err) != fault.Canceled || rows > 100 {
		t.Errorf("%v after %d rows", err, rows)
	}
}
