package native

import (
	"fmt"
	"net/http"
	"regexp"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/file"
	"upscaled/server/job"
)

// filename returns the name to save a succeeded job's image under, with its model and
// size, so that several results of one image do not overwrite each other.
func filename(j job.Job) string {
	model := ""
	if j.Result.Model != "" {
		model = "-" + unusual.ReplaceAllString(j.Result.Model, "-")
	}
	return fmt.Sprintf("%s%s-%dx%d%s", file.Stem(j.InputName), model, j.Result.OutputWidth, j.Result.OutputHeight,
		imagedata.Format(j.Result.Format).Extension())
}

// unusual characters occur in mixes of models.
var unusual = regexp.MustCompile(`[^A-Za-z0-9._]+`)

// noResult returns the error of a job without an image.
func noResult(j job.Job) error {
	switch j.State {
	case job.Failed:
		f := failureOf(j.Failure)
		return withStatus{http.StatusConflict, fault.New(f.Kind, "The job failed: %s", f.Detail)}
	case job.Canceled:
		return withStatus{http.StatusConflict, fault.New(fault.NotFound, "The job was canceled and has no image.")}
	}
	return withStatus{http.StatusConflict, fault.New(fault.Busy, "The job is %s: its image is available once it has succeeded.", j.State)}
}

// result serves the image, whole or in ranges.
func (a *API) result(c echo.Context, j job.Job) error {
	if j.State != job.Succeeded {
		return noResult(j)
	}
	content, j, err := a.services.Queue.Open(c.Request().Context(), j.ID)
	if err != nil {
		return err
	}
	defer content.Close()
	file.ServeResult(c, j, content, file.Disposition("attachment", filename(j)))
	return nil
}
