package comfyui

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path"
	"regexp"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/file"
	"upscaled/server/job"
	"upscaled/server/upload"
)

// files are the images that callers uploaded and the results of their prompts.
// Clients address them by folder and name.
type files struct {
	services dialect.Services
	config   Config
	stores   Stores
}

// idOf returns the ID of a job or a file from the caller's names for it. No other
// caller's names lead to it.
func idOf(prefix string, caller job.Caller, names ...string) string {
	//guard:comfy-owner TestCallers => sha256.Sum256([]byte(strings.Join(append([]string{prefix}, names...), "\x00")))
	sum := sha256.Sum256([]byte(strings.Join(append([]string{prefix, caller.ID}, names...), "\x00")))
	return prefix + hex.EncodeToString(sum[:16])
}

func fileID(caller job.Caller, folder, name string) string {
	return idOf("comfyfile-", caller, folder, path.Join("/", name))
}

// upload handles POST upload/image.
func (f files) upload(c echo.Context, caller job.Caller) error {
	form, err := dialect.ReadForm(c, f.config.MaxBytes+dialect.FormSlack, upload.Limits{FileBytes: f.config.MaxBytes, Files: 1}, "image")
	image, _ := form.File("image")
	folder, subfolder := form.Fields["type"], form.Fields["subfolder"]
	if folder == "" {
		folder = "input"
	}
	name := path.Join("/", subfolder, image.Name)
	switch {
	case dialect.IsBodyTooLarge(err) || image.Size > int64(len(image.Data)):
		return fault.New(fault.TooLarge, "The file is too large.")
	case err != nil:
		return refusal(http.StatusBadRequest, "invalid_form", fault.Sentence(err))
	case image.Size == 0 || image.Name == "" || len(name) > 255 || name != "/"+path.Join(subfolder, image.Name):
		return refusal(http.StatusBadRequest, "invalid_file", "The form needs a file in the field image, with a name below the folder.")
	}
	overwrite, _ := upload.ParseBool(form.Fields["overwrite"])
	if name, err = f.free(c.Request().Context(), caller, folder, name, image.Data, overwrite); err != nil {
		return err
	}
	info, _ := f.services.Validator.Validate(c.Request().Context(), image.Data) // validated when a prompt uses it
	_, err = f.stores.Uploads.PutUpload(c.Request().Context(), job.Upload{
		ID: fileID(caller, folder, name), API: Name, Account: caller.ID, Name: name, ContentType: dialect.Sniff(image.Data, info.Format),
	}, image.Data)
	if err != nil {
		return err
	}
	return dialect.JSON(c, http.StatusOK, map[string]string{"name": path.Base(name), "subfolder": subfolder, "type": folder})
}

// free returns the name under which a file can be stored. It deletes one of the name
// that is to be overwritten, or has the same contents, which so gets its full time
// again.
func (f files) free(ctx context.Context, caller job.Caller, folder, name string, data []byte, overwrite bool) (string, error) {
	sum, first := sha256.Sum256(data), name
	for i := 1; ; i++ {
		u, err := f.stores.Uploads.Upload(ctx, fileID(caller, folder, name))
		if err == nil && (overwrite || u.SHA256 == hex.EncodeToString(sum[:])) {
			err = f.stores.Uploads.DeleteUpload(ctx, u.ID)
		} else if err == nil {
			name = fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(first, path.Ext(first)), i, path.Ext(first))
			continue
		}
		if fault.KindOf(err) == fault.NotFound {
			err = nil
		}
		return name, err
	}
}

const jobPrefix = "comfy-"

// resultName finds the ID of a job in the name of its image.
var resultName = regexp.MustCompile(`_([0-9a-f]{32})_\.png$`)

// open returns a caller's uploaded file or result. The job of an upload has no ID,
// but the name, and the content type as its API.
func (f files) open(ctx context.Context, caller job.Caller, folder, name string) (io.ReadSeekCloser, job.Job, error) {
	if match := resultName.FindStringSubmatch(name); match != nil && folder != "input" {
		j, err := f.services.Owned(ctx, Name, caller, jobPrefix+match[1])
		if err != nil {
			return nil, j, err
		}
		return f.services.Queue.Open(ctx, j.ID)
	}
	u, err := f.stores.Uploads.Upload(ctx, fileID(caller, folder, name))
	if err != nil {
		return nil, job.Job{}, err
	}
	data, err := f.stores.Uploads.ReadUpload(ctx, u.ID)
	return memory{bytes.NewReader(data)}, job.Job{Spec: job.Spec{API: u.ContentType}}, err
}

type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// image returns the file that a LoadImage names, such as "a.png" or "b/a.png
// [output]".
func (f files) image(ctx context.Context, caller job.Caller, name string) ([]byte, error) {
	folder := "input"
	if at := strings.LastIndex(name, " ["); at > 0 && strings.HasSuffix(name, "]") {
		name, folder = name[:at], name[at+2:len(name)-1]
	}
	content, _, err := f.open(ctx, caller, folder, name)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(content)
}

// view handles GET view. Clients that ask for a preview or one channel get the file.
func (f files) view(c echo.Context, caller job.Caller) error {
	folder, name := c.QueryParam("type"), path.Join(c.QueryParam("subfolder"), c.QueryParam("filename"))
	if folder == "" {
		folder = "output"
	}
	content, j, err := f.open(c.Request().Context(), caller, folder, name)
	if err != nil {
		return err
	}
	defer content.Close()
	disposition := file.Disposition("inline", file.Stem(name)+path.Ext(name))
	if j.ID != "" {
		file.ServeResult(c, j, content, disposition)
		return nil
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, disposition)
	return c.Stream(http.StatusOK, j.API, content)
}
