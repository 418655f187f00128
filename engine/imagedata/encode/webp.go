package encode

import (
	"bytes"
	"cmp"
	"image"
	"io"
	"time"

	"github.com/HugoSmits86/nativewebp"
	"github.com/bep/gowebp/libwebp"
	"github.com/bep/gowebp/libwebp/webpoptions"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// webpEncoder writes lossy WebP with libwebp, compiled from the C sources in its
// Go module, and lossless WebP with nativewebp, which is Go. Both are linked in,
// so files do not depend on the machine's libraries. Both take complete
// frames: lossy needs 10 to 20 bytes of memory per pixel, lossless 50. webpFile
// writes the container around the frames.
type webpEncoder struct {
	w        io.Writer
	header   Header
	lossless bool
	quality  int
	file     webpFile
	delay    time.Duration
	frame    *image.NRGBA // nil before the first frame
	row      int
}

const (
	defaultWebPQuality = 90
	// Larger results are rejected: VP8 has 512 KiB for the modes of all blocks.
	lossyPixels, losslessPixels = 150_000_000, 100_000_000
)

func newWebP(w io.Writer, h Header, o Options) (*webpEncoder, error) {
	most := lossyPixels
	if o.Lossless {
		most = losslessPixels
	}
	if h.Width*h.Height > most {
		return nil, fault.New(fault.TooLarge, "The result of %dx%d pixels is too large for the WebP encoder, which is limited to %d million; use png, jpeg or tiff.",
			h.Width, h.Height, most/1_000_000)
	}
	quality := cmp.Or(o.Quality, defaultWebPQuality)
	return &webpEncoder{w: w, header: h, lossless: o.Lossless, quality: quality}, nil
}

// BeginFrame implements Encoder.
func (e *webpEncoder) BeginFrame(delay time.Duration) error {
	if err := e.endFrame(); err != nil {
		return err
	}
	e.row, e.delay = 0, delay
	e.frame = image.NewNRGBA(image.Rect(0, 0, e.header.Width, e.header.Height))
	return nil
}

// WriteBand implements Encoder.
func (e *webpEncoder) WriteBand(color imagedata.Raster, alpha *imagedata.Raster) error {
	out := e.frame.Pix[e.row*e.frame.Stride:]
	source{layout{channels: 3, alpha: true, depth: 8}, color, alpha}.all(out, e.frame.Stride)
	e.row += color.Height
	return nil
}

// endFrame encodes the current frame, if there is one.
func (e *webpEncoder) endFrame() error {
	if e.frame == nil {
		return nil
	}
	var out bytes.Buffer
	if err := e.encodeFrame(&out); err != nil {
		return fault.Wrap(fault.Internal, err, "The WebP encoder failed; use png instead.")
	}
	e.frame = nil
	return e.file.add(out.Bytes(), e.header, e.delay)
}

// encodeFrame writes the current frame as a still file.
func (e *webpEncoder) encodeFrame(out io.Writer) error {
	if e.lossless {
		return nativewebp.Encode(out, e.frame, nil)
	}
	return libwebp.Encode(out, e.frame, webpoptions.EncodingOptions{Quality: e.quality})
}

// Close implements Encoder.
func (e *webpEncoder) Close() error {
	if err := e.endFrame(); err != nil {
		return err
	}
	return e.file.write(e.w, e.header)
}
