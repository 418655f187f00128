package enginetest

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/engine/imagedata/encode"
	"upscaled/models/network"
)

// ClosedRuntime is a runtime that can be closed.
type ClosedRuntime interface {
	engine.Runtime
	io.Closer
}

// TestOpenAndClose opens, uses and closes a runtime 200 times, 20 in short mode,
// while every image format is written and read on threads that end right after. A
// native library that corrupts a thread's stack or its own state crashes the process.
func TestOpenAndClose(t *testing.T, open func() (ClosedRuntime, error), net *network.Network) {
	t.Helper()
	times := 200
	if testing.Short() {
		times = 20
	}
	for range times {
		var writers sync.WaitGroup
		for _, o := range []encode.Options{
			{Format: imagedata.PNG}, {Format: imagedata.JPEG}, {Format: imagedata.TIFF}, {Format: imagedata.BMP},
			{Format: imagedata.GIF}, {Format: imagedata.WebP}, {Format: imagedata.WebP, Lossless: true},
		} {
			writers.Go(func() {
				runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
				if err := writeAndRead(o); err != nil {
					t.Errorf("%s: %v", o.Format, err)
				}
			})
		}
		err := useOnce(t, open, net)
		writers.Wait()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// useOnce runs one tile on a runtime of its own.
func useOnce(t *testing.T, open func() (ClosedRuntime, error), net *network.Network) error {
	r, err := open()
	if err != nil {
		return err
	}
	options := network.Options{Precision: network.Float32, Sample: network.Uint8, Channels: 3, Borders: network.AllBorders}
	session, err := r.Open(t.Context(), net, options)
	if err != nil {
		return errors.Join(err, r.Close())
	}
	in, out := tile(net.Info(), options, 8, 8)
	return errors.Join(session.Run(t.Context(), in, out), session.Close(), r.Close())
}

func writeAndRead(o encode.Options) error {
	color := imagedata.NewRaster(40, 30, 3, 8)
	var out bytes.Buffer
	e, err := encode.New(&out, encode.Header{Width: 40, Height: 30, Channels: 3, Depth: 8, Frames: 1}, o)
	if err != nil {
		return err
	}
	if err := errors.Join(e.BeginFrame(0), e.WriteBand(color, nil), e.Close()); err != nil {
		return err
	}
	d, err := decode.Open(out.Bytes(), imagedata.Limits{})
	if err != nil {
		return err
	}
	frame, err := d.Next()
	if err == nil && (frame.Color.Width != 40 || frame.Color.Height != 30) {
		err = errors.New("another size came back")
	}
	return err
}
