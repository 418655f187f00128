// Package flags declares the flags of upscale, its own and realesrgan-ncnn-vulkan's.
package flags

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"upscaled/cmd/upscaled/settings"
	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
	"upscaled/models"
)

// Upscale holds the flags of upscale that are no settings of other commands.
type Upscale struct {
	Out, format, fit, mix      string
	scale, denoise             float64
	width, height, longest     int
	quality, tile, Jobs        int
	Lossless, strip, tta       bool
	Recursive, Hidden, Watch   bool
	Overwrite, Skip, KeepTimes bool
	Replace, Yes, DryRun       bool
	Page                       int
	Pages                      string
	JSON, Quiet                bool
	MaxPixels                  int64
	faceEnhance                bool
	Faces                      settings.Faces
	Films                      settings.Films
	// Inputs are the values of -i, Foreign the flags of realesrgan-ncnn-vulkan with ours.
	Inputs, Foreign []string
}

// Declare adds the flags.
func (f *Upscale) Declare(flags *pflag.FlagSet) {
	f.MaxPixels = imagedata.DefaultLimits().Pixels
	flags.StringVarP(&f.Out, "out", "o", "", "file, folder or template with {name} {ext} {inext} {dir} {model} {scale} {width} {height}; - is standard output (default: NAME.upscaled.EXT beside the input)")
	flags.StringVarP(&f.format, "format", "f", "", "format of the output: "+imagedata.Choices()+" (default: the input's, or that of the name in --out)")
	flags.IntVar(&f.quality, "quality", 0, "quality of lossy formats, 1 to 100 (default: 92 for JPEG, 90 for WebP and JPEG XL, 80 for AVIF)")
	flags.BoolVar(&f.Lossless, "lossless", false, "write WebP, AVIF or JPEG XL without loss")
	flags.BoolVar(&f.strip, "strip", false, "leave out all metadata, such as profile, EXIF and text")
	flags.Float64VarP(&f.scale, "scale", "s", 0, "output side divided by input side, 0.1 to 16 (default: the model's own, mostly 4)")
	flags.IntVar(&f.width, "width", 0, "output width in pixels; the height follows unless --height is given too")
	flags.IntVar(&f.height, "height", 0, "output height in pixels; the width follows unless --width is given too")
	flags.IntVar(&f.longest, "longest", 0, "longer side of the output in pixels")
	flags.StringVar(&f.fit, "fit", "", "box of WIDTHxHEIGHT pixels that the output fills as far as its shape allows")
	flags.Float64Var(&f.denoise, "denoise", 0, "how much noise to remove, 0 to 1; for realesr-general-x4v3 (default: 0.5 if realesr-general-wdn-x4v3 is installed, otherwise 1)")
	flags.StringVar(&f.mix, "mix", "", "weighted mean of models of one architecture to use, such as one=0.3,other=0.7")
	flags.IntVarP(&f.tile, "tile", "t", 0, "side of a tile in input pixels (default 0: planned from the memory there is)")
	flags.Var(settings.Size(&f.MaxPixels), "max-pixels", "largest input that is opened, in pixels of all frames together, such as 256M; 0 is no limit")
	flags.IntVarP(&f.Jobs, "jobs", "j", 0, "images in work at once, so that reading and writing overlap with computing (default 0: 2 on a CPU, half of the cores beside GPUs)")
	flags.BoolVarP(&f.Recursive, "recursive", "r", false, "take the folders in folders too, and mirror them below --out")
	flags.BoolVar(&f.Hidden, "hidden", false, "with --recursive, take hidden folders too, such as .thumbnails and @eaDir")
	flags.IntVar(&f.Page, "page", 0, "page of TIFF files to upscale, from 1 (default: the first)")
	flags.StringVar(&f.Pages, "pages", "", "all: upscale every page of TIFF files, to one file if the output is TIFF; each: to a file NAME-PAGE each")
	flags.BoolVar(&f.KeepTimes, "keep-times", false, "give outputs the time of their input's last change")
	flags.BoolVar(&f.Overwrite, "overwrite", false, "overwrite outputs that exist")
	flags.BoolVar(&f.Skip, "skip-existing", false, "skip images whose output exists")
	flags.BoolVar(&f.Replace, "replace", false, "replace the inputs by their outputs, after a question; an original stays until its output is complete")
	flags.BoolVar(&f.Yes, "yes", false, "replace without a question")
	flags.BoolVar(&f.DryRun, "dry-run", false, "upscale nothing; show what would be made, and its size")
	flags.BoolVar(&f.Watch, "watch", false, "upscale the images of a folder and then those that appear in it, until interrupted")
	flags.BoolVarP(&f.tta, "tta", "x", false, "run the model on eight orientations and take the mean: fewer artifacts, eight times the time")
	flags.BoolVar(&f.JSON, "json", false, "write events for programs to standard output, one JSON object a line (to standard error when the image goes to standard output)")
	flags.BoolVarP(&f.Quiet, "quiet", "q", false, "show failures only")
	flags.BoolVar(&f.faceEnhance, "face-enhance", false, "find faces and enhance them")
	f.declareForeign(flags)
	f.Films.AddFlags(flags)
}

