package native

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"upscaled/engine"
	"upscaled/engine/film"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
	"upscaled/models/fault"
	"upscaled/server/job"
)

// Limits of the options; the engine has its own as well.
const (
	minScale, maxScale = 0.1, 16
	// maxSide limits the sides of a result and maxTile the side of a tile, in
	// pixels.
	maxSide = 1 << 20
	maxTile = 1 << 16
	// maxModelName limits a model's name, in bytes.
	maxModelName = 200
	// mostPoints limits the faces that a request chooses by place; results list no more.
	mostPoints = 200
)

// Options are a job's options as they were requested.
type Options struct {
	Model          string   `json:"model,omitempty"`
	Scale          float64  `json:"scale,omitempty"`
	Width          int      `json:"width,omitempty"`
	Height         int      `json:"height,omitempty"`
	Longest        int      `json:"longest,omitempty"`
	Fit            string   `json:"fit,omitempty"`
	MaxInputWidth  int      `json:"max_input_width,omitempty"`
	Format         string   `json:"format,omitempty"`
	Quality        int      `json:"quality,omitempty"`
	Lossless       bool     `json:"lossless,omitempty"`
	Strip          bool     `json:"strip,omitempty"`
	Denoise        *float64 `json:"denoise,omitempty"`
	Tile           int      `json:"tile,omitempty"`
	FaceEnhance    bool     `json:"face_enhance,omitempty"`
	FaceStrength   *float64 `json:"face_strength,omitempty"`
	FaceMin        int      `json:"face_min,omitempty"`
	FaceOnlyCenter *bool    `json:"face_only_center,omitempty"`
	FaceAt         string   `json:"face_at,omitempty"`
	FaceRestorer   string   `json:"face_restorer,omitempty"`
	FaceMissing    string   `json:"face_missing,omitempty"`
	Faces          string   `json:"faces,omitempty"`
	VideoCodec     string   `json:"video_codec,omitempty"`
	CRF            *int     `json:"crf,omitempty"`
	Preset         string   `json:"preset,omitempty"`
	From           float64  `json:"from,omitempty"`
	To             float64  `json:"to,omitempty"`
}

// takeOptions parses the options of a request.
func takeOptions(f *fields) job.Options {
	o := job.Options{
		Model: f.text("model", maxModelName), Longest: f.integer("longest", maxSide),
		Width: f.integer("width", maxSide), Height: f.integer("height", maxSide),
		MaxInputWidth: f.integer("max_input_width", maxSide), Format: f.choice("format", slices.Concat(formats(), film.Names())...),
		Quality: f.integer("quality", 100), Lossless: f.isTrue("lossless"), Strip: f.isTrue("strip"),
		Denoise: f.number("denoise", 0, 1), Tile: f.integer("tile", maxTile), FaceEnhance: f.isTrue("face_enhance"),
	}
	if scale := f.number("scale", minScale, maxScale); scale != nil {
		o.Scale = *scale
	}
	o.FitWidth, o.FitHeight = takeFit(f)
	face := job.FaceOptions{
		Strength: f.number("face_strength", 0, 1), Minimum: f.integer("face_min", maxSide),
		OnlyCentre: f.boolean("face_only_center"), At: takePoints(f), Restorer: f.text("face_restorer", maxModelName),
		Missing: f.choice("face_missing", string(engine.Refine), string(engine.Refuse), string(engine.Ignore)),
		Report:  f.choice("faces", string(engine.ListFaces), string(engine.DetectFaces)),
	}
	o.Film = takeFilm(f)
	detect := face.Report == string(engine.DetectFaces)
	if detect && f.err == nil && (o.FaceEnhance || o.Model != "" || o.Denoise != nil || sizes(o) > 0) {
		f.err = fault.New(fault.Invalid, "faces=detect finds faces only: leave out face_enhance, model, denoise and the size.")
	}
	if detect {
		o.FaceEnhance, o.Filter, o.Scale = true, string(engine.Nearest), 1
	}
	if !reflect.DeepEqual(face, job.FaceOptions{}) {
		o.Face = &face
	}
	if err := contradiction(o); err != nil && f.err == nil {
		f.err = err
	}
	return o
}

var box = regexp.MustCompile(`^([0-9]{1,7})[xX]([0-9]{1,7})$`)

