package native

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"upscaled/engine/film"
	"upscaled/models/fault"
	"upscaled/server/job"
)

// longestTime of a film is in seconds.
const longestTime = 1e6

// takeFilm parses the options of films; nil if there are none.
func takeFilm(f *fields) *job.FilmOptions {
	o := job.FilmOptions{Codec: f.choice("video_codec", film.Codecs()...), Preset: f.text("preset", maxModelName)}
	if quality := f.number("crf", 0, 63); quality != nil {
		o.Quality = new(int(*quality))
	}
	for name, into := range map[string]*float64{"from": &o.From, "to": &o.To} {
		if seconds := f.number(name, 0, longestTime); seconds != nil {
			*into = *seconds
		}
	}
	if strings.HasPrefix(o.Preset, "-") {
		f.fail("preset must be a name.")
	}
	if o == (job.FilmOptions{}) {
		return nil
	}
	return &o
}

func (i intake) takesFilms() bool { return i.parts.Films != nil && i.config.FilmBytes > 0 }

// isFilm reports whether an input is a film, or an animation that is to become one.
func (in input) isFilm(o job.Options) bool {
	return in.disk != nil || film.Sniff(in.data) || film.IsName("."+o.Format)
}

// film checks a film, sets its job's fields and describes it. The caller removes the
// job's file.
func (i intake) film(ctx context.Context, in input, spec *job.Spec) (job.InputInfo, error) {
	if !i.takesFilms() {
		return job.InputInfo{}, fault.New(fault.Unsupported, "This server takes no films, only images.")
	}
	if in.size > i.config.FilmBytes {
		return job.InputInfo{}, fault.New(fault.TooLarge, "The film is larger than %d bytes.", i.config.FilmBytes)
	}
	file, err := in.file(i.parts.Scratch)
	if err != nil {
		return job.InputInfo{}, err
	}
	spec.File = file
	o := job.FilmOptions{}
	if spec.Options.Film != nil {
		o = *spec.Options.Film
	}
	spec.Options.Film = &o
	spec.Options.Format = cmp.Or(spec.Options.Format, strings.TrimPrefix(strings.ToLower(film.OutputExtension(in.name)), "."))
	info, err := i.parts.Films.ValidateFilm(ctx, file.Name(), spec.Options)
	if err == nil && spec.Options.Model == "" {
		spec.Options.Model, o.Note, err = i.filmModel(ctx, info)
	}
	if err != nil {
		return job.InputInfo{}, err
	}
	side, most := max(info.Width, info.Height), i.config.MaxSide
	pixels := int64(info.Width) * int64(info.Height)
	switch {
	case int64(info.Frames) > i.config.FilmFrames:
		return job.InputInfo{}, fault.New(fault.TooLarge, "The film has %d frames; at most %d are accepted.", info.Frames, i.config.FilmFrames)
	case most > 0 && side > most, i.config.MaxPixels > 0 && pixels > i.config.MaxPixels:
		return job.InputInfo{}, fault.New(fault.TooLarge, "The film's frames have %dx%d pixels, more than this server accepts.", info.Width, info.Height)
	}
	o.Frames = int64(info.Frames)
	const megapixel = 1e6
	spec.Price = (pixels*o.Frames*i.config.FilmPrice + megapixel - 1) / megapixel
	spec.Input = info
	spec.Input.Frames = 1 // the bounds of results hold for each frame
	return info, nil
}

// filmModel returns the model of a film that names none, and a note on it.
func (i intake) filmModel(ctx context.Context, info job.InputInfo) (model, note string, err error) {
	if !info.Drawn {
		return film.Model, "", nil
	}
	all, err := i.parts.System.Models(ctx)
	if slices.ContainsFunc(all, func(m Model) bool { return m.Name == film.DrawnModel && m.Installed }) {
		return film.DrawnModel, film.NoteDrawn, err
	}
	return film.Model, film.NoteDrawnMissing, err
}

// onDisk is a film in a file that is removed with the request.
type onDisk struct {
	*os.File
	size int64
}

// Size implements job.Content.
func (f onDisk) Size() int64 { return f.size }

// file returns the input as a file.
func (in input) file(create func() (*os.File, error)) (onDisk, error) {
	if in.disk != nil {
		return onDisk{in.disk, in.size}, nil
	}
	file, err := create()
	if err == nil {
		_, err = file.Write(in.data)
	}
	if err != nil {
		removeFile(onDisk{file, 0})
		return onDisk{}, fmt.Errorf("keep film: %w", err)
	}
	return onDisk{file, in.size}, nil
}

// removeFile removes the file of a job, if it has one.
func removeFile(c job.Content) {
	if f, ok := c.(onDisk); ok && f.File != nil {
		_, _ = f.Close(), os.Remove(f.Name())
	}
}
