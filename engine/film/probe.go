package film

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// formats are the only demuxers that open a film. All of them read one file:
// playlists, image sequences, descriptions of sessions and scripts are not among them.
const formats = "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,avi,mpegts,mpeg,flv,live_flv,ogg,asf,mxf,nut,yuv4mpegpipe,ivf,gif,apng,wtv,rm,dv"

// safely returns the options before the -i of a file.
func safely(path string) []string {
	return []string{"-protocol_whitelist", "file", "-format_whitelist", formats, "-i", "file:" + path}
}

// Film describes a film.
type Film struct {
	Path string
	// Format is ffmpeg's name of the container, such as "matroska,webm".
	Format string
	// Width and Height are those of the upright frames; Depth is 8 or 16 bits per
	// sample in memory, Bits the film's own.
	Width, Height, Depth, Bits int
	Alpha, Interlaced          bool
	// Base is the unit of timestamps, in seconds. Rate is in frames per second;
	// Variable reports that frames are not evenly spaced.
	Base, Rate Ratio
	Variable   bool
	// Aspect is the sample aspect ratio, 0 if it is not stated.
	Aspect Ratio
	// Frames is estimated from the duration; 0 is unknown.
	Frames int64
	// Drawn reports that its frames are drawings, if Inspect had to know.
	Drawn   bool
	Color   Color
	Streams []Stream

	pixels   string // ffmpeg's name of the pixel format
	decoder  string // in place of ffmpeg's choice, or ""
	video    int    // index of the stream that is upscaled
	turned   bool   // whether frames are stored lying
	started  int64  // the container's start in microseconds
	ends     int64  // the video's end in units of Base, 0 if it is not stated
	duration float64
	light    mastering
	dynamic  bool // whether there is metadata of HDR for each frame
}

// Stream is one stream of a film.
type Stream struct {
	Kind, Codec, Tag string
	// Cover reports that the stream is a still image, such as cover art, Timecode
	// that it counts frames, and Empty that it is sound of no known rate: none of it is
	// in the file.
	Cover, Timecode, Empty bool
}

// Ratio is a rational number.
type Ratio struct{ Num, Den int64 }

func parseRatio(text string) Ratio {
	num, den, found := strings.Cut(text, "/")
	if !found {
		if num, den, found = strings.Cut(text, ":"); !found {
			den = "1"
		}
	}
	n, errN := strconv.ParseInt(num, 10, 64)
	d, errD := strconv.ParseInt(den, 10, 64)
	if errN != nil || errD != nil || n <= 0 || d <= 0 {
		return Ratio{}
	}
	return Ratio{n, d}
}

// Value is 0 for the zero Ratio.
func (r Ratio) Value() float64 { return float64(r.Num) / math.Max(1, float64(r.Den)) }

func (r Ratio) String() string { return fmt.Sprintf("%d/%d", r.Num, max(r.Den, 1)) }

// probeLimit bounds the time in which a film must be recognized.
const probeLimit = 2 * time.Minute

// probed is what ffprobe writes as JSON, as far as it is read.
type probed struct {
	Format struct {
		Name     string `json:"format_name"`
		Start    string `json:"start_time"`
		Duration string `json:"duration"`
	} `json:"format"`
	Streams []probedStream `json:"streams"`
	Frames  []struct {
		Interlaced int          `json:"interlaced_frame"`
		Pixels     string       `json:"pix_fmt"`
		Sides      []probedSide `json:"side_data_list"`
	} `json:"frames"`
}

