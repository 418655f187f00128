package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"upscaled/cmd/upscaled/settings"
	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/models"
)

// upscaleFlags holds the flags of upscale that are no settings of other commands.
type upscaleFlags struct {
	out, format, fit, mix      string
	scale, denoise             float64
	width, height, longest     int
	quality, tile, jobs        int
	lossless, strip            bool
	recursive, overwrite, skip bool
	hidden, keepTimes          bool
	page                       int
	pages                      string
	json, quiet                bool
	maxPixels                  int64
	faceEnhance                bool
	faces                      settings.Faces
}

func (f *upscaleFlags) declare(flags *pflag.FlagSet) {
	f.maxPixels = imagedata.DefaultLimits().Pixels
	flags.StringVarP(&f.out, "out", "o", "", "file, folder or template with {name} {ext} {inext} {dir} {model} {scale} {width} {height}; - is standard output (default: NAME.upscaled.EXT beside the input)")
	flags.StringVar(&f.format, "format", "", "format of the output: "+imagedata.Choices()+" (default: the input's, or that of the name in --out)")
	flags.IntVar(&f.quality, "quality", 0, "quality of JPEG and lossy WebP, 1 to 100 (default: 92 for JPEG, 90 for WebP)")
	flags.BoolVar(&f.lossless, "lossless", false, "write WebP without loss")
	flags.BoolVar(&f.strip, "strip", false, "leave out all metadata, such as profile, EXIF and text")
	flags.Float64Var(&f.scale, "scale", 0, "output side divided by input side, 0.1 to 16 (default: the model's own, mostly 4)")
	flags.IntVar(&f.width, "width", 0, "output width in pixels; the height follows unless --height is given too")
	flags.IntVar(&f.height, "height", 0, "output height in pixels; the width follows unless --width is given too")
	flags.IntVar(&f.longest, "longest", 0, "longer side of the output in pixels")
	flags.StringVar(&f.fit, "fit", "", "box of WIDTHxHEIGHT pixels that the output fills as far as its shape allows")
	flags.Float64Var(&f.denoise, "denoise", 0, "how much noise to remove, 0 to 1; for realesr-general-x4v3 (default: 0.5 if realesr-general-wdn-x4v3 is installed, otherwise 1)")
	flags.StringVar(&f.mix, "mix", "", "weighted mean of models of one architecture to use, such as one=0.3,other=0.7")
	flags.IntVar(&f.tile, "tile", 0, "side of a tile in input pixels (default 0: planned from the memory there is)")
	flags.Var(settings.Size(&f.maxPixels), "max-pixels", "largest input that is opened, in pixels of all frames together, such as 256M; 0 is no limit")
	flags.IntVarP(&f.jobs, "jobs", "j", 0, "images in work at once, so that reading and writing overlap with computing (default 0: 2 on a CPU, half of the cores beside GPUs)")
	flags.BoolVarP(&f.recursive, "recursive", "r", false, "take the folders in folders too, and mirror them below --out")
	flags.BoolVar(&f.hidden, "hidden", false, "with --recursive, take hidden folders too, such as .thumbnails and @eaDir")
	flags.IntVar(&f.page, "page", 0, "page of TIFF files to upscale, from 1 (default: the first)")
	flags.StringVar(&f.pages, "pages", "", "all: upscale every page of TIFF files, each to a file NAME-PAGE")
	flags.BoolVar(&f.keepTimes, "keep-times", false, "give outputs the time of their input's last change")
	flags.BoolVar(&f.overwrite, "overwrite", false, "overwrite outputs that exist")
	flags.BoolVar(&f.skip, "skip-existing", false, "skip images whose output exists")
	flags.BoolVar(&f.json, "json", false, "write events for programs to standard output, one JSON object a line (to standard error when the image goes to standard output)")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "show failures only")
	flags.BoolVar(&f.faceEnhance, "face-enhance", false, "find faces and enhance them")
}

