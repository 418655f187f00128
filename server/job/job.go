// Package job is the vocabulary that the dialects, the queue and the worker
// share: what a job is, which states it goes through and what may be asked of
// the queue. It is a leaf.
package job

import (
	"context"
	"io"
	"time"

	"upscaled/models/fault"
)

// State of a job. It only moves forward: queued -> running -> one of the final
// states; a worker that dies moves running back to queued.
type State string

const (
	Queued    State = "queued"
	Running   State = "running"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Canceled  State = "canceled"
)

// Final says that the state will not change any more.
func (s State) Final() bool { return s == Succeeded || s == Failed || s == Canceled }

// Options are what a dialect may ask of the engine. Zero values mean "the
// server's default". At most one of Scale, Longest, Width/Height and
// FitWidth/FitHeight is set.
type Options struct {
	Model   string  `json:"model,omitempty"`
	Scale   float64 `json:"scale,omitempty"`
	Longest int     `json:"longest,omitempty"`
	Width   int     `json:"width,omitempty"`
	Height  int     `json:"height,omitempty"`
	// MaxInputWidth reduces a wider picture to this width first, in pixels.
	MaxInputWidth int `json:"max_input_width,omitempty"`
	// Format is a picture.Format; "" keeps the input's.
	Format  string `json:"format,omitempty"`
	Quality int    `json:"quality,omitempty"`
	// FitWidth and FitHeight bound a box that the result fills, in pixels.
	FitWidth  int `json:"fit_width,omitempty"`
	FitHeight int `json:"fit_height,omitempty"`
	// Denoise is 0..1 for networks with a denoising twin; nil leaves it be.
	Denoise *float64 `json:"denoise,omitempty"`
	// Lossless asks WebP for its lossless form; Strip drops metadata.
	Lossless bool `json:"lossless,omitempty"`
	Strip    bool `json:"strip,omitempty"`
	// Filter is an engine.Filter that resizes without a model; "" runs the model.
	Filter string `json:"filter,omitempty"`
	// Second, if not nil, is blended over the result.
	Second *Layer `json:"second,omitempty"`
	// CropWidth and CropHeight, in pixels, cut the center out of the result; 0 keeps
	// it whole.
	CropWidth  int `json:"crop_width,omitempty"`
	CropHeight int `json:"crop_height,omitempty"`
	// Tile is the side of a tile in input pixels; 0 plans it from memory.
	Tile        int  `json:"tile,omitempty"`
	FaceEnhance bool `json:"face_enhance,omitempty"`
	// Face changes the server's way of enhancing faces; nil leaves it be.
	Face *FaceOptions `json:"face,omitempty"`
}

// Layer is a second way to upscale the same image to the same size.
type Layer struct {
	Model  string `json:"model,omitempty"`
	Filter string `json:"filter,omitempty"`
	// Visibility is 0 to 1: the layer's part in the result.
	Visibility float64 `json:"visibility"`
}

// FaceOptions are one request's own; nil and zero values mean the server's.
type FaceOptions struct {
	// Strength is 0..1.
	Strength *float64 `json:"strength,omitempty"`
	// Minimum is the shortest side of a face, in input pixels.
	Minimum    int   `json:"minimum,omitempty"`
	OnlyCentre *bool `json:"only_centre,omitempty"`
	// Restorer is a name, Missing an engine.FaceMissing.
	Restorer string `json:"restorer,omitempty"`
	Missing  string `json:"missing,omitempty"`
}

// Spec is what a dialect submits. The dialect makes the ID, in its vendor's
// form; IDs are unguessable and unique among all dialects.
type Spec struct {
	ID string `json:"id"`
	// API is the dialect's name, such as "mnml".
	API string `json:"api"`
	// Account pays and owns the job; "" when authentication is off.
	Account string `json:"account,omitempty"`
	// Price in credits, taken on acceptance, given back unless it succeeds.
	Price int64 `json:"price"`
	// InputName is the client's name of the file, for display only.
	InputName string  `json:"input_name,omitempty"`
	Options   Options `json:"options"`
	// Sync marks a job whose result only the call that submits it can return: if
	// the process of that call dies, the job is canceled.
	Sync bool `json:"waited,omitempty"`
	// Webhook, where not nil, is called when the job ends.
	Webhook *Webhook `json:"webhook,omitempty"`
	// Memo is what the dialect wants to remember of the request, in a form of
	// its own; at most some KiB. Nobody else reads it.
	Memo string `json:"memo,omitempty"`
	// Trace is the W3C traceparent of the span that submitted the job; "" where
	// none is kept.
	Trace string `json:"trace,omitempty"`
}

