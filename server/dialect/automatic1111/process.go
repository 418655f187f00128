package automatic1111

import (
	"context"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// result is one finished image.
type result struct {
	png []byte
	// restorer is the value of X-Face-Restorer, "" if no face was enhanced.
	restorer string
}

// process makes one image as one job, and waits for it until the deadline.
func (a *API) process(ctx context.Context, caller job.Caller, deadline time.Time, t task) (result, error) {
	spec := job.Spec{
		ID: t.id, API: Name, Account: caller.ID, Price: a.config.Price * t.runs(),
		InputName: t.name, Input: t.info, Part: t.part, Options: t.options,
	}
	services := a.services
	services.WaitLimit = time.Until(deadline)
	j, err := services.RunSync(ctx, spec, t.data)
	if fault.KindOf(err) == fault.NotFound {
		return result{}, lost(err)
	}
	if err == nil {
		err = failureOf(j)
	}
	if err != nil {
		return result{}, err
	}
	data, err := services.ReadResult(ctx, j.ID)
	if err != nil {
		return result{}, lost(err)
	}
	return result{data, j.Result.Faces.Header()}, nil
}

// failureOf returns the error of a job without an image.
func failureOf(j job.Job) error {
	switch {
	case j.State == job.Succeeded:
		return nil
	case j.State == job.Canceled:
		return errCanceled
	case !j.State.Final():
		return errTimeout
	case j.Failure == nil:
		return fault.New(fault.Internal, "The job failed without a reason.")
	}
	switch j.Failure.Kind {
	case fault.Invalid, fault.Unsupported:
		return errEncoded
	case fault.TooLarge:
		return errPixels
	case fault.ModelMissing, fault.NotFound:
		return exception("FileNotFoundError", "The model for this request is not installed on this server.")
	}
	// Not the failure's own kind, which would be taken for the request's.
	return fault.New(fault.Internal, "The job failed: %s: %s", j.Failure.Kind, j.Failure.Message)
}

// lost prevents a missing result from looking like an unknown path.
func lost(err error) error {
	return fault.Wrap(fault.Internal, err, "The job's image could not be read.")
}
