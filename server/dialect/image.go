package dialect

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/job"
)

// PrefersImage reports whether a request's Accept header asks for an image rather
// than JSON; otherwise is the answer for headers that name neither.
func PrefersImage(r *http.Request, otherwise bool) bool {
	accept := strings.ToLower(r.Header.Get(echo.HeaderAccept))
	image, json := strings.Index(accept, "image/"), strings.Index(accept, echo.MIMEApplicationJSON)
	switch {
	case image >= 0:
		return json < 0 || image < json
	case json >= 0:
		return false
	}
	return otherwise
}

// WriteImage writes a succeeded job's image as the response. One that cannot be read
// to its end breaks the connection: the length is announced.
func (s Services) WriteImage(c echo.Context, j job.Job) error {
	image, _, err := s.Queue.Open(c.Request().Context(), j.ID)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "The result cannot be read.")
	}
	defer image.Close()
	reader := bufio.NewReader(image)
	if _, err := reader.Peek(1); err != nil { // while an error can still be answered
		return fmt.Errorf("read result %s: %w", j.ID, err)
	}
	header := c.Response().Header()
	header.Set(echo.HeaderContentLength, strconv.FormatInt(j.Result.Bytes, 10))
	return c.Stream(http.StatusOK, imagedata.Format(j.Result.Format).ContentType(), reader)
}

// FailureOf returns the error of a job without a result, or nil. Clients may read
// its sentence if its kind is Invalid, Unsupported, TooLarge or Busy.
func FailureOf(j job.Job) error {
	switch {
	case j.State == job.Succeeded:
		return nil
	case !j.State.Final():
		return fault.New(fault.Busy, "The image was not done within the time limit.")
	case j.Failure == nil:
		return fault.New(fault.Internal, "job %s is %s", j.ID, j.State)
	}
	cause := fault.New(j.Failure.Kind, "%s", j.Failure.Message)
	switch j.Failure.Kind {
	case fault.Invalid, fault.Unsupported, fault.TooLarge:
		return fault.Wrap(j.Failure.Kind, cause, "%s", FailureText(j.Failure))
	}
	return &fault.Error{Kind: fault.Internal, Message: "The job failed.", Err: cause}
}