type probedStream struct {
	Kind      string `json:"codec_type"`
	Codec     string `json:"codec_name"`
	Tag       string `json:"codec_tag_string"`
	Channels  int    `json:"channels"`
	Width     int    `json:"width"`
	Height    int    `json:"height"`
	Pixels    string `json:"pix_fmt"`
	Aspect    string `json:"sample_aspect_ratio"`
	Fields    string `json:"field_order"`
	Range     string `json:"color_range"`
	Matrix    string `json:"color_space"`
	Transfer  string `json:"color_transfer"`
	Primaries string `json:"color_primaries"`
	Siting    string `json:"chroma_location"`
	Base      string `json:"time_base"`
	Rate      string `json:"avg_frame_rate"`
	LeastRate string `json:"r_frame_rate"`
	Start     int64  `json:"start_pts"`
	Length    int64  `json:"duration_ts"`
	Duration  string `json:"duration"`
	Frames    string `json:"nb_frames"`
	Packets   string `json:"nb_read_packets"`

	SampleRate string `json:"sample_rate"`

	Disposition struct {
		Cover int `json:"attached_pic"`
	} `json:"disposition"`
	Tags  map[string]string `json:"tags"`
	Sides []probedSide      `json:"side_data_list"`
}

// probedSide is side data of any kind.
type probedSide struct {
	Kind     string `json:"side_data_type"`
	Rotation int    `json:"rotation"`
	probedLight
}

// Probe reads the headers of a film. limits bound a frame before one is decoded.
func (t Tools) Probe(ctx context.Context, path string, limits imagedata.Limits) (*Film, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find the film: %w", err)
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fault.Wrap(fault.NotFound, err, "There is no file of this name.")
	}
	found, err := t.probe(ctx, path, "-show_format", "-show_streams")
	if err != nil {
		return nil, err
	}
	f := &Film{Path: path, Format: found.Format.Name, video: -1}
	for i, s := range found.Streams {
		cover := s.Disposition.Cover != 0
		f.Streams = append(f.Streams, Stream{Kind: s.Kind, Codec: s.Codec, Cover: cover, Timecode: s.Tags["timecode"] != "",
			Tag: s.Tag, Empty: s.Kind == "audio" && (s.SampleRate == "0" || s.Channels == 0)})
		if f.video < 0 && s.Kind == "video" && !cover {
			f.video = i
		}
	}
	if f.video < 0 {
		return nil, fault.New(fault.Invalid, "The file holds no film: it has no video stream.")
	}
	if err := f.describe(found.Streams[f.video], limits); err != nil {
		return nil, err
	}
	f.times(found)
	return f, t.firstFrames(ctx, f)
}

// probe runs ffprobe, which writes what sections ask for.
func (t Tools) probe(ctx context.Context, path string, sections ...string) (found probed, err error) {
	limited, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	// A frame larger than any limit is not decoded to find out more about it.
	arguments := append([]string{"-hide_banner", "-v", "error", "-of", "json", "-max_pixels", strconv.Itoa(mostPixels)}, sections...)
	out, said, err := output(limited, t.ffprobe, append(arguments, safely(path)...)...)
	switch {
	case ctx.Err() != nil:
		return found, canceled(ctx)
	case limited.Err() != nil:
		return found, fault.New(fault.Invalid, "The film is damaged: reading its header takes too long.")
	case err != nil && strings.Contains(said, "whitelist"):
		return found, fault.New(fault.Unsupported, "The file is not a film that stands alone: playlists, image sequences and scripts are not opened.")
	case err != nil:
		return found, fault.Wrap(fault.Invalid, errors.Join(err, errors.New(said)), "The film is damaged, or is in a format that ffmpeg cannot read.")
	}
	if err := json.Unmarshal(out, &found); err != nil {
		return found, fmt.Errorf("read what ffprobe wrote: %w", err)
	}
	return found, nil
}

// mostPixels bounds a frame even without limits, so that one fits into memory.
const mostPixels = 1 << 28