// Result describes the stored result of a succeeded job.
type Result struct {
	// Format is a picture.Format; sizes are in pixels and bytes.
	Format       string `json:"format"`
	InputWidth   int    `json:"input_width"`
	InputHeight  int    `json:"input_height"`
	OutputWidth  int    `json:"output_width"`
	OutputHeight int    `json:"output_height"`
	Bytes        int64  `json:"bytes"`
	// Seconds the engine worked on it.
	Seconds float64  `json:"seconds"`
	Model   string   `json:"model"`
	Notes   []string `json:"notes,omitempty"`
	// Faces is nil where none were to be enhanced.
	Faces *Faces `json:"faces,omitempty"`
}

// Faces tell what became of a picture's faces.
type Faces struct {
	Found    int `json:"found"`
	Enhanced int `json:"enhanced"`
	// Restorer is the network's name. Refined says that it is a
	// super-resolution network, used where no face restorer is installed.
	Restorer string `json:"restorer"`
	Refined  bool   `json:"refined,omitempty"`
}

// Header is the value of X-Face-Restorer: the network's name, marked where it
// only refines; "" where no face was enhanced.
func (f *Faces) Header() string {
	switch {
	case f == nil || f.Enhanced == 0:
		return ""
	case f.Refined:
		return f.Restorer + "; refined"
	}
	return f.Restorer
}

// FaceHeader is the header's name.
const FaceHeader = "X-Face-Restorer"

// Failure says why a job failed; Message is fit for users.
type Failure struct {
	Kind    fault.Kind `json:"kind"`
	Message string     `json:"message"`
}

// Job is the record of one job.
type Job struct {
	Spec
	State    State     `json:"state"`
	Progress float64   `json:"progress"` // 0..1
	Attempts int       `json:"attempts"`
	Created  time.Time `json:"created"`
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
	Result   *Result   `json:"result,omitempty"`
	Failure  *Failure  `json:"failure,omitempty"`
}

// Submitted is what acceptance tells: the job and the account's balance after
// paying, nil when the account is unlimited or authentication is off.
type Submitted struct {
	Job     Job
	Credits *int64
}

// Queue is what a dialect may ask. All methods may be called concurrently and
// from several processes on one store.
type Queue interface {
	// Submit accepts a job durably: once it returns nil the job reaches a
	// final state whatever happens to the process. It fails without a trace
	// with fault.Busy (queue full), NoCredits or RateLimited.
	Submit(ctx context.Context, spec Spec, input []byte) (Submitted, error)
	// Get gives the record; fault.NotFound when unknown or expired.
	Get(ctx context.Context, id string) (Job, error)
	// Wait gives the record once its state is final, or the latest record and
	// the context's error.
	Wait(ctx context.Context, id string) (Job, error)
	// Open gives a succeeded job's picture, or fault.NotFound. The caller
	// closes it.
	Open(ctx context.Context, id string) (io.ReadSeekCloser, Job, error)
	// Cancel stops a queued or running job soon; final jobs are left alone.
	// It may be repeated.
	Cancel(ctx context.Context, id string) error
}

// InputInfo is what a header tells of a picture before it is decoded.
type InputInfo struct {
	Format        string
	Width, Height int
	Alpha         bool
	Frames        int
}

// ImageValidator reads a picture's header: fault.Invalid for what is no picture or is
// broken, fault.Unsupported for a format that cannot be read, fault.TooLarge.
type ImageValidator interface {
	Probe(data []byte) (InputInfo, error)
}
