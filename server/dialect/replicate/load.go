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
func unusable(why string) error { return violations{{"image", "input.image", why}} }

// input is an image file with its display name, "" if it has none.
type input struct {
	data []byte
	name string
	info job.InputInfo
}

// load loads and validates the image.
func (a *API) load(c echo.Context, caller job.Caller, in Input) (input, error) {
	ctx := c.Request().Context()
	loaded, err := a.resolve(ctx, caller, in.Image, a.services.BaseURL(c.Request()))
	switch fault.KindOf(err) {
	case "":
	case fault.TooLarge:
		return input{}, a.tooLarge()
	case fault.Invalid, fault.FetchFailed:
		return input{}, unusable(fault.Sentence(err))
	default:
		return input{}, err
	}
	if int64(len(loaded.data)) > a.config.MaxBytes {
		return input{}, a.tooLarge()
	}
	if loaded.info, err = a.check(loaded.data); err != nil {
		return input{}, err
	}
	if in.options().FaceEnhance {
		if err := a.services.CheckFaces(ctx); errors.Is(err, dialect.ErrFaces) {
			return input{}, violations{{"face_enhance", "input.face_enhance", "Face enhancement is not available on this server"}}
		} else if err != nil {
			return input{}, err
		}
	}
	return loaded, nil
}

func (a *API) tooLarge() error {
	return unusable(fmt.Sprintf("The image is larger than %d bytes", a.config.MaxBytes))
}

// resolve loads an image. This server's own URLs are resolved without HTTP: a
// URL by which clients reach it need not be one that it may download from.
func (a *API) resolve(ctx context.Context, caller job.Caller, image, base string) (input, error) {
	if rest, own := strings.CutPrefix(image, base+"/v1/files/"); own {
		id := rest
		if end := strings.IndexAny(rest, "/?#"); end >= 0 {
			id = rest[:end]
		}
		switch {
		case IsFileID(id):
			return a.upload(ctx, caller, id)
		case IsID(id):
			return a.result(ctx, caller, id)
		}
	}
	data, err := dialect.Load(ctx, a.stores.Fetcher, image, a.config.MaxBytes)
	return input{data: data, name: dialect.NameOf(image)}, err
}

// upload returns a file of the caller.
func (a *API) upload(ctx context.Context, caller job.Caller, id string) (input, error) {
	loaded := input{}
	u, err := a.ownFile(ctx, caller, id)
	if err == nil {
		loaded.name = u.Name
		loaded.data, err = a.stores.Uploads.ReadUpload(ctx, id)
	}
	if fault.KindOf(err) == fault.NotFound {
		err = unusable("The file does not exist or has expired")
	}
	return loaded, err
}

// result returns the output of an earlier prediction of the caller.
func (a *API) result(ctx context.Context, caller job.Caller, id string) (input, error) {
	loaded := input{}
	j, err := a.services.Owned(ctx, Name, caller, id)
	if err == nil && j.Result != nil && j.Result.Bytes > a.config.MaxBytes {
		return input{}, a.tooLarge()
	}
	if err == nil {
		loaded.name = j.InputName
		loaded.data, err = a.services.ReadResult(ctx, id)
	}
	if fault.KindOf(err) == fault.NotFound {
		err = unusable("The prediction has no output or has expired")
	}
	return loaded, err
}

// check validates an image by its bytes alone.
func (a *API) check(data []byte) (job.InputInfo, error) {
	info, err := a.services.Inspect(data, a.config.Config)
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Unsupported:
		return info, unusable(fault.Sentence(err))
	case fault.TooLarge:
		return info, unusable("The image has too many pixels") // the server's own message names its settings
	}
	return info, err
}
