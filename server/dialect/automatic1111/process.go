package automatic1111

import (
	"context"
	"io"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// result is one picture done.
type result struct {
	png []byte
	// restorer is X-Face-Restorer's value, "" where no face was enhanced.
	restorer string
}

// layer is what one upscaler made: a file that plain resizing may still have
// to bring to its size.
type layer struct {
	file  []byte
	faces *job.Faces
	plain bool // resize to the plan's size by the upscaler's name
	name  string
}

// process makes one picture. Both upscalers enhance faces, so that blending
// them keeps the faces' strength.
func (a *API) process(ctx context.Context, caller job.Caller, until time.Time, p plan, in input) (result, error) {
	layers := make([]layer, 0, 2)
	for _, u := range p.upscalers() {
		l, err := a.layer(ctx, caller, until, p, u, in)
		if err != nil {
			return result{}, err
		}
		layers = append(layers, l)
	}
	done := result{png: layers[0].file, restorer: layers[0].faces.Header()}
	if len(layers) == 1 && !layers[0].plain && p.cropWidth == 0 {
		return done, nil // the network's file as it is
	}
	var err error
	done.png, err = a.compose(ctx, p, layers)
	return done, err
}

func (p plan) upscalers() []Upscaler {
	if p.share == 0 {
		return []Upscaler{p.first}
	}
	return []Upscaler{p.first, p.second}
}

// layer runs the network that an upscaler needs. Without a model one runs only
// for faces, at the picture's own size and with the server's default model;
// where it enhances no face, the picture stays as it was.
func (a *API) layer(ctx context.Context, caller job.Caller, until time.Time, p plan, u Upscaler, in input) (layer, error) {
	l := layer{file: in.data, plain: u.Model == "", name: u.Name}
	if l.plain && p.faces == nil {
		return l, nil
	}
	j, err := a.run(ctx, caller, until, p.options(u), in)
	if err != nil {
		return layer{}, err
	}
	if l.plain && j.Result.Faces.Header() == "" {
		return l, nil
	}
	l.faces = j.Result.Faces
	l.file, err = a.read(ctx, j.ID)
	return l, err
}

// run waits for a job's success, until a time at most.
func (a *API) run(ctx context.Context, caller job.Caller, until time.Time, o job.Options, in input) (job.Job, error) {
	const length = 24
	spec := job.Spec{
		ID: "a1111-" + dialect.Random(length), API: Name, Account: caller.ID, Price: a.config.Price,
		InputName: in.name, Input: in.info, Options: o, Sync: true,
	}
	host := a.services
	host.WaitLimit = time.Until(until)
	j, err := host.Run(ctx, spec, in.data)
	if fault.KindOf(err) == fault.NotFound {
		return j, lost(err)
	}
	if err != nil {
		return j, err
	}
	if !j.State.Final() {
		// The vendor has no call to ask again, so nobody could fetch the result.
		host.Abandon(ctx, j.ID)
	}
	return j, failureOf(j)
}

// failureOf is why a job has no picture.
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
		return exception("FileNotFoundError", "The network for this request is not installed on this server.")
	}
	// Not the failure's own kind: that of a job is no answer to a request.
	return fault.New(fault.Internal, "The job failed: %s: %s", j.Failure.Kind, j.Failure.Message)
}

// read is a job's picture.
func (a *API) read(ctx context.Context, id string) ([]byte, error) {
	file, _, err := a.services.Queue.Open(ctx, id)
	if err != nil {
		return nil, lost(err)
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, lost(err)
	}
	return data, nil
}

// lost keeps a result that is gone from looking like an unknown path.
func lost(err error) error {
	return fault.Wrap(fault.Internal, err, "The job's picture could not be read.")
}

// compose blends and crops layers. Only so many do at once as the operator
// allows: their pixels are in memory.
func (a *API) compose(ctx context.Context, p plan, layers []layer) ([]byte, error) {
	select {
	case a.slots <- struct{}{}:
		defer func() { <-a.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	opened := make([]frames, len(layers))
	for i, l := range layers {
		var err error
		if opened[i], err = a.open(p, l); err != nil {
			return nil, err
		}
	}
	whole := opened[0]
	if len(opened) > 1 {
		whole = blended{whole, opened[1], p.share}
	}
	if p.cropWidth > 0 {
		whole = cropped(whole, p.cropWidth, p.cropHeight)
	}
	return writePNG(ctx, whole)
}

// open gives a layer's frames at the plan's size.
func (a *API) open(p plan, l layer) (frames, error) {
	decoder, err := decode.Open(l.file, imagedata.Limits{Pixels: a.config.MaxOutputPixels})
	if err != nil {
		return nil, l.judge(err)
	}
	judged := judgedFrames{decoder, l}
	if l.plain && l.name != none {
		return resized(judged, p.width, p.height, l.name), nil
	}
	return judged, nil
}

// judgedFrames tell a client's damaged picture from a network's.
type judgedFrames struct {
	frames
	layer layer
}

func (f judgedFrames) Next() (imagedata.Frame, error) {
	frame, err := f.frames.Next()
	return frame, f.layer.judge(err)
}

// judge translates a decoder's error: only a file of the client's is the
// client's fault.
func (l layer) judge(err error) error {
	switch {
	case err == nil:
		return nil
	case !l.plain || l.faces != nil:
		return lost(err)
	case fault.KindOf(err) == fault.TooLarge:
		return errPixels
	}
	return errEncoded
}
