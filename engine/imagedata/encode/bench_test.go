//go:build unix

package encode_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
)

// upscaledPhoto imitates the upscaled form of a photo four times smaller:
// random detail at a quarter of the resolution, interpolated, and a little
// noise, which keeps PNG at the 1.6 bytes a pixel of real results.
func upscaledPhoto(width, height, channels, depth int) imagedata.Raster {
	r := imagedata.NewRaster(width, height, channels, depth)
	random := uint32(1)
	next := func() int32 {
		random = random*1664525 + 1013904223
		return int32(random >> 24)
	}
	coarse := make([]int32, (width/4+2)*(height/4+2)*channels)
	for i := range coarse {
		coarse[i] = 90 + next()/4
	}
	stride := (width/4 + 2) * channels
	for y := range height {
		fy := int32(y % 4)
		for x := range width {
			fx := int32(x % 4)
			for c := range channels {
				p := coarse[y/4*stride+x/4*channels+c:]
				top := p[0]*(4-fx) + p[channels]*fx
				bottom := p[stride]*(4-fx) + p[stride+channels]*fx
				v := (top*(4-fy)+bottom*fy)/16 + next()>>7
				if i := (y*width+x)*channels + c; depth == 16 {
					r.Pix16[i] = uint16(v<<8) | uint16(next())
				} else {
					r.Pix[i] = uint8(v)
				}
			}
		}
	}
	return r
}

// BenchmarkEncode writes 50 megapixels in bands as the engine's; a MB/s is a
// megapixel a second.
func BenchmarkEncode(b *testing.B) {
	const width, height, rows = 8160, 6120, 1024
	bands := make([]int, height/rows)
	for i := range bands {
		bands[i] = rows
	}
	photos := map[int]imagedata.Raster{}
	for _, c := range []struct {
		name  string
		depth int
		o     encode.Options
	}{
		{"jpeg/q90", 8, encode.Options{Format: imagedata.JPEG, Quality: 90}},
		{"jpeg/q95", 8, encode.Options{Format: imagedata.JPEG, Quality: 95}},
		{"jpeg/q80", 8, encode.Options{Format: imagedata.JPEG, Quality: 80}},
		{"png/8bit", 8, encode.Options{Format: imagedata.PNG}},
		{"png/16bit", 16, encode.Options{Format: imagedata.PNG}},
		{"tiff/8bit", 8, encode.Options{Format: imagedata.TIFF}},
		{"bmp/8bit", 8, encode.Options{Format: imagedata.BMP}},
		{"png/alpha", 8, encode.Options{Format: imagedata.PNG}},
		{"webp/lossy", 8, encode.Options{Format: imagedata.WebP}},
		{"webp/lossless", 8, encode.Options{Format: imagedata.WebP, Lossless: true}},
		{"gif/8bit", 8, encode.Options{Format: imagedata.GIF}},
	} {
		b.Run(c.name, func(b *testing.B) {
			photo, ok := photos[c.depth]
			if !ok {
				photo = upscaledPhoto(width, height, 3, c.depth)
				photos[c.depth] = photo
			}
			var alpha *imagedata.Raster
			if c.name == "png/alpha" {
				plane := upscaledPhoto(width, height, 1, 8)
				alpha = &plane
			}
			var size counter
			b.SetBytes(width * height)
			b.ResetTimer()
			before := cpuTime()
			for range b.N {
				size = 0
				write(b, &size, header(photo, alpha), c.o, photo, alpha, bands...)
			}
			b.ReportMetric(float64(size)/(width*height), "file-B/px")
			perCPU(b, width*height, before)
		})
	}
}

// perCPU reports pixels per second of processor time, which holds beside other
// work on the machine where wall time does not.
func perCPU(b *testing.B, pixels int, before time.Duration) {
	b.ReportMetric(float64(pixels)*float64(b.N)/1e6/(cpuTime()-before).Seconds(), "MP/cpu-s")
}

// cpuTime is what this process used so far.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// counter is a writer that only counts.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// BenchmarkBands shows what thin bands cost; a MB/s is a megapixel a second.
func BenchmarkBands(b *testing.B) {
	photo := upscaledPhoto(8160, 1024, 3, 8)
	for _, rows := range []int{8, 32, 128, 1024} {
		for _, format := range []imagedata.Format{imagedata.PNG, imagedata.JPEG, imagedata.TIFF} {
			b.Run(fmt.Sprintf("%s/%d", format, rows), func(b *testing.B) {
				bands := make([]int, 1024/rows)
				for i := range bands {
					bands[i] = rows
				}
				b.SetBytes(8160 * 1024)
				var size counter
				b.ResetTimer()
				before := cpuTime()
				for range b.N {
					size = 0
					write(b, &size, header(photo, nil), encode.Options{Format: format}, photo, nil, bands...)
				}
				b.ReportMetric(float64(size)/(8160*1024), "file-B/px")
				perCPU(b, 8160*1024, before)
			})
		}
	}
}
