package server

import (
	"context"
	"errors"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
	"upscaled/models"
	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/dialect/native"
	"upscaled/server/job"
	"upscaled/server/worker"
)

// usualScale stands for the scale of a model that this process does not know.
const usualScale = 4

// boundedQueue rejects, before anything is stored or paid for, jobs whose result
// would exceed the limit of the server or of its file format, or is of a format whose
// library this computer lacks. It wraps the queue so that no dialect can forget the check.
type boundedQueue struct {
	Queue
	// most limits the pixels of a result, all frames together; 0 is no limit.
	most   int64
	system native.System
	// models are the default models of jobs that name none, by API.
	models   map[string]string
	writable func(imagedata.Format) error
}

// Submit implements job.Queue. The fault.TooLarge of a result that would be too
// large wraps a *dialect.ResultTooLarge.
func (q boundedQueue) Submit(ctx context.Context, spec job.Spec, input []byte) (job.Submitted, error) {
	if o := &spec.Options; o.Model == "" && o.Filter == "" {
		o.Model = q.models[spec.API]
	}
	if err := q.check(ctx, spec); err != nil {
		return job.Submitted{}, err
	}
	return q.Queue.Submit(ctx, spec, input)
}

// check rejects only results that would be too large or cannot be written. Other errors
// of the image or the options are left to the dialect and the worker.
func (q boundedQueue) check(ctx context.Context, spec job.Spec) error {
	in := spec.Input
	if in == (job.InputInfo{}) {
		return fault.New(fault.Internal, "job %s of %s was submitted without a description of its input", spec.ID, spec.API)
	}
	request := worker.RequestOf(spec.Options, engine.Faces{})
	out, err := request.OutputInfo(imagedata.Info{
		Format: imagedata.Format(in.Format), Width: in.Width, Height: in.Height, Channels: in.Channels, Depth: in.Depth,
		Alpha: in.Alpha, Frames: in.Frames,
	}, q.scale(ctx, request))
	//guard:writable-format TestResultsThatThisServerCannotWrite
	if lacks := q.writable(out.Format); err == nil && lacks != nil {
		return fault.Wrap(fault.Invalid, lacks, "This server cannot write %s files; ask for another format, such as png.", out.Format.Name())
	}
	if err == nil {
		err = q.checkSize(out, spec.Options.Quality)
	} else if long, ok := errors.AsType[*engine.SideTooLong](err); ok {
		err = fault.Wrap(fault.TooLarge, &dialect.ResultTooLarge{Size: long.Side, Limit: long.Limit, Format: string(out.Format)}, "%s", fault.Sentence(err))
	}
	if fault.KindOf(err) == fault.TooLarge {
		return err
	}
	return nil
}

func (q boundedQueue) checkSize(out imagedata.Info, quality int) error {
	pixels := int64(out.Width) * int64(out.Height) * int64(max(1, out.Frames)) // a side has at most 20 bits
	//guard:result-pixels TestResultsThatAreTooLarge
	if q.most > 0 && pixels > q.most {
		return fault.Wrap(fault.TooLarge, &dialect.ResultTooLarge{Size: pixels, Limit: q.most},
			"The result would have %d pixels; this server makes at most %d: ask for a smaller size.", pixels, q.most)
	}
	err := encode.Check(encode.Header{
		Width: out.Width, Height: out.Height, Channels: out.Channels, Depth: out.Depth, Alpha: out.Alpha, Frames: max(1, out.Frames),
	}, encode.Options{Format: out.Format, Quality: quality})
	//guard:result-side TestResultsThatNoFileHolds => true
	if fault.KindOf(err) != fault.TooLarge {
		return err
	}
	side := encode.Capabilities(out.Format).MaxSide
	return fault.Wrap(fault.TooLarge, &dialect.ResultTooLarge{
		Size: int64(max(out.Width, out.Height)), Limit: int64(side), Format: string(out.Format),
	}, "%s", fault.Sentence(err))
}

// scale returns the model's own scale, which matters only if no size is requested.
func (q boundedQueue) scale(ctx context.Context, request engine.Request) int {
	if request.Size != (engine.Size{}) || q.system == nil {
		return usualScale
	}
	all, err := q.system.Models(ctx)
	if err != nil {
		return usualScale
	}
	for _, m := range all {
		if (models.SameName(m.Name, models.Names(request.Model)[0]) || request.Model == "" && m.Default) && m.Scale > 0 {
			return m.Scale
		}
	}
	return usualScale
}
