package replicate

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// maxWait is the vendor's longest wait and the one of a client that names
// none.
const maxWait = 60 * time.Second

// submit makes a prediction. The order of its checks is the contract: input,
// webhook, the picture's bytes, then credits and room.
func (a *API) submit(c echo.Context, caller job.Caller, given fields, model, version string) error {
	wait, waits := preferredWait(c.Request().Header)
	// Clients give up soon after the time they asked for, so fetching the
	// picture counts as waiting.
	waiting, stop := context.WithTimeout(c.Request().Context(), min(wait, a.services.WaitLimit))
	defer stop()

	in, err := parseInput(given["input"])
	if err != nil {
		return err
	}
	webhook, err := a.parseWebhook(given)
	if err != nil {
		return err
	}
	loaded, err := a.load(c, caller, in)
	if err != nil {
		return err
	}
	noted := memo{Model: model, Version: version, Input: in, Base: a.services.BaseURL(c.Request())}
	noted.Input.Image = repeated(in.Image)
	submitted, err := a.services.Queue.Submit(c.Request().Context(), job.Spec{
		ID: newID(), API: Name, Account: caller.ID, Price: a.config.Price, InputName: loaded.name,
		Options: in.options(), Webhook: webhook, Memo: encodeMemo(noted),
	}, loaded.data)
	if err != nil {
		return err
	}
	j := submitted.Job
	if waits {
		c.Response().Header().Set("Preference-Applied", "wait")
		j = a.await(c, waiting, j)
	}
	return a.answer(c, http.StatusCreated, j)
}

// preferredWait reads "Prefer: wait" and "wait=SECONDS" (RFC 7240).
func preferredWait(header http.Header) (wait time.Duration, given bool) {
	for _, line := range header["Prefer"] {
		for preference := range strings.SplitSeq(line, ",") {
			preference, _, _ = strings.Cut(preference, ";")
			name, value, valued := strings.Cut(preference, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			if !valued {
				return maxWait, true
			}
			seconds, err := strconv.ParseUint(strings.Trim(value, " \t\""), 10, 31)
			if err == nil && seconds > 0 {
				return min(time.Duration(seconds)*time.Second, maxWait), true
			}
		}
	}
	return 0, false
}

// await gives the job once it has ended, or as it was accepted where that
// takes longer or the server stops: clients take any status but "starting" for
// the end. The prediction goes on, whether the client waits or leaves.
func (a *API) await(c echo.Context, ctx context.Context, accepted job.Job) job.Job {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-a.services.Stopping:
			stop()
		case <-ctx.Done():
		}
	}()
	ended, err := a.services.Queue.Wait(ctx, accepted.ID)
	if err == nil {
		return ended
	}
	if ctx.Err() == nil { // the client can still ask for what was accepted
		dialect.Record(c, err)
	}
	return accepted
}

// answer tells of a job.
func (a *API) answer(c echo.Context, status int, j job.Job) error {
	base := a.services.BaseURL(c.Request())
	output := a.resultURL(base, j)
	if j.State == job.Succeeded {
		if restorer := j.Result.Faces.Header(); restorer != "" {
			c.Response().Header().Set(job.FaceHeader, restorer)
		}
		if hasScheme(base, "http:") && j.Result.Bytes < a.config.DataURIBelow {
			data, err := a.read(c.Request().Context(), j.ID)
			if err != nil {
				return err
			}
			output = dataURI(imagedata.Format(j.Result.Format).ContentType(), data)
		}
	}
	return dialect.JSON(c, status, predictionOf(j, base, output))
}

// resultURL is where a succeeded job's picture can be read without a key, ""
// for other jobs. Clients take the type from the file name.
func (a *API) resultURL(base string, j job.Job) string {
	if j.State != job.Succeeded {
		return ""
	}
	return a.services.NamedURL(base, j, "output")
}

// read gives a result's bytes.
func (a *API) read(ctx context.Context, id string) ([]byte, error) {
	content, _, err := a.services.Queue.Open(ctx, id)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	var data bytes.Buffer
	if _, err := io.Copy(&data, content); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "The result cannot be read.")
	}
	return data.Bytes(), nil
}

func dataURI(contentType string, data []byte) string {
	return "data:" + contentType + ";base64," + base64.StdEncoding.EncodeToString(data)
}
