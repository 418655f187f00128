package server

import (
	"context"
	"errors"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/engine/imagedata/encode"
	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/dialect/native"
	"upscaled/server/job"
	"upscaled/server/worker"
)

// unknownFactor stands for the factor of a network that this process does not
// know and the request leaves the size to: that of most.
const unknownFactor = 4

// boundedQueue refuses, before anything is stored or paid for, jobs whose
// result is larger than the server makes or than its file format holds. It
// stands before the queue so that no dialect can forget it.
type boundedQueue struct {
	Queue
	// most is pixels of a result, all frames together; 0 is no bound.
	most   int64
	system native.System
}

// Submit implements job.Queue. A result that is too large is fault.TooLarge
// with a *dialect.ResultTooLarge in it.
func (q boundedQueue) Submit(ctx context.Context, spec job.Spec, input []byte) (job.Submitted, error) {
	if err := q.check(ctx, spec.Options, input); err != nil {
		return job.Submitted{}, err
	}
	return q.Queue.Submit(ctx, spec, input)
}

// check judges by the header alone. What else is wrong with the picture or the
// options is for the dialect before and the worker behind to say.
func (q boundedQueue) check(ctx context.Context, o job.Options, input []byte) error {
	info, err := decode.Probe(input, imagedata.Limits{})
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	request := worker.RequestOf(o, engine.Faces{})
	out, err := request.OutputInfo(info, q.factor(ctx, request))
	var long *engine.SideTooLong
	if err == nil {
		err = q.judge(out, o.Quality)
	} else if errors.As(err, &long) {
		err = fault.Wrap(fault.TooLarge, &dialect.ResultTooLarge{Size: long.Side, Limit: long.Limit, Format: string(out.Format)}, "%s", fault.Sentence(err))
	}
	if fault.KindOf(err) == fault.TooLarge {
		return err
	}
	return nil
}

func (q boundedQueue) judge(out imagedata.Info, quality int) error {
	pixels := int64(out.Width) * int64(out.Height) * int64(max(1, out.Frames)) // a side has 20 bits at most
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

// factor is the network's own. It matters only where no size is asked for,
// so nobody is asked in other cases.
func (q boundedQueue) factor(ctx context.Context, request engine.Request) int {
	if request.Size != (engine.Size{}) || q.system == nil {
		return unknownFactor
	}
	models, err := q.system.Models(ctx)
	if err != nil {
		return unknownFactor
	}
	for _, m := range models {
		if (m.Name == request.Model || request.Model == "" && m.Default) && m.Scale > 0 {
			return m.Scale
		}
	}
	return unknownFactor
}
