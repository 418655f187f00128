package film_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/film"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// drawing is a filter for flat shapes with dark outlines that move, as in a cartoon.
const drawing = "drawbox=x=20+40*t:y=30:w=120:h=90:color=orange:t=fill,drawbox=x=20+40*t:y=30:w=120:h=90:color=black:t=4," +
	"drawbox=x=200:y=20+20*t:w=70:h=150:color=green:t=fill,drawbox=x=200:y=20+20*t:w=70:h=150:color=black:t=4," +
	"drawgrid=x=160:y=160:w=24:h=24:t=2:color=black"

// Films that look drawn are upscaled by the model for drawings if there is it, and all
// others by the usual one.
func TestModelSuitsTheFilm(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	tools(t)
	ffmpeg(t, root, "-f", "lavfi", "-i", "color=skyblue:s=320x240:r=12", "-vf", drawing, "-t", "3", "-c:v", "libx264", "-crf", "28", "drawn.mp4")
	// A photograph, panned.
	ffmpeg(t, root, "-loop", "1", "-i", photo(t), "-vf", "crop=iw/2:ih:iw/2:0,scale=480:-2,crop=320:240:x=40*t:y=20*t,fps=12", "-t", "3", "-c:v", "libx264", "-crf", "28", "photo.mp4")
	ffmpeg(t, root, "-f", "lavfi", "-i", "color=black:s=320x240:r=12", "-t", "1", "-c:v", "libx264", "black.mp4")
	half := 0.5
	for _, c := range []struct {
		name, want, note string
		request          engine.Request
		missing          bool
	}{
		{"drawn.mp4", film.DrawnModel, film.NoteDrawn, engine.Request{}, false},
		{"drawn.mp4", film.Model, film.NoteDrawnMissing, engine.Request{}, true},
		{"drawn.mp4", film.Model, "", engine.Request{Denoise: &half}, false},
		{"drawn.mp4", "mine", "", engine.Request{Model: "mine"}, false},
		{"photo.mp4", film.Model, "", engine.Request{}, false},
		{"black.mp4", film.Model, "", engine.Request{}, false},
	} {
		o := options(t, filepath.Join(root, c.name), filepath.Join(root, "out.mkv"))
		o.Request = c.request
		o.Engine = engine.New(engine.Options{Runtime: &enginetest.Runtime{Streams: true}, Library: library{enginetest.Library{Network: enginetest.Net(1, 0)}, c.missing}})
		result, err := film.Describe(t.Context(), o)
		o.Engine.(*engine.Engine).Close()
		if notes := strings.Join(result.Notes, " "); err != nil || result.Model != c.want || notes != c.note {
			t.Errorf("%+v: %s, %q, %v", c, result.Model, notes, err)
		}
		o.Request.Size = engine.Size{}
		inspected, err := film.Inspect(t.Context(), o)
		if want := c.note != ""; err != nil || inspected.Drawn != want {
			t.Errorf("%+v: drawn is %v, %v", c, inspected.Drawn, err)
		}
	}
}

// library may lack the model for drawings.
type library struct {
	enginetest.Library
	missing bool
}

func (l library) Load(ctx context.Context, name string, denoise *float64) (*network.Network, error) {
	if l.missing && name == film.DrawnModel {
		return nil, fault.New(fault.ModelMissing, "%s cannot be downloaded.", name)
	}
	return l.Library.Load(ctx, name, denoise)
}

// photo returns the path of an image whose right half is a photograph.
func photo(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../server/docs/images/before-after.jpg")
	if err != nil {
		t.Fatal(err)
	}
	return path
}
