package replicate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
	"upscaled/server/upload"
)

const (
	// fileField is the form's field for the file.
	fileField = "content"
	// maxFiles leaves room for metadata, which clients send as a file too. It
	// is not kept.
	maxFiles = 4
	// excessBytes is how much a body may hold beyond one file of the largest
	// size. A too large file is read to its end up to here, because most
	// clients read the answer only after they have sent everything.
	excessBytes = 64 << 20
)

// File is the vendor's object for an uploaded file.
type File struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	ContentType string    `json:"content_type"`
	Size        int64     `json:"size"`
	ETag        string    `json:"etag"`
	Checksums   Checksums `json:"checksums"`
	Metadata    struct{}  `json:"metadata"`
	CreatedAt   string    `json:"created_at"`
	ExpiresAt   string    `json:"expires_at"`
	URLs        FileURLs  `json:"urls"`
}

// Checksums are hexadecimal.
type Checksums struct {
	SHA256 string `json:"sha256"`
	MD5    string `json:"md5"`
}

// FileURLs are what clients put into a prediction's input.
type FileURLs struct {
	Get string `json:"get"`
}

func fileOf(u job.Upload, base string) File {
	return File{
		ID: u.ID, Name: u.Name, ContentType: u.ContentType, Size: u.Bytes, ETag: u.MD5,
		Checksums: Checksums{u.SHA256, u.MD5}, CreatedAt: timestamp(u.Created), ExpiresAt: timestamp(u.Expires),
		URLs: FileURLs{base + "/v1/files/" + u.ID},
	}
}

// CreateFile answers POST /v1/files.
func (a *API) CreateFile(c echo.Context) error { return a.signedIn(a.createFile)(c) }

// GetFile answers GET /v1/files/:id for IDs of the form that IsFileID knows:
// the object, not the contents.
func (a *API) GetFile(c echo.Context) error { return a.signedIn(a.getFile)(c) }

// DeleteFile answers DELETE /v1/files/:id.
func (a *API) DeleteFile(c echo.Context) error { return a.signedIn(a.deleteFile)(c) }

func (a *API) createFile(c echo.Context, caller job.Caller) error {
	file, err := a.readFile(c)
	if err != nil {
		return err
	}
	info, _ := a.services.Validator.Probe(file.Data) // whether it can be used is said when it is
	stored, err := a.stores.Uploads.PutUpload(c.Request().Context(), job.Upload{
		ID: dialect.Random(fileIDLength), API: Name, Account: caller.ID,
		Name: displayName(file.Name), ContentType: dialect.Sniff(file.Data, info.Format),
	}, file.Data)
	if fault.KindOf(err) == fault.RateLimited {
		return apiError{Problem{
			Detail: "Your files are too large together. Delete some, or wait until they expire.",
			Status: http.StatusRequestEntityTooLarge, // clients repeat a 429 at once
		}}
	} else if err != nil {
		return err
	}
	return dialect.JSON(c, http.StatusCreated, fileOf(stored, a.services.BaseURL(c.Request())))
}

// readFile reads the form in bounded memory.
func (a *API) readFile(c echo.Context) (upload.File, error) {
	r := c.Request()
	tooLarge := apiError{Problem{
		Detail: fmt.Sprintf("The file is larger than %d bytes.", a.config.MaxBytes),
		Status: http.StatusRequestEntityTooLarge,
	}}
	if r.ContentLength > a.config.MaxBytes+excessBytes {
		return upload.File{}, tooLarge
	}
	r.Body = http.MaxBytesReader(c.Response().Writer, r.Body, a.config.MaxBytes+excessBytes)
	form, err := upload.Read(r, upload.Limits{FileBytes: a.config.MaxBytes, Files: maxFiles}, fileField)
	if errors.As(err, new(*http.MaxBytesError)) {
		return upload.File{}, tooLarge
	}
	switch fault.KindOf(err) {
	case "":
	case fault.Invalid, fault.TooLarge, fault.Unsupported: // damaged; too many files or fields; no form
		_, _ = io.Copy(io.Discard, r.Body) // for the same clients as excessBytes
		return upload.File{}, badRequest(fault.Sentence(err))
	default:
		return upload.File{}, err
	}
	file, given := form.File(fileField)
	switch {
	case !given || file.Size == 0:
		return upload.File{}, violations{{"required", "", fileField + " is required"}}
	case file.Data == nil:
		return upload.File{}, tooLarge
	}
	return file, nil
}

// displayName is the last part of a client's name for a file.
func displayName(name string) string {
	name = path.Base("/" + strings.ReplaceAll(name, `\`, "/"))
	if name == "/" {
		return "file"
	}
	return strings.ToValidUTF8(name[:min(len(name), maxNameBytes)], "")
}

func (a *API) getFile(c echo.Context, caller job.Caller) error {
	u, err := a.ownFile(c.Request().Context(), caller, c.Param("id"))
	if err != nil {
		return err
	}
	return dialect.JSON(c, http.StatusOK, fileOf(u, a.services.BaseURL(c.Request())))
}

func (a *API) deleteFile(c echo.Context, caller job.Caller) error {
	u, err := a.ownFile(c.Request().Context(), caller, c.Param("id"))
	if err == nil {
		err = a.stores.Uploads.DeleteUpload(c.Request().Context(), u.ID)
	}
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// ownFile gives a file of the caller's; unknown, expired and other callers'
// are not found alike.
func (a *API) ownFile(ctx context.Context, caller job.Caller, id string) (job.Upload, error) {
	if !IsFileID(id) {
		return job.Upload{}, errNotFound
	}
	u, err := a.stores.Uploads.Upload(ctx, id)
	if err != nil {
		return job.Upload{}, err
	}
	//guard:upload-owner TestOneKeySeesNothingOfAnother TestInputsOfAnother => u.API != Name
	if u.API != Name || u.Account != caller.ID {
		return job.Upload{}, fault.New(fault.NotFound, "There is no such file.")
	}
	return u, nil
}
