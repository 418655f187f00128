package ort

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"upscaled/models"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// A call that cannot be stopped is left behind when its context ends. It keeps its
// turn, and its result is dropped.
func TestAwait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var turn sync.Mutex
		dropped := 0
		call := func() (int, error) {
			time.Sleep(time.Minute)
			return 7, nil
		}
		drop := func(v int) { dropped += v }
		if v, err := await(t.Context(), &turn, call, drop); v != 7 || err != nil {
			t.Errorf("%d, %v", v, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if v, err := await(ctx, &turn, call, drop); v != 0 || fault.KindOf(err) != fault.Canceled || time.Since(began) != time.Second {
			t.Errorf("%d, %v after %v", v, err, time.Since(began))
		}
		if turn.TryLock() {
			t.Error("a call that goes on has lost its turn")
		}
		time.Sleep(time.Hour)
		if !turn.TryLock() || dropped != 7 {
			t.Errorf("the call that was left behind has not ended, or its result is kept: %d", dropped)
		}
	})
}

// The check of a device is not passed by the CPU, on which ONNX Runtime runs what its
// providers do not.
func TestCheckIsNotForTheCPU(t *testing.T) {
	t.Parallel()
	store, err := models.Open(models.Options{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	library := store.InstalledLibrary("cpu")
	if library == "" {
		t.Skip("needs ONNX Runtime; scripts/test fetches it")
	}
	r, err := Open(Options{Library: library, Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, r.precision = range []network.Precision{network.Float32, network.Float16} {
		if err := convolve(r); err == nil {
			t.Errorf("%s: the CPU passes for a device", r.precision)
		}
	}
}
