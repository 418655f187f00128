package native

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	pictures "upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/file"
	"upscaled/server/job"
)

// filename is what a succeeded job's picture is saved as.
func filename(j job.Job) string {
	return fmt.Sprintf("%s-%dx%d%s", file.Stem(j.InputName), j.Result.OutputWidth, j.Result.OutputHeight,
		pictures.Format(j.Result.Format).Extension())
}

// unfinished says why a job has no picture.
func unfinished(j job.Job) error {
	switch j.State {
	case job.Failed:
		f := failureOf(j.Failure)
		return answered{http.StatusConflict, fault.New(f.Kind, "The job failed: %s", f.Detail)}
	case job.Canceled:
		return answered{http.StatusConflict, fault.New(fault.NotFound, "The job was canceled and has no picture.")}
	}
	return answered{http.StatusConflict, fault.New(fault.Busy, "The job is %s: its picture is there once it has succeeded.", j.State)}
}

// result answers the picture, whole or in ranges.
func (a *API) result(c echo.Context) error {
	j, err := a.found(c)
	if err == nil && j.State != job.Succeeded {
		err = unfinished(j)
	}
	if err != nil {
		return a.WriteError(c, err)
	}
	content, j, err := a.services.Queue.Open(c.Request().Context(), j.ID)
	if err != nil {
		return a.WriteError(c, err)
	}
	defer content.Close()
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, pictures.Format(j.Result.Format).ContentType())
	header.Set(echo.HeaderContentDisposition, file.Disposition("attachment", filename(j)))
	// A result never changes and an ID is never used again.
	header.Set("ETag", `"`+j.ID+`"`)
	header.Set(echo.HeaderCacheControl, "private, max-age=86400, immutable")
	header.Set(echo.HeaderXContentTypeOptions, "nosniff")
	if restorer := j.Result.Faces.Header(); restorer != "" {
		header.Set(job.FaceHeader, restorer)
	}
	http.ServeContent(c.Response(), c.Request(), "", j.Finished, content)
	return nil
}
