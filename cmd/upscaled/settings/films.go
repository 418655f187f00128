package settings

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"upscaled/engine/film"
)

// Films is how films are written.
type Films struct {
	FFmpeg                string
	codec, preset, fields string
	quality               int
	from, to              string
}

// Settings declares the settings of all films.
func (f *Films) Settings() []Setting {
	return []Setting{
		{Key: "ffmpeg", Into: &f.FFmpeg, Flag: true, Help: "path of ffmpeg, with ffprobe beside it, which films need (default: those on PATH)"},
	}
}

// AddFlags declares the flags.
func (f *Films) AddFlags(flags *pflag.FlagSet) {
	flags.StringVar(&f.codec, "video-codec", "", "codec of films: "+strings.Join(film.Codecs(), ", ")+" (default: h264, hevc beyond 8 bits, vp9 in .webm)")
	flags.IntVar(&f.quality, "crf", -1, "quality of films by the codec's own scale, lower is better (default: 17 for h264, 19 for hevc, 26 for av1, 22 for vp9)")
	flags.StringVar(&f.preset, "preset", "", "speed of the film's encoder by its own name, such as slow or 6 (default: medium for h264 and hevc, 8 for av1, 2 for vp9)")
	flags.StringVar(&f.from, "from", "", "time in a film to begin at, such as 90 or 1:30.5")
	flags.StringVar(&f.to, "to", "", "time in a film to end at")
	flags.StringVar(&f.fields, "interlaced", "deinterlace", "what to do with interlaced films: deinterlace or refuse")
}

// Options converts the flags. Its errors are texts for the user.
func (f *Films) Options(flags *pflag.FlagSet) (film.Options, error) {
	o := film.Options{RefuseInterlaced: f.fields == "refuse", Coding: film.Coding{Codec: f.codec, Preset: f.preset, Quality: f.quality}}
	var errFrom, errTo error
	o.From, errFrom = moment(f.from)
	o.To, errTo = moment(f.to)
	switch {
	case f.codec != "" && !slices.Contains(film.Codecs(), f.codec):
		return o, fmt.Errorf("--video-codec %q is not known; use %s", f.codec, strings.Join(film.Codecs(), ", "))
	case flags.Changed("crf") && f.quality < 0:
		return o, fmt.Errorf("--crf is %d; it is a number from 0, where lower is better", f.quality)
	case strings.HasPrefix(f.preset, "-"):
		return o, fmt.Errorf("--preset %q is not a name", f.preset)
	case errFrom != nil:
		return o, fmt.Errorf("--from %w", errFrom)
	case errTo != nil:
		return o, fmt.Errorf("--to %w", errTo)
	case f.to != "" && o.To <= o.From:
		return o, fmt.Errorf("--to %s is not after the film's beginning, or after --from", f.to)
	case f.fields != "deinterlace" && f.fields != "refuse":
		return o, fmt.Errorf("--interlaced %q is not known; use deinterlace or refuse", f.fields)
	}
	return o, nil
}

// moment reads a time as seconds, minutes:seconds or hours:minutes:seconds.
func moment(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	seconds, parts := 0.0, strings.Split(text, ":")
	for i, part := range parts {
		value, err := strconv.ParseFloat(part, 64)
		if err != nil || !(value >= 0 && value < 1e6) || len(parts) > 3 || i > 0 && value >= 60 || i < len(parts)-1 && value != math.Trunc(value) {
			return 0, fmt.Errorf("is %q; it is a time such as 90, 1:30.5 or 1:02:03", text)
		}
		seconds = seconds*60 + value
	}
	return time.Duration(math.Round(seconds * 1e9)), nil
}
