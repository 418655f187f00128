package replicate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// unusable returns the error of an input image.
func unusable(why string) error { return violation("image", imageField, why) }

const imageField = "input.image"

// rename replaces the image's name in errors by the model's name for it.
func (v variant) rename(err error) error {
	if wrong, ok := errors.AsType[violations](err); ok {
		for i := range wrong {
			if wrong[i].Field == imageField {
				wrong[i].Field = "input." + v.Image
			}
		}
	}
	return err
}

// input is an image file with its display name, "" if it has none.
type input struct {
	data []byte
	name string
	info job.InputInfo
}

// inputs loads the images of predictions.
type inputs struct{ files }

// load loads and validates the image.
func (i inputs) load(c echo.Context, caller job.Caller, in dialect.ModelInput) (input, error) {
	ctx := c.Request().Context()
	loaded, err := i.resolve(ctx, caller, in.Image, i.services.BaseURL(c.Request()))
	switch fault.KindOf(err) {
	case "":
	case fault.TooLarge:
		return input{}, i.tooLarge()
	case fault.Invalid, fault.FetchFailed:
		return input{}, unusable(fault.Sentence(err))
	default:
		return input{}, err
	}
	if int64(len(loaded.data)) > i.config.MaxBytes {
		return input{}, i.tooLarge()
	}
	if loaded.info, err = i.check(c.Request().Context(), loaded.data); err != nil {
		return input{}, err
	}
	if in.Options.FaceEnhance {
		if err := i.services.CheckFaces(ctx); errors.Is(err, dialect.ErrFaces) {
			return input{}, violation("face_enhance", "input.face_enhance", "Face enhancement is not available on this server")
		} else if err != nil {
			return input{}, err
		}
	}
	return loaded, nil
}

func (i inputs) tooLarge() error {
	return unusable(fmt.Sprintf("The image is larger than %d bytes", i.config.MaxBytes))
}

// resolve loads an image. This server's own URLs are resolved without HTTP: a
// URL by which clients reach it need not be one that it may download from.
func (i inputs) resolve(ctx context.Context, caller job.Caller, image, base string) (input, error) {
	if rest, own := strings.CutPrefix(image, base+"/v1/files/"); own {
		id := rest
		if end := strings.IndexAny(rest, "/?#"); end >= 0 {
			id = rest[:end]
		}
		if IsFileID(id) || IsID(id) {
			return i.own(ctx, caller, id)
		}
	}
	data, err := dialect.Load(ctx, i.stores.Fetcher, image, i.config.MaxBytes)
	return input{data: data, name: dialect.NameOf(image)}, err
}

// own returns a file of the caller, or the output of an earlier prediction.
func (i inputs) own(ctx context.Context, caller job.Caller, id string) (input, error) {
	data, name, err := i.all().Read(ctx, caller, id, i.config.MaxBytes)
	switch notFound := fault.KindOf(err) == fault.NotFound; {
	case notFound && IsFileID(id):
		err = unusable("The file does not exist or has expired")
	case notFound:
		err = unusable("The prediction has no output or has expired")
	}
	return input{data: data, name: name}, err
}

// check validates an image by its bytes alone.
func (i inputs) check(ctx context.Context, data []byte) (job.InputInfo, error) {
	info, err := i.services.Inspect(ctx, data, i.config.Config)
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Unsupported:
		return info, unusable(fault.Sentence(err))
	case fault.TooLarge:
		return info, unusable("The image has too many pixels") // the server's own message names its settings
	}
	return info, err
}
