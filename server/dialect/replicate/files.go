package replicate

import (
	"context"
	"fmt"
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
	// maxFiles leaves room for metadata, which clients send as a file too. It is
	// ignored.
	maxFiles = 4
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

// FileURLs is used by clients in a prediction's input.
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

// files handles uploaded files.
type files struct {
	services dialect.Services
	config   Config
	stores   Stores
}

func (f files) all() dialect.Files {
	return dialect.Files{Services: f.services, Uploads: f.stores.Uploads, API: Name}
}

func (f files) createFile(c echo.Context, caller job.Caller) error {
	file, err := f.readFile(c)
	if err != nil {
		return err
	}
	stored, err := f.all().Store(c.Request().Context(), caller, dialect.Random(fileIDLength), displayName(file.Name), file.Data)
	if fault.KindOf(err) == fault.RateLimited {
		return apiError{Problem{
			Detail: "Your files are too large together. Delete some, or wait until they expire.",
			Status: http.StatusRequestEntityTooLarge, // clients repeat a 429 at once
		}}
	} else if err != nil {
		return err
	}
	return dialect.JSON(c, http.StatusCreated, fileOf(stored, f.services.BaseURL(c.Request())))
}

func (f files) readFile(c echo.Context) (upload.File, error) {
	tooLarge := apiError{Problem{
		Detail: fmt.Sprintf("The file is larger than %d bytes.", f.config.MaxBytes),
		Status: http.StatusRequestEntityTooLarge,
	}}
	form, err := dialect.ReadForm(c, f.config.MaxBytes+dialect.FormSlack,
		upload.Limits{FileBytes: f.config.MaxBytes, Files: maxFiles}, fileField)
	if dialect.IsBodyTooLarge(err) {
		return upload.File{}, tooLarge
	}
	switch fault.KindOf(err) {
	case "":
	case fault.Invalid, fault.TooLarge, fault.Unsupported: // damaged; too many files or fields; not a form
		return upload.File{}, badRequest(fault.Sentence(err))
	default:
		return upload.File{}, err
	}
	file, given := form.File(fileField)
	switch {
	case !given || file.Size == 0:
		return upload.File{}, violation("required", "", fileField+" is required")
	case file.Data == nil:
		return upload.File{}, tooLarge
	}
	return file, nil
}

// displayName returns the last part of a client's file name.
func displayName(name string) string {
	name = path.Base("/" + strings.ReplaceAll(name, `\`, "/"))
	if name == "/" {
		return "file"
	}
	return dialect.DisplayName(name)
}

// listFiles returns the caller's files, newest first.
func (f files) listFiles(c echo.Context, caller job.Caller) error {
	all, next, err := f.stores.Uploads.ListUploads(c.Request().Context(), job.Page{
		API: Name, Account: caller.ID, Before: c.QueryParam("cursor"), Limit: pageSize,
	})
	if err != nil {
		return err
	}
	base := f.services.BaseURL(c.Request())
	page := Page[File]{Results: make([]File, 0, len(all)), Next: nextLink(base+"/v1/files", next)}
	for _, u := range all {
		page.Results = append(page.Results, fileOf(u, base))
	}
	return dialect.JSON(c, http.StatusOK, page)
}

func (f files) getFile(c echo.Context, caller job.Caller) error {
	u, err := f.ownFile(c.Request().Context(), caller, c.Param("id"))
	return dialect.Reply(c, http.StatusOK, fileOf(u, f.services.BaseURL(c.Request())), err)
}

func (f files) deleteFile(c echo.Context, caller job.Caller) error {
	u, err := f.ownFile(c.Request().Context(), caller, c.Param("id"))
	if err == nil {
		err = f.stores.Uploads.DeleteUpload(c.Request().Context(), u.ID)
	}
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// ownFile returns a file of the caller. Unknown files, expired ones and other callers'
// are all not found.
func (f files) ownFile(ctx context.Context, caller job.Caller, id string) (job.Upload, error) {
	if !IsFileID(id) {
		return job.Upload{}, errNotFound
	}
	return f.all().Uploaded(ctx, caller, id)
}