// takeFit parses WIDTHxHEIGHT.
func takeFit(f *fields) (width, height int) {
	text := f.text("fit", maxModelName)
	if text == "" {
		return 0, 0
	}
	if sides := box.FindStringSubmatch(text); sides != nil {
		width, _ = strconv.Atoi(sides[1]) // at most seven digits
		height, _ = strconv.Atoi(sides[2])
	}
	if width < 1 || height < 1 || max(width, height) > maxSide {
		f.fail("fit must be WIDTHxHEIGHT in pixels, such as 1920x1080, each side from 1 to %d.", maxSide)
		return 0, 0
	}
	return width, height
}

// takePoints parses X,Y of up to mostPoints points, with spaces between them.
func takePoints(f *fields) (points [][2]float64) {
	for text := range strings.FieldsSeq(f.text("face_at", 24*mostPoints)) {
		x, y, _ := strings.Cut(text, ",")
		point := &fields{values: map[string]field{"x": {x, formText}, "y": {y, formText}}}
		across, down := point.number("x", 0, maxSide), point.number("y", 0, maxSide)
		if across == nil || down == nil || len(points) == mostPoints {
			f.fail("face_at must be at most %d points X,Y in pixels with spaces between them, such as 120,80 310.5,92.", mostPoints)
			return nil
		}
		points = append(points, [2]float64{*across, *down})
	}
	return points
}

// showPoints is the inverse of takePoints.
func showPoints(points [][2]float64) string {
	var texts []string
	for _, p := range points {
		texts = append(texts, fmt.Sprintf("%g,%g", p[0], p[1]))
	}
	return strings.Join(texts, " ")
}

// contradiction returns an error for options that exclude each other.
func contradiction(o job.Options) error {
	switch {
	case sizes(o) > 1:
		return fault.New(fault.Invalid, "Give the size in one way only: scale, width and height, longest, or fit.")
	case o.Film != nil && o.Film.To != 0 && o.Film.To <= o.Film.From:
		return fault.New(fault.Invalid, "to must be after from, and after the film's beginning.")
	case o.Lossless && o.Format != "" && !encode.Capabilities(imagedata.Format(o.Format)).Lossless:
		return fault.New(fault.Invalid, "lossless is for webp, avif and jxl; the format %s has no such choice.", o.Format)
	case o.Lossless && o.Quality != 0:
		return fault.New(fault.Invalid, "lossless and quality exclude each other.")
	case o.Face != nil && !o.FaceEnhance:
		return fault.New(fault.Invalid, "Options of faces need face_enhance to be true.")
	case o.Face != nil && o.Face.At != nil && o.Face.OnlyCentre != nil && *o.Face.OnlyCentre:
		return fault.New(fault.Invalid, "face_at and face_only_center exclude each other.")
	}
	return nil
}

// sizes counts the ways in which the size is given.
func sizes(o job.Options) (count int) {
	for _, given := range []bool{o.Scale != 0, o.Width != 0 || o.Height != 0, o.Longest != 0, o.FitWidth != 0} {
		if given {
			count++
		}
	}
	return count
}

// optionsView is the inverse of takeOptions.
func optionsView(o job.Options) Options {
	shown := Options{
		Model: o.Model, Scale: o.Scale, Width: o.Width, Height: o.Height, Longest: o.Longest,
		MaxInputWidth: o.MaxInputWidth, Format: o.Format, Quality: o.Quality, Lossless: o.Lossless, Strip: o.Strip,
		Denoise: o.Denoise, Tile: o.Tile, FaceEnhance: o.FaceEnhance,
	}
	if o.FitWidth > 0 {
		shown.Fit = fmt.Sprintf("%dx%d", o.FitWidth, o.FitHeight)
	}
	if f := o.Film; f != nil {
		shown.VideoCodec, shown.CRF, shown.Preset, shown.From, shown.To = f.Codec, f.Quality, f.Preset, f.From, f.To
	}
	if f := o.Face; f != nil {
		shown.FaceStrength, shown.FaceMin, shown.FaceOnlyCenter = f.Strength, f.Minimum, f.OnlyCentre
		shown.FaceAt = showPoints(f.At)
		shown.FaceRestorer, shown.FaceMissing, shown.Faces = f.Restorer, f.Missing, f.Report
		if f.Report == string(engine.DetectFaces) {
			shown.FaceEnhance, shown.Scale = false, 0
		}
	}
	return shown
}