// Request validates the flags and returns the part of a request that all images
// share. Its errors are usage errors.
func (f *Upscale) Request(flags *pflag.FlagSet, model string) (engine.Request, imagedata.Format, error) {
	wrong := func(format string, args ...any) (engine.Request, imagedata.Format, error) {
		return engine.Request{}, "", fmt.Errorf(format, args...)
	}
	if shares, err := models.ParseMix(f.mix); err != nil || shares == nil && f.mix != "" {
		return wrong("--mix %q is no mix; it is models with parts that add up to 1, such as one=0.3,other=0.7", f.mix)
	}
	request := engine.Request{Model: cmp.Or(f.mix, model), Quality: f.quality, Lossless: f.Lossless, Strip: f.strip, Tile: f.tile, TTA: f.tta}
	size, err := f.size(flags)
	if err != nil {
		return wrong("%w", err)
	}
	request.Size = size
	var format imagedata.Format
	if f.format != "" {
		var known bool
		if format, known = imagedata.ParseFormat(f.format); !known || format.Output() != format {
			return wrong("--format %q is not known; use %s", f.format, imagedata.Choices())
		}
	}
	switch {
	case flags.Changed("quality") && (f.quality < 1 || f.quality > 100):
		return wrong("--quality is %d; it goes from 1 to 100", f.quality)
	case flags.Changed("denoise") && !(f.denoise >= 0 && f.denoise <= 1):
		return wrong("--denoise is %g; it goes from 0 to 1", f.denoise)
	case f.Lossless && format != "" && !encode.Capabilities(format).Lossless:
		return wrong("--lossless is for WebP, AVIF and JPEG XL; --format %s has no such choice", f.format)
	case f.Lossless && flags.Changed("quality"):
		return wrong("--lossless and --quality exclude each other")
	case f.tile < 0:
		return wrong("--tile is %d; it is a number of pixels, or 0 to plan it", f.tile)
	case f.Jobs < 0:
		return wrong("--jobs is %d; it is a number of images, or 0 for what suits the device", f.Jobs)
	case flags.Changed("page") && f.Page < 1:
		return wrong("--page is %d; pages count from 1", f.Page)
	case f.Pages != "" && f.Pages != "all" && f.Pages != "each":
		return wrong("--pages %q is not known; use --pages all or each, or --page with a number", f.Pages)
	case f.Page > 0 && f.Pages != "":
		return wrong("--page and --pages exclude each other")
	case f.mix != "" && flags.Changed("model"):
		return wrong("--mix and --model exclude each other")
	case f.mix != "" && flags.Changed("denoise"):
		return wrong("--mix and --denoise exclude each other")
	case f.Overwrite && f.Skip:
		return wrong("--overwrite and --skip-existing exclude each other")
	}
	if clash := f.clash(); clash != "" {
		return wrong("%s exclude each other", clash)
	}
	if flags.Changed("denoise") {
		request.Denoise = &f.denoise
	}
	if f.faceEnhance {
		request.Faces = new(f.Faces.Request())
	}
	return request, format, nil
}

// clash returns two flags of which one makes no sense beside the other, or "".
func (f *Upscale) clash() string {
	for _, pair := range []struct {
		both  bool
		flags string
	}{
		{f.Replace && f.Out != "", "--replace and --out"},
		{f.Replace && f.format != "", "--replace, which keeps the format, and --format"},
		{f.Replace && f.Skip, "--replace and --skip-existing"},
		{f.Replace && (f.Page > 0 || f.Pages == "each"), "--replace, which keeps all pages together, and --page or --pages each"},
		{f.Replace && f.Watch, "--replace and --watch"},
		{f.DryRun && f.Watch, "--dry-run and --watch"},
	} {
		if pair.both {
			return pair.flags
		}
	}
	return ""
}

// size returns the requested size, which flags may set in one way only.
func (f *Upscale) size(flags *pflag.FlagSet) (engine.Size, error) {
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
