package decode

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"

	"upscaled/engine/imagedata"
)

// animation collects the chunks of an animated PNG (PNG, third edition, section
// 11.3.6). Frames are counted as they are found; the number that the file states
// is ignored.
type animation struct {
	announced bool // acTL came before the first IDAT
	plays     int
	frames    []pngFrame
	// inDefault reports whether the IDAT chunks are the first frame.
	inDefault, pixelsSeen bool
}

// pngFrame is one frame and its compressed pixels.
type pngFrame struct {
	patch
	pixels [][]byte
}

func (a *animation) chunk(kind string, payload []byte, f *pngFile) error {
	switch {
	case kind == "acTL":
		if len(payload) == 8 && !a.pixelsSeen {
			a.announced = true
			a.plays = int(binary.BigEndian.Uint32(payload[4:]))
		}
	case !a.announced:
		// Frame chunks without acTL do not make an animation.
	case kind == "fcTL":
		frame, ok := parseFrameControl(payload)
		if !ok || !frame.inside(f.width, f.height) || frame.width < 1 || frame.height < 1 {
			return damaged("frame control of the animation")
		}
		a.inDefault = a.inDefault || !a.pixelsSeen
		a.frames = append(a.frames, frame)
		return checkFrames(len(a.frames))
	case len(payload) >= 4 && len(a.frames) > 0: // fdAT with its sequence number
		last := &a.frames[len(a.frames)-1]
		last.pixels = append(last.pixels, payload[4:])
	}
	return nil
}

// defaultPixels records an IDAT chunk.
func (a *animation) defaultPixels(payload []byte) {
	a.pixelsSeen = true
	if a.announced && a.inDefault && len(a.frames) == 1 {
		a.frames[0].pixels = append(a.frames[0].pixels, payload)
	}
}

// finish drops frames that were announced but have no pixels.
func (a *animation) finish() {
	a.frames = slices.DeleteFunc(a.frames, func(f pngFrame) bool { return len(f.pixels) == 0 })
}

func parseFrameControl(payload []byte) (pngFrame, bool) {
	if len(payload) != 26 {
		return pngFrame{}, false
	}
	number := func(at int) int { return int(binary.BigEndian.Uint32(payload[at:])) }
	numerator := time.Duration(binary.BigEndian.Uint16(payload[20:]))
	denominator := cmp.Or(time.Duration(binary.BigEndian.Uint16(payload[22:])), 100)
	f := pngFrame{patch: patch{
		width: number(4), height: number(8), x: number(12), y: number(16),
		delay: numerator * time.Second / denominator,
		over:  payload[25] == 1,
	}}
	switch payload[24] {
	case 1:
		f.after = clearArea
	case 2:
		f.after = revertArea
	}
	return f, payload[24] <= 2 && payload[25] <= 1
}

// animate makes the source return the animation's frames.
func (f *pngFile) animate(s *source) {
	frames := f.animation.frames
	patches := make([]patch, len(frames))
	for i := range frames {
		patches[i] = frames[i].patch
	}
	s.info.Frames, s.info.Loop = len(frames), f.animation.plays
	hasAlpha := s.info.Alpha
	s.info.Alpha = hasAlpha || showsThrough(patches, !hasAlpha, f.width, f.height)
	s.takesPNG(f)
	s.composes()
	s.frames = func() func() (imagedata.Frame, error) {
		if s.info.Depth == 16 {
			return animatePNG(f, newCanvas[uint16](s.stored()), hasAlpha)
		}
		return animatePNG(f, newCanvas[uint8](s.stored()), hasAlpha)
	}
}

func animatePNG[T sample](f *pngFile, c *canvas[T], hasAlpha bool) func() (imagedata.Frame, error) {
	next := 0
	return func() (imagedata.Frame, error) {
		frame := f.animation.frames[next]
		next++
		drawn, err := f.decode(frame.width, frame.height, frame.pixels, layout{
			width: frame.width, height: frame.height, channels: c.channels,
			alpha: hasAlpha, orientation: 1,
		})
		if err != nil {
			return imagedata.Frame{}, err
		}
		color, alpha := samplesOf[T](drawn)
		return c.draw(frame.patch, color, alpha), nil
	}
}

// samplesOf returns a frame's samples, whose depth must be T's; alpha is nil
// without an alpha plane.
func samplesOf[T sample](f imagedata.Frame) (color, alpha []T) {
	plane := func(r imagedata.Raster) []T {
		if samples, ok := any(r.Pix).([]T); ok {
			return samples
		}
		samples, _ := any(r.Pix16).([]T)
		return samples
	}
	if f.Alpha != nil {
		alpha = plane(*f.Alpha)
	}
	return plane(f.Color), alpha
}
