package film

import (
	"slices"
	"strconv"
	"strings"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// The codecs of the upscaled video.
const (
	H264   = "h264"
	HEVC   = "hevc"
	AV1    = "av1"
	VP9    = "vp9"
	FFV1   = "ffv1"
	ProRes = "prores"
)

// Codecs lists them in the order shown to users.
func Codecs() []string { return []string{H264, HEVC, AV1, VP9, FFV1, ProRes} }

// codec is how ffmpeg encodes a codec.
type codec struct {
	encoder string
	// crf is the usual quality, -1 if the codec has none; most is its largest number.
	crf, most int
	// preset is the option for speed, and its usual value.
	preset, speed string
	more          []string
}

func codecs() map[string]codec {
	return map[string]codec{
		H264:   {"libx264", 17, 51, "-preset", "medium", nil},
		HEVC:   {"libx265", 19, 51, "-preset", "medium", nil},
		AV1:    {"libsvtav1", 26, 63, "-preset", "8", nil},
		VP9:    {"libvpx-vp9", 22, 63, "-cpu-used", "2", []string{"-b:v", "0", "-row-mt", "1"}},
		FFV1:   {"ffv1", -1, 0, "", "", []string{"-level", "3", "-g", "1"}},
		ProRes: {"prores_ks", -1, 0, "", "", []string{"-vendor", "apl0"}},
	}
}

// Coding is how the upscaled video is encoded.
type Coding struct {
	// Codec is one of Codecs; "" suits the container and the film.
	Codec string
	// Preset is the encoder's own name for a speed, "" its usual one.
	Preset string
	// Quality is the encoder's CRF, -1 the usual one.
	Quality int
}

// encoding is a Coding for a film, complete.
type encoding struct {
	Coding
	how    codec
	pixels string
	alpha  bool
	notes  []string
}

// choose completes a coding for a film and a container.
func (c Coding) choose(f *Film, to container) (encoding, error) {
	e := encoding{Coding: c}
	if to.animation {
		if c.Codec != "" || c.Preset != "" || c.Quality >= 0 {
			return e, fault.New(fault.Invalid, "A %s has no video codec, CRF or preset to choose.", imagedata.Format(to.muxer).Name())
		}
		e.Codec = FFV1
	}
	if e.Codec == "" {
		e.Codec = to.video[0]
		switch transparent := f.Alpha && (to.muxer != "mp4"); {
		case transparent && slices.Contains(to.video, VP9):
			e.Codec = VP9
		case transparent:
			e.Codec = ProRes
		case f.Depth > 8 && e.Codec == H264: // which few players show in 10 bits
			e.Codec = HEVC
		}
	}
	var known bool
	if e.how, known = codecs()[e.Codec]; !known {
		return e, fault.New(fault.Unsupported, "There is no video codec %.20q; use %s.", e.Codec, strings.Join(Codecs(), ", "))
	}
	if !slices.Contains(to.video, e.Codec) {
		return e, fault.New(fault.Unsupported, "%s files do not hold %s; use %s.", to.extensions[0], e.Codec, strings.Join(to.video, ", "))
	}
	switch {
	case c.Quality < 0:
		e.Quality = e.how.crf
	case e.how.crf < 0:
		return e, fault.New(fault.Invalid, "%s has no quality to choose (CRF).", e.Codec)
	case c.Quality > e.how.most:
		return e, fault.New(fault.Invalid, "The quality of %s (CRF) is a number from 0 to %d, not %d.", e.Codec, e.how.most, c.Quality)
	}
	if e.Preset == "" {
		e.Preset = e.how.speed
	} else if e.how.preset == "" {
		return e, fault.New(fault.Invalid, "%s has no presets.", e.Codec)
	}
	if e.choosePixels(f); to.animation {
		e.pixels, e.alpha, e.notes = rgbPixels(f.Alpha, f.Depth), f.Alpha, nil
	}
	return e, nil
}

// choosePixels chooses the pixel format and notes what it does not keep.
func (e *encoding) choosePixels(f *Film) {
	e.alpha = f.Alpha
	switch {
	case e.Codec == ProRes && f.Alpha:
		e.pixels = "yuva444p10le"
	case e.Codec == ProRes && full(f.pixels):
		e.pixels = "yuv444p10le"
	case e.Codec == ProRes:
		e.pixels = "yuv422p10le"
	case e.Codec == FFV1:
		e.pixels = ffv1Pixels(f)
	case e.Codec == VP9 && f.Alpha:
		e.pixels = "yuva420p"
	case f.Depth > 8:
		e.pixels = "yuv420p10le"
	default:
		e.pixels = "yuv420p"
	}
	if e.alpha = f.Alpha && strings.Contains(e.pixels, "a"); f.Alpha && !e.alpha {
		e.notes = append(e.notes, "Transparent pixels, if there are any, were laid on white: "+e.Codec+" does not hold it; use a .webm or .mov output.")
	}
	if bits := depthOf(e.pixels); bits < f.Bits {
		e.notes = append(e.notes, "Samples of "+strconv.Itoa(f.Bits)+" bits were reduced to "+strconv.Itoa(bits)+".")
	}
	if full(f.pixels) && strings.Contains(e.pixels, "420") {
		e.notes = append(e.notes, "Color was reduced to a quarter of the pixels (4:2:0), which every player shows; --video-codec ffv1 or prores keeps it.")
	}
}

func depthOf(pixels string) int {
	f := Film{}
	f.setPixels(pixels)
	return f.Bits
}

// full reports whether a pixel format has more than a quarter of the colors.
func full(pixels string) bool {
	for _, part := range []string{"444", "422", "gbr", "rgb", "bgr"} {
		if strings.Contains(pixels, part) {
			return true
		}
	}
	return false
}

// ffv1Pixels returns the film's own pixel format where FFV1 has it.
func ffv1Pixels(f *Film) string {
	if own, ok := strings.CutPrefix(f.pixels, "yuvj"); ok {
		return "yuv" + own
	}
	if strings.HasPrefix(f.pixels, "yuv") && !strings.HasPrefix(f.pixels, "yuyv") {
		return f.pixels
	}
	switch {
	case f.Color.Matrix == "gbr":
		return rgbPixels(f.Alpha, f.Depth)
	case f.Alpha && f.Depth > 8:
		return "yuva444p10le"
	case f.Alpha:
		return "yuva444p"
	case f.Depth > 8:
		return "yuv420p10le"
	}
	return "yuv420p"
}

// rgbPixels returns FFV1's pixel format that keeps what passes through the pipes.
func rgbPixels(alpha bool, depth int) string {
	switch {
	case depth > 8 && alpha:
		return "gbrap16le"
	case depth > 8:
		return "gbrp16le"
	case alpha:
		return "bgra"
	}
	return "bgr0"
}

// even reports whether sides must be even, since chroma has half of the samples.
func (e *encoding) even() (width, height bool) {
	return strings.Contains(e.pixels, "420") || strings.Contains(e.pixels, "422"), strings.Contains(e.pixels, "420")
}

// subsampled reports whether frames are converted before ffmpeg reads them.
func (e *encoding) subsampled(f *Film) bool { return e.pixels == "yuv420p" && f.Depth == 8 }

// subsampler returns that converter, nil if ffmpeg converts.
func (e *encoding) subsampler(f *Film, width, height int) *subsampler {
	if !e.subsampled(f) {
		return nil
	}
	return newSubsampler(f.Color.output(e.pixels, width, height), width, height)
}

// arguments returns ffmpeg's arguments to encode raw frames of a size to a file.
func (e *encoding) arguments(f *Film, width, height int, output string) []string {
	color := f.Color.output(e.pixels, width, height)
	raw := rawPixels(f.Depth, e.alpha)
	if e.subsampled(f) {
		raw = e.pixels
	}
	filters := color.fromRGB(e.pixels, raw)
	if f.Aspect != (Ratio{}) {
		filters += ",setsar=" + f.Aspect.String()
	}
	out := quiet("-f", "rawvideo", "-pixel_format", raw, "-video_size", strconv.Itoa(width)+"x"+strconv.Itoa(height),
		"-framerate", f.Rate.String(), "-i", "pipe:0", "-vf", filters, "-fps_mode", "passthrough", "-c:v", e.how.encoder)
	out = append(out, e.how.more...)
	if e.Quality >= 0 {
		out = append(out, "-crf", strconv.Itoa(e.Quality))
	}
	if e.how.preset != "" {
		out = append(out, e.how.preset, e.Preset)
	}
	for _, tag := range color.tags() {
		out = append(out, "-"+tag[0], tag[2])
	}
	switch {
	case e.Codec == HEVC:
		parameters := []string{"log-level=error"}
		if light := f.light.x265(); light != "" {
			parameters = append(parameters, "hdr10=1", "repeat-headers=1", light)
		}
		out = append(out, "-x265-params", strings.Join(parameters, ":"), "-tag:v", "hvc1")
	case e.Codec == ProRes && strings.Contains(e.pixels, "444"):
		out = append(out, "-profile:v", "4444")
	case e.Codec == ProRes:
		out = append(out, "-profile:v", "hq")
	case e.Codec == VP9 && e.alpha:
		out = append(out, "-auto-alt-ref", "0")
	}
	return append(out, "-fflags", "+bitexact", "-f", "matroska", "-y", "file:"+output)
}

// most returns the longest side that the encoder takes, in pixels.
func (e *encoding) most() int {
	switch e.Codec {
	case H264, VP9, AV1:
		return 16384
	case HEVC:
		return 8192 * 2
	}
	return 32768
}