// describe reads the stream that is upscaled.
func (f *Film) describe(s probedStream, limits imagedata.Limits) error {
	f.Width, f.Height, f.Aspect = s.Width, s.Height, parseRatio(s.Aspect)
	for _, side := range s.Sides {
		if turn := (side.Rotation%360 + 360) % 360; turn == 90 || turn == 270 {
			f.turned = true
		}
		f.light.read(side)
	}
	if f.turned {
		f.Width, f.Height, f.Aspect = f.Height, f.Width, Ratio{f.Aspect.Den, f.Aspect.Num}
	}
	allowed := int64(mostPixels)
	if limits.Pixels > 0 {
		allowed = min(allowed, limits.Pixels)
	}
	switch {
	case f.Width < 1 || f.Height < 1:
		return fault.New(fault.Invalid, "The film is damaged: its header states no size.")
	//guard:film-pixels TestHostileFilms
	case int64(f.Width)*int64(f.Height) > allowed, limits.Side > 0 && max(f.Width, f.Height) > limits.Side:
		return fault.New(fault.TooLarge, "The film's frames are %dx%d pixels and the limit is %d pixels; scale it down first.", f.Width, f.Height, allowed)
	}
	if f.setPixels(s.Pixels); s.Codec == "vp8" || s.Codec == "vp9" {
		// ffmpeg's own decoders leave out the second stream that holds the alpha.
		if s.Tags["alpha_mode"] == "1" || s.Tags["ALPHA_MODE"] == "1" {
			f.Alpha, f.decoder = true, map[string]string{"vp8": "libvpx", "vp9": "libvpx-vp9"}[s.Codec]
		}
	}
	switch s.Fields {
	case "tt", "bb", "tb", "bt":
		f.Interlaced = true
	}
	var err error
	f.Color, err = newColor(s, f)
	return err
}

var deepPixels = regexp.MustCompile(`(9|10|12|14|16|32|48|64)(le|be)$`)

// setPixels reads a pixel format's name, such as yuva444p10le.
func (f *Film) setPixels(name string) {
	f.pixels, f.Bits, f.Depth = name, 8, 8
	if bits := deepPixels.FindStringSubmatch(name); bits != nil {
		f.Bits, _ = strconv.Atoi(bits[1])
		f.Bits, f.Depth = min(f.Bits, 16), 16
	}
	for _, with := range []string{"yuva", "rgba", "argb", "bgra", "abgr", "gbrap", "ya8", "ya16", "pal8"} {
		f.Alpha = f.Alpha || strings.HasPrefix(name, with)
	}
}

// times reads time base, rate and length.
func (f *Film) times(found probed) {
	s := found.Streams[f.video]
	f.Base, f.Rate = parseRatio(s.Base), parseRatio(s.Rate)
	if least := parseRatio(s.LeastRate); f.Rate != least {
		f.Variable = true
		if f.Rate == (Ratio{}) {
			f.Rate = least
		}
	}
	// A rate is needed by rate control and for levels only; times are exact.
	if v := f.Rate.Value(); v < 1 || v > 240 {
		f.Rate, f.Variable = Ratio{25, 1}, true
	}
	if f.Base == (Ratio{}) {
		f.Base = Ratio{1, 1000}
	}
	if start, err := strconv.ParseFloat(found.Format.Start, 64); err == nil {
		f.started = int64(math.Round(start * 1e6))
	}
	for _, text := range []string{s.Duration, found.Format.Duration} {
		if f.duration, _ = strconv.ParseFloat(text, 64); f.duration > 0 {
			break
		}
	}
	if s.Length > 0 {
		f.ends = s.Start + s.Length
	}
	f.Frames, _ = strconv.ParseInt(s.Frames, 10, 64)
	if f.Frames <= 0 {
		f.Frames = int64(math.Round(f.duration * f.Rate.Value()))
	}
}

// firstFrames decodes the beginning for what headers do not say.
func (t Tools) firstFrames(ctx context.Context, f *Film) error {
	found, err := t.probe(ctx, f.Path, "-select_streams", strconv.Itoa(f.video), "-show_frames", "-read_intervals", "%+#20")
	if err != nil {
		return err
	}
	if len(found.Frames) == 0 {
		return fault.New(fault.Invalid, "The film is damaged: no frame at its beginning can be decoded.")
	}
	for _, frame := range found.Frames {
		f.Interlaced = f.Interlaced || frame.Interlaced != 0
		for _, side := range frame.Sides {
			f.light.read(side)
			f.dynamic = f.dynamic || strings.Contains(side.Kind, "HDR Dynamic") || strings.Contains(side.Kind, "Dolby Vision")
		}
	}
	return nil
}
