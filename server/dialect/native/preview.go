package native

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/models"
	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// previewSide is the longest side of an image that is previewed, in pixels.
const previewSide = 256

// previews handles the calls that show a model's effect, and keep nothing.
type previews struct {
	intake
	store   modelStore
	samples *samples
}

// preview upscales a small image, such as a detail of a large one, and keeps nothing.
func (a previews) preview(c echo.Context, caller job.Caller) error {
	r, err := a.read(c)
	defer r.close()
	if err == nil {
		err = a.checkOptions(c.Request().Context(), r.options)
	}
	switch {
	case err != nil:
		return err
	case r.several || r.webhook != nil || r.images[0].isFilm(r.options):
		return fault.New(fault.Invalid, "A preview is of one image, and calls no webhook.")
	}
	in := r.images[0]
	info, err := a.check(c.Request().Context(), in, r.options)
	if err != nil {
		return err
	}
	//guard:preview-size TestPreview
	if max(info.Width, info.Height) > previewSide || info.Frames > 1 {
		return fault.New(fault.TooLarge, "A preview is of an image of at most %d pixels a side.", previewSide)
	}
	made, format, err := a.pass(c.Request().Context(), job.Spec{
		Account: caller.ID, Price: a.config.PreviewPrice, InputName: in.name, Options: r.options, Input: info,
	}, in.data)
	if err != nil {
		return err
	}
	return c.Blob(http.StatusOK, format.ContentType(), made)
}

// pass runs a job of which nothing stays, and returns its result.
func (a previews) pass(ctx context.Context, spec job.Spec, data []byte) ([]byte, imagedata.Format, error) {
	spec.ID, spec.API = newID(), Name
	done, err := a.services.RunSync(ctx, spec, data)
	if err == nil {
		err = dialect.FailureOf(done)
	}
	var made []byte
	if err == nil {
		made, err = a.services.ReadResult(ctx, done.ID)
	}
	if done.ID != "" {
		_ = a.services.Queue.Delete(context.WithoutCancel(ctx), done.ID) // or it expires
	}
	if err != nil {
		return nil, "", err
	}
	return made, imagedata.Format(done.Result.Format), nil
}

// samples are what models make of Parts.Samples, each made once.
type samples struct {
	turn  sync.Mutex
	mutex sync.Mutex
	made  map[string][]byte
}

// sampleScale is the scale of all samples, so that they can be compared.
const sampleScale = 4

// sampleKind returns the kind of image that a model is for, as far as its texts say so.
func sampleKind(m job.Model) string {
	about := strings.ToLower(strings.Join(append([]string{m.Name, m.Summary, m.Title}, m.Tags...), " "))
	for _, words := range [][]string{{"film", "film", "video"}, {"drawing", "drawing", "anime", "manga", "comic", "cartoon", "illustration", "line art", "digital-art"}} {
		for _, word := range words[1:] {
			if strings.Contains(about, word) {
				return words[0]
			}
		}
	}
	return "photo"
}

// sample returns what a model makes of a small image of its kind. It never downloads a
// model.
func (a previews) sample(c echo.Context, _ job.Caller) error {
	ctx := c.Request().Context()
	all, err := a.store.list(ctx)
	if err != nil {
		return err
	}
	for _, m := range all {
		if !models.SameName(m.Name, c.Param("name")) {
			continue
		}
		if !m.Installed || m.Faces {
			return fault.New(fault.NotFound, "There are samples of installed models for upscaling only.")
		}
		original := a.parts.Samples[sampleKind(m.Model)]
		// A model of the same name may be another one after an import.
		made, err := a.samples.get(fmt.Sprint(m.Name, m.Bytes), func() ([]byte, error) {
			options := job.Options{Model: m.Name, Scale: sampleScale, Format: string(imagedata.WebP), Quality: 90}
			info, err := a.services.Validator.Validate(ctx, original)
			if err != nil {
				return nil, err
			}
			made, _, err := a.pass(ctx, job.Spec{InputName: "sample", Options: options, Input: info}, original)
			return made, err
		})
		if err != nil {
			return err
		}
		c.Response().Header().Set("Cache-Control", "private, max-age=3600")
		return c.Blob(http.StatusOK, imagedata.WebP.ContentType(), made)
	}
	return fault.New(fault.NotFound, "There is no model %.80q; /api/v1/models lists all.", c.Param("name"))
}

// get returns the value of a key, or makes it; one at a time.
func (s *samples) get(key string, make func() ([]byte, error)) ([]byte, error) {
	const most = 200 // of about 30 KB each
	if found := s.known(key); found != nil {
		return found, nil
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	if found := s.known(key); found != nil {
		return found, nil
	}
	made, err := make()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err == nil && len(s.made) < most {
		s.made[key] = made
	}
	return made, err
}

func (s *samples) known(key string) []byte {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.made[key]
}
