package batch

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"upscaled/engine"
	"upscaled/engine/film"
	"upscaled/engine/imagedata"
)

// besideSuffix precedes the extension in names of outputs beside their input.
const besideSuffix = ".upscaled"

// Naming decides where outputs go. Make one with NewNaming.
type Naming struct {
	kind   kind
	out    string
	format imagedata.Format
	film   bool // out has a film's extension
}

// kind is a meaning of --out.
type kind int

const (
	beside   kind = iota // no --out: next to the input
	standard             // "-"
	single               // one file
	folder               // a folder that mirrors the inputs'
	template             // a path with placeholders
	inPlace              // the input itself
)

// otherFormats lists extensions of images that cannot be encoded. They are refused
// because --out photo.psd would otherwise create a folder of that name.
var otherFormats = []string{".psd", ".svg", ".pdf", ".ico", ".tga", ".ppm", ".exr", ".dng"}

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// NewNaming returns the naming for --out and --format. Its errors are texts for
// the user.
//
// out is "-", an existing folder or a name that ends in a separator, a template
// with placeholders, a file with the extension of an image, or a new folder. If
// format is "", outputs keep their input's unless out has an extension.
func NewNaming(out string, format imagedata.Format, selection Selection) (Naming, error) {
	n := Naming{out: out, format: format}
	info, err := os.Stat(out)
	isFolder := err == nil && info.IsDir() || strings.HasSuffix(out, "/") || strings.HasSuffix(out, string(filepath.Separator))
	extension, isImage := imagedata.ParseFormat(filepath.Ext(out))
	isFilm := film.IsName(out)
	switch {
	case out == Standard, out == "" && onlyStandard(selection):
		n.kind = standard
	case out == "":
		n.kind = beside
	case isFolder:
		n.kind = folder
	case placeholder.MatchString(out):
		n.kind = template
	case isImage, isFilm:
		n.kind = single
	default:
		n.kind = folder
	}
	if other := strings.ToLower(filepath.Ext(out)); !isFolder && (slices.Contains(otherFormats, other) || extension.Output() != extension) {
		return Naming{}, fmt.Errorf("--out %s asks for %s, which cannot be written; use %s, or end a folder's name in /", out, other, imagedata.Choices())
	}
	if n.kind == template {
		if err := checkPlaceholders(out); err != nil {
			return Naming{}, err
		}
	}
	if n.film = isFilm && (n.kind == single || n.kind == template); n.film && format != "" {
		return Naming{}, fmt.Errorf("--format %s is for images, and --out %s names a film; leave one of them out", format, out)
	}
	if (n.kind == single || n.kind == template) && isImage {
		for _, in := range selection.Inputs {
			if in.Film && !film.Animated(extension) {
				return Naming{}, fmt.Errorf("%s is a film, and --out %s names an image; use %s, or .gif, .webp or .png for an animation", in.Path, out, strings.Join(film.Extensions(), ", "))
			}
		}
		if format != "" && format != extension {
			return Naming{}, fmt.Errorf("--format %s and the extension of --out %s disagree; leave one of them out", format, out)
		}
		n.format = extension
	}
	if count := len(n.outputs(selection)) + len(selection.Failures); n.kind == standard || n.kind == single {
		if count > 1 || selection.Folder {
			return Naming{}, fmt.Errorf("--out %s takes one image only; name a folder or a template such as 'big/{name}.{ext}'", cmp.Or(out, Standard))
		}
	}
	return n, nil
}

// InPlace returns the naming for outputs that replace their inputs.
func InPlace() Naming { return Naming{kind: inPlace} }

func onlyStandard(s Selection) bool {
	return len(s.Inputs) == 1 && s.Inputs[0].Path == Standard && len(s.Failures) == 0
}

// Folder returns the folder of all outputs, or "" if there is no such folder.
func (n Naming) Folder() string {
	if n.kind == folder {
		return n.out
	}
	return ""
}

// Late reports whether names depend on the model or the size of the result.
func (n Naming) Late() bool {
	late := func(placeholder string) bool { return strings.Contains(n.out, placeholder) }
	return n.kind == template && slices.ContainsFunc([]string{"{model}", "{scale}", "{width}", "{height}"}, late)
}

// Film reports whether an input's output is a film.
func (n Naming) Film(in Input) bool { return in.Film || n.film }

// Format returns the format of an input's output, "" of a film that is no animated image.
func (n Naming) Format(in Input) imagedata.Format {
	if n.Film(in) && !film.Animated(n.format) {
		return ""
	}
	if n.format != "" {
		return n.format
	}
	return in.Format.Output()
}

// Path returns the output's path for an input, or Standard; made is used only if
// the naming is Late. It fails if the input has no folder to write beside.
func (n Naming) Path(in Input, made engine.Result) (string, error) {
	page := ""
	if in.pages > 1 && in.Page > 0 {
		page = "-" + strconv.Itoa(in.Page)
	}
	stem := strings.TrimSuffix(in.Relative, filepath.Ext(in.Relative)) + page
	extension := n.extension(in)
	switch n.kind {
	case standard:
		return Standard, nil
	case single:
		return n.out, nil
	case folder:
		return filepath.Join(n.out, stem+extension), nil
	case template:
		return n.fill(in, filepath.Base(stem), extension, made), nil
	}
	if in.data != nil {
		return "", fmt.Errorf("%s has no folder to write beside; name the output with --out", in.Path)
	}
	if n.kind == inPlace {
		return filepath.EvalSymlinks(in.Path)
	}
	return strings.TrimSuffix(in.Path, filepath.Ext(in.Path)) + page + besideSuffix + extension, nil
}

// extension keeps the input's spelling (".JPEG") if it is one of the output's
// format.
func (n Naming) extension(in Input) string {
	own := filepath.Ext(in.Relative)
	if n.Format(in) == "" {
		return film.OutputExtension(in.Relative)
	}
	if format, ok := imagedata.ParseFormat(own); ok && format == n.Format(in) {
		return own
	}
	return n.Format(in).Extension()
}

// fill replaces the placeholders. It appends the extension to a template without
// {ext} and without an image's extension.
func (n Naming) fill(in Input, name, extension string, made engine.Result) string {
	scale := float64(made.Output.Width) / float64(max(1, made.Input.Width))
	pattern := n.out
	if _, isImage := imagedata.ParseFormat(filepath.Ext(pattern)); !isImage && !n.film && !strings.HasSuffix(pattern, "{ext}") {
		pattern += extension
	}
	return filepath.Clean(strings.NewReplacer(
		"{name}", name,
		"{ext}", strings.TrimPrefix(extension, "."),
		"{inext}", strings.TrimPrefix(filepath.Ext(in.Relative), "."),
		"{dir}", in.dir(),
		"{model}", made.Model,
		"{scale}", strconv.FormatFloat(scale, 'f', -1, 32),
		"{width}", strconv.Itoa(made.Output.Width),
		"{height}", strconv.Itoa(made.Output.Height),
	).Replace(pattern))
}

// dir returns the folder of an input as the user would write it.
func (in Input) dir() string {
	if in.data != nil {
		return "."
	}
	return filepath.Dir(in.Path)
}

func checkPlaceholders(out string) error {
	for _, found := range placeholder.FindAllString(out, -1) {
		switch found {
		case "{name}", "{ext}", "{inext}", "{dir}", "{model}", "{scale}", "{width}", "{height}":
		default:
			return fmt.Errorf("--out has the unknown placeholder %s; known are {name}, {ext}, {inext}, {dir}, {model}, {scale}, {width} and {height}", found)
		}
	}
	return nil
}
