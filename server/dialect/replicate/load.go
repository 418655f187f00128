package replicate

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/fetch"
	"upscaled/server/job"
)

// maxNameBytes bounds a picture's name, which is for display only, as most
// file systems do.
const maxNameBytes = 255

// unusable refuses an input's picture.
func unusable(why string) error { return violations{{"image", "input.image", why}} }

// input is a picture's bytes and its name for display, "" where it has none.
type input struct {
	data []byte
	name string
}

// load gets the picture and looks at it.
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
	if err := a.check(loaded.data); err != nil {
		return input{}, err
	}
	if in.options().FaceEnhance && a.services.Faces != nil {
		return loaded, refuseFaces(a.services.Faces(ctx))
	}
	return loaded, nil
}

func (a *API) tooLarge() error {
	return unusable(fmt.Sprintf("The image is larger than %d bytes", a.config.MaxBytes))
}

// resolve reads an image. This server's own URLs are resolved without HTTP: an
// address that clients reach it at need not be one that it may fetch from.
func (a *API) resolve(ctx context.Context, caller job.Caller, image, base string) (input, error) {
	if hasScheme(image, "data:") {
		data, err := fetch.ParseDataURI(image, a.config.MaxBytes)
		return input{data: data}, err
	}
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
	data, err := a.stores.Fetcher.Fetch(ctx, image)
	return input{data, nameOf(image)}, err
}

// upload is a file of the caller's.
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

// result is the picture of an earlier prediction of the caller's.
func (a *API) result(ctx context.Context, caller job.Caller, id string) (input, error) {
	loaded := input{}
	j, err := a.services.Owned(ctx, Name, caller, id)
	if err == nil && j.Result != nil && j.Result.Bytes > a.config.MaxBytes {
		return input{}, a.tooLarge()
	}
	if err == nil {
		loaded.name = j.InputName
		loaded.data, err = a.read(ctx, id)
	}
	if fault.KindOf(err) == fault.NotFound {
		err = unusable("The prediction has no output or has expired")
	}
	return loaded, err
}

// check judges a picture by its bytes alone.
func (a *API) check(data []byte) error {
	info, err := a.services.Validator.Probe(data)
	switch fault.KindOf(err) {
	case "":
	case fault.Invalid, fault.Unsupported:
		return unusable(fault.Sentence(err))
	case fault.TooLarge:
		return unusable("The image has too many pixels") // the prober's sentence names flags of the server
	default:
		return err
	}
	pixels, side := int64(info.Width)*int64(info.Height), max(info.Width, info.Height)
	if a.config.MaxPixels > 0 && pixels > a.config.MaxPixels || a.config.MaxSide > 0 && side > a.config.MaxSide {
		return unusable("The image has too many pixels")
	}
	return nil
}

// refuseFaces translates why faces cannot be enhanced, where the operator
// wants no substitute for a face restorer and none is installed.
func refuseFaces(err error) error {
	switch fault.KindOf(err) {
	case fault.ModelMissing, fault.NotFound, fault.Unsupported:
		return violations{{"face_enhance", "input.face_enhance", "Face enhancement is not available on this server"}}
	}
	return err
}

// nameOf is the last part of a URL's path, for display.
func nameOf(image string) string {
	u, err := url.Parse(image)
	if err != nil {
		return ""
	}
	name := path.Base(u.Path)
	if name == "." || name == "/" {
		return ""
	}
	return strings.ToValidUTF8(name[:min(len(name), maxNameBytes)], "")
}
