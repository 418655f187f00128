package encode_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/engine/imagedata/encode"
)

// Every format is written and read on threads that end right after, as those of
// an engine that is closed do: native code must leave nothing wrong on a
// thread's stack. A codec that does ends the process with a signal.
func TestThreadsThatEnd(t *testing.T) {
	t.Parallel()
	options := []encode.Options{
		{Format: imagedata.PNG}, {Format: imagedata.JPEG}, {Format: imagedata.TIFF}, {Format: imagedata.BMP},
		{Format: imagedata.GIF}, {Format: imagedata.WebP}, {Format: imagedata.WebP, Lossless: true},
	}
	color := gradient(40, 30, 3, 8)
	for range 200 {
		results := make(chan error)
		for _, o := range options {
			go func() {
				runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
				results <- writeAndRead(color, o)
			}()
		}
		for range options {
			if err := <-results; err != nil {
				t.Fatal(err)
			}
		}
	}
}

// writeAndRead reports an error unless a file with color's size comes back.
func writeAndRead(color imagedata.Raster, o encode.Options) error {
	var out bytes.Buffer
	e, err := encode.New(&out, header(color, nil), o)
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
	if err == nil && (frame.Color.Width != color.Width || frame.Color.Height != color.Height) {
		err = fmt.Errorf("%s: %dx%d came back", o.Format, frame.Color.Width, frame.Color.Height)
	}
	return err
}