// request validates the flags and returns the part of a request that all images
// share. Its errors are usage errors.
func (f *upscaleFlags) request(flags *pflag.FlagSet, model string) (engine.Request, imagedata.Format, error) {
	wrong := func(format string, args ...any) (engine.Request, imagedata.Format, error) {
		return engine.Request{}, "", usageError{fmt.Errorf(format, args...)}
	}
	if shares, err := models.ParseMix(f.mix); err != nil || shares == nil && f.mix != "" {
		return wrong("--mix %q is no mix; it is models with parts that add up to 1, such as one=0.3,other=0.7", f.mix)
	}
	request := engine.Request{Model: cmp.Or(f.mix, model), Quality: f.quality, Lossless: f.lossless, Strip: f.strip, Tile: f.tile}
	size, err := f.size(flags)
	if err != nil {
		return wrong("%w", err)
	}
	request.Size = size
	var format imagedata.Format
	if f.format != "" {
		var known bool
		if format, known = imagedata.ParseFormat(f.format); !known {
			return wrong("--format %q is not known; use %s", f.format, imagedata.Choices())
		}
	}
	switch {
	case flags.Changed("quality") && (f.quality < 1 || f.quality > 100):
		return wrong("--quality is %d; it goes from 1 to 100", f.quality)
	case flags.Changed("denoise") && !(f.denoise >= 0 && f.denoise <= 1):
		return wrong("--denoise is %g; it goes from 0 to 1", f.denoise)
	case f.lossless && format != "" && format != imagedata.WebP:
		return wrong("--lossless is for WebP only; --format %s has no such choice", f.format)
	case f.lossless && flags.Changed("quality"):
		return wrong("--lossless and --quality exclude each other")
	case f.tile < 0:
		return wrong("--tile is %d; it is a number of pixels, or 0 to plan it", f.tile)
	case f.jobs < 0:
		return wrong("--jobs is %d; it is a number of images, or 0 for what suits the device", f.jobs)
	case flags.Changed("page") && f.page < 1:
		return wrong("--page is %d; pages count from 1", f.page)
	case f.pages != "" && f.pages != "all":
		return wrong("--pages %q is not known; use --pages all, or --page with a number", f.pages)
	case f.page > 0 && f.pages != "":
		return wrong("--page and --pages exclude each other")
	case f.mix != "" && flags.Changed("model"):
		return wrong("--mix and --model exclude each other")
	case f.mix != "" && flags.Changed("denoise"):
		return wrong("--mix and --denoise exclude each other")
	case f.overwrite && f.skip:
		return wrong("--overwrite and --skip-existing exclude each other")
	}
	if flags.Changed("denoise") {
		request.Denoise = &f.denoise
	}
	if f.faceEnhance {
		faces := f.faces.Request()
		request.Faces = &faces
	}
	return request, format, nil
}

// size returns the requested size, which flags may set in one way only.
func (f *upscaleFlags) size(flags *pflag.FlagSet) (engine.Size, error) {
	var ways []string
	for _, name := range []string{"scale", "longest", "fit"} {
		if flags.Changed(name) {
			ways = append(ways, "--"+name)
		}
	}
	if flags.Changed("width") || flags.Changed("height") {
		ways = append(ways, "--width and --height")
	}
	if len(ways) > 1 {
		return engine.Size{}, fmt.Errorf("%s are different ways to set the size; use one", strings.Join(ways, " and "))
	}
	for name, pixels := range map[string]int{"width": f.width, "height": f.height, "longest": f.longest} {
		if flags.Changed(name) && pixels < 1 {
			return engine.Size{}, fmt.Errorf("--%s is %d; it is at least 1 pixel", name, pixels)
		}
	}
	if flags.Changed("scale") && !(f.scale >= 0.1 && f.scale <= 16) {
		return engine.Size{}, fmt.Errorf("--scale is %g; it goes from 0.1 to 16", f.scale)
	}
	size := engine.Size{Scale: f.scale, Width: f.width, Height: f.height, Longest: f.longest}
	if flags.Changed("fit") {
		width, height, found := strings.Cut(strings.ToLower(f.fit), "x")
		var errWidth, errHeight error
		size.FitWidth, errWidth = strconv.Atoi(width)
		size.FitHeight, errHeight = strconv.Atoi(height)
		if !found || errWidth != nil || errHeight != nil || size.FitWidth < 1 || size.FitHeight < 1 {
			return engine.Size{}, fmt.Errorf("--fit is %q; it is a box such as 3840x2160", f.fit)
		}
	}
	return size, nil
}
