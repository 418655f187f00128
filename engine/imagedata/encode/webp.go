package encode

import (
	"bytes"
	"image"
	"io"
	"time"

	"github.com/gen2brain/webp"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// webpEncoder writes WebP with libwebp (compiled to WebAssembly, so nothing
// has to be installed; the first picture pays 0.2 s to compile it). libwebp
// takes whole frames: lossy needs about 17 bytes of memory a pixel, lossless
// 90. The container around them is written by webpFile.
type webpEncoder struct {
	w       io.Writer
	header  Header
	options webp.Options
	file    webpFile
	delay   time.Duration
	row     int
	// lossy or lossless is the current frame.
	lossy    *image.NYCbCrA
	lossless *image.NRGBA
	pairs    units // of two rows, for lossy frames
}

const (
	defaultWebPQuality = 90
	// Of libwebp's methods 2 takes 0.4 of the default's time for 1.5 % more
	// bytes at equal error; lossless, 0 takes half the time of 1 for 8 %.
	lossyMethod, losslessMethod = 2, 0
	// losslessEffort scales the search for matches; more gains nothing on
	// photographs.
	losslessEffort = 20
	// The encoder's 4 GiB of address space and lossy VP8's 512 KiB for the
	// modes of all blocks end a little above these sizes.
	lossyPixels, losslessPixels = 150_000_000, 100_000_000
)

func newWebP(w io.Writer, h Header, o Options) (*webpEncoder, error) {
	most := lossyPixels
	quality := o.Quality
	if quality == 0 {
		quality = defaultWebPQuality
	}
	// The library takes 100 for lossless; whoever asks for lossy gets the best
	// lossy instead.
	options := webp.Options{Quality: min(quality, 99), Method: lossyMethod}
	if o.Lossless {
		most = losslessPixels
		options = webp.Options{Quality: losslessEffort, Method: losslessMethod, Lossless: true, Exact: true}
	}
	if h.Width*h.Height > most {
		return nil, fault.New(fault.TooLarge, "The result of %dx%d pixels is too large for the WebP encoder, which takes %d million; use png, jpeg or tiff.",
			h.Width, h.Height, most/1_000_000)
	}
	pairs := newUnits(layout{channels: 3, alpha: h.Alpha, depth: 8}, h.Width, 2)
	return &webpEncoder{w: w, header: h, options: options, pairs: pairs}, nil
}

// BeginFrame implements Encoder.
func (e *webpEncoder) BeginFrame(delay time.Duration) error {
	if err := e.endFrame(); err != nil {
		return err
	}
	e.row, e.delay = 0, delay
	bounds := image.Rect(0, 0, e.header.Width, e.header.Height)
	if e.options.Lossless {
		e.lossless = image.NewNRGBA(bounds)
		return nil
	}
	e.lossy = image.NewNYCbCrA(bounds, image.YCbCrSubsampleRatio420)
	if !e.header.Alpha {
		for i := range e.lossy.A {
			e.lossy.A[i] = 255
		}
	}
	return nil
}

// WriteBand implements Encoder.
func (e *webpEncoder) WriteBand(color imagedata.Raster, alpha *imagedata.Raster) error {
	if e.options.Lossless {
		out := e.lossless.Pix[e.row*e.lossless.Stride:]
		source{layout{channels: 3, alpha: true, depth: 8}, color, alpha}.all(out, e.lossless.Stride)
		e.row += color.Height
		return nil
	}
	first, count := e.row, 0
	e.pairs.add(color, alpha,
		func(n int) { count = n },
		func(i int, part unit) { toStudioYCbCr(e.lossy, first+2*i, part.rows, e.pairs.layout) })
	e.row += 2 * count
	return nil
}

// endFrame encodes the frame.
func (e *webpEncoder) endFrame() error {
	var frame image.Image
	switch {
	case e.lossless != nil:
		frame = e.lossless
	case e.lossy != nil:
		if last := e.pairs.filled(); last != nil {
			toStudioYCbCr(e.lossy, e.row, last, e.pairs.layout)
			e.pairs.restart()
		}
		frame = e.lossy
	default:
		return nil
	}
	var out bytes.Buffer
	if err := webp.Encode(&out, frame, e.options); err != nil {
		return fault.Wrap(fault.Internal, err, "The WebP encoder refused the picture; use png instead.")
	}
	e.lossless, e.lossy = nil, nil
	return e.file.add(out.Bytes(), e.header, e.delay)
}

// Close implements Encoder.
func (e *webpEncoder) Close() error {
	if err := e.endFrame(); err != nil {
		return err
	}
	return e.file.write(e.w, e.header)
}

// toStudioYCbCr converts two rows of RGB or RGBA at row y as VP8 wants them
// (BT.601, luma 16 to 235, chroma 16 to 240); chroma is the mean of 2x2. The
// numbers are those of libwebp, in 1/65536.
func toStudioYCbCr(out *image.NYCbCrA, y int, rows []byte, l layout) {
	const half = 1 << 15
	width, height, step := out.Rect.Dx(), out.Rect.Dy(), l.pixel()
	stride := width * step
	for dy := range min(2, height-y) {
		row, luma := rows[dy*stride:], out.Y[(y+dy)*out.YStride:][:width]
		for x := range luma {
			p := row[x*step:][:step]
			luma[x] = byte((16839*int32(p[0]) + 33059*int32(p[1]) + 6420*int32(p[2]) + 16<<16 + half) >> 16)
			if l.alpha {
				out.A[(y+dy)*out.AStride+x] = p[step-1]
			}
		}
	}
	blue, red := out.Cb[y/2*out.CStride:], out.Cr[y/2*out.CStride:]
	for x := 0; x < width; x += 2 {
		var sum [3]int32
		for _, at := range [4]int{x, min(x+1, width-1), x + width, min(x+1, width-1) + width} {
			p := rows[at*step:][:3]
			sum[0], sum[1], sum[2] = sum[0]+int32(p[0]), sum[1]+int32(p[1]), sum[2]+int32(p[2])
		}
		blue[x/2] = byte((-9719*sum[0] - 19081*sum[1] + 28800*sum[2] + 128<<18 + half<<2) >> 18)
		red[x/2] = byte((28800*sum[0] - 24116*sum[1] - 4684*sum[2] + 128<<18 + half<<2) >> 18)
	}
}
