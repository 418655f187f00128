// Package job defines the types that the dialects, the queue and the worker share: jobs
// with their states, and the interfaces of the queue. It imports no other package of
// the server.
package job

import (
	"context"
	"io"
	"time"

	"upscaled/models/fault"
)

// State of a job: queued, running, then one of the final states. The job of a
// worker that dies goes back to queued.
type State string

const (
	Queued    State = "queued"
	Running   State = "running"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Canceled  State = "canceled"
)

// Final reports whether the state cannot change any more.
func (s State) Final() bool { return s == Succeeded || s == Failed || s == Canceled }

// Priority orders jobs that wait. Jobs of a higher priority begin first; within one,
// they begin in the order of submission.
type Priority string

const (
	High   Priority = "high"
	Normal Priority = ""
	Low    Priority = "low"
)

// Lane is one of the queues that jobs wait in.
type Lane string

// The lanes: images never wait behind larger ones, or behind films.
const (
	Small Lane = "small"
	Large Lane = "large"
	Films Lane = "films"
	Parts Lane = "parts" // of films
)

// Options are a dialect's options for the engine. Zero values mean the server's
// defaults. At most one of Scale, Longest, Width/Height and FitWidth/FitHeight is
// set.
type Options struct {
	Model   string  `json:"model,omitempty"`
	Scale   float64 `json:"scale,omitempty"`
	Longest int     `json:"longest,omitempty"`
	Width   int     `json:"width,omitempty"`
	Height  int     `json:"height,omitempty"`
	// MaxInputWidth, in pixels, shrinks a wider input to this width first.
	MaxInputWidth int `json:"max_input_width,omitempty"`
	// Format is an imagedata.Format; "" keeps the input's.
	Format  string `json:"format,omitempty"`
	Quality int    `json:"quality,omitempty"`
	// FitWidth and FitHeight, in pixels, are the box that the result fits into.
	FitWidth  int `json:"fit_width,omitempty"`
	FitHeight int `json:"fit_height,omitempty"`
	// Denoise is 0..1 for models with a denoising variant; nil is the default.
	Denoise *float64 `json:"denoise,omitempty"`
	// Lossless selects lossless WebP; Strip drops metadata.
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
	// Tile is the side of a tile in input pixels; 0 derives it from the memory.
	Tile        int  `json:"tile,omitempty"`
	FaceEnhance bool `json:"face_enhance,omitempty"`
	// Face overrides the server's settings of face enhancement.
	Face *FaceOptions `json:"face,omitempty"`
	// Film, if not nil, means that the input is a film. Format is then a file extension.
	Film *FilmOptions `json:"film,omitempty"`
}

// FilmOptions are options of a film; zero values mean the usual.
type FilmOptions struct {
	// Codec and Preset are names of package film's.
	Codec  string `json:"codec,omitempty"`
	Preset string `json:"preset,omitempty"`
	// Quality is the codec's CRF.
	Quality *int `json:"quality,omitempty"`
	// From and To, in seconds, cut the film.
	From float64 `json:"from,omitempty"`
	To   float64 `json:"to,omitempty"`
	// Frames is how many frames the film was paid for.
	Frames int64 `json:"frames,omitempty"`
	// Note is a sentence for the user about the film.
	Note string `json:"note,omitempty"`
}

// Layer is a second way to upscale the same image to the same size.
type Layer struct {
	Model  string `json:"model,omitempty"`
	Filter string `json:"filter,omitempty"`
	// Visibility is 0 to 1: the layer's part in the result.
	Visibility float64 `json:"visibility"`
}

// FaceOptions are settings of one request; nil and zero values mean the server's.
type FaceOptions struct {
	// Strength is 0..1.
	Strength *float64 `json:"strength,omitempty"`
	// Minimum is the shortest side of a face, in input pixels.
	Minimum    int   `json:"minimum,omitempty"`
	OnlyCentre *bool `json:"only_centre,omitempty"`
	// At holds points, as X and Y in pixels of the upright input; see engine.Faces.
	At [][2]float64 `json:"at,omitempty"`
	// Restorer is a name, Missing an engine.FaceMissing.
	Restorer string `json:"restorer,omitempty"`
	Missing  string `json:"missing,omitempty"`
	// Report is an engine.FaceReport.
	Report string `json:"report,omitempty"`
}

// Spec is a submission of a dialect. The dialect chooses the ID, in its vendor's
// format; IDs are unguessable and unique among all dialects.
type Spec struct {
	ID string `json:"id"`
	// API is the dialect's name, such as "mnml".
	API string `json:"api"`
	// Account pays and owns the job; "" when authentication is off.
	Account string `json:"account,omitempty"`
	// Browser is the random name that a browser gave itself on a server without keys,
	// where it stands for the account in listings; "" for other clients.
	Browser string `json:"browser,omitempty"`
	// Price, in credits, is taken on acceptance and refunded unless the job succeeds.
	Price int64 `json:"price"`
	// InputName is the client's name of the file, for display only.
	InputName string  `json:"input_name,omitempty"`
	Options   Options `json:"options"`
	// Sync marks a job whose result only the call that submits it can return: if
	// the process of that call dies, the job is canceled.
	Sync bool `json:"waited,omitempty"`
	// Webhook, if not nil, is called when the job ends.
	Webhook *Webhook `json:"webhook,omitempty"`
	// Memo holds the dialect's own data of the request, at most some KiB.
	Memo string `json:"memo,omitempty"`
	// Trace is the W3C traceparent of the span that submitted the job, or "".
	Trace string `json:"trace,omitempty"`
	// Film is the job of the film that this job is a part of, "" for all others. A part
	// is not listed, and ends with its film.
	Film string `json:"film,omitempty"`
	// File, if not nil, is the input in place of Submit's bytes. It is not part of the
	// record.
	File Content `json:"-"`
	// ClientID marks an ID that a client chose, so that others may submit the same.
	ClientID bool `json:"-"`
	// Part numbers the jobs of one request, from 0. It, ClientID and Once are not part
	// of the record.
	Part int `json:"-"`
	// Once, if not nil, makes a repeated submission return the first one's job.
	Once *Once `json:"-"`
	// Input describes the image, as the ImageValidator did. It is for submission
	// only and not part of the record.
	Input InputInfo `json:"-"`
}

// Content is an input or a result that is too large for memory.
type Content interface {
	io.ReaderAt
	Size() int64 // in bytes
}

// Once identifies a request, which its client may repeat for OnceFor.
type Once struct {
	// Key is a digest of the caller and its Idempotency-Key, Request one of
	// everything that the request asks for.
	Key, Request string
}

// OnceFor is how long repeated requests are recognized.
const OnceFor = 24 * time.Hour

// Result describes the stored result of a succeeded job.
type Result struct {
	// Format is an imagedata.Format; sizes are in pixels and bytes.
	Format       string `json:"format"`
	InputWidth   int    `json:"input_width"`
	InputHeight  int    `json:"input_height"`
	OutputWidth  int    `json:"output_width"`
	OutputHeight int    `json:"output_height"`
	Bytes        int64  `json:"bytes"`
	// Seconds is the engine's time.
	Seconds float64  `json:"seconds"`
	Model   string   `json:"model"`
	Notes   []string `json:"notes,omitempty"`
	// Faces is nil unless face enhancement was requested.
	Faces *Faces `json:"faces,omitempty"`
	// Frames is the number of frames of a film, or of a part of one, and Computed that
	// of those which differ from the one before; 0 for images.
	Frames   int `json:"frames,omitempty"`
	Computed int `json:"computed,omitempty"`
}

// Faces counts the faces of an image.
type Faces struct {
	Found    int `json:"found"`
	Enhanced int `json:"enhanced"`
	// Restorer is the model's name. Refined marks a super-resolution model, which
	// is used if no face restorer is installed.
	Restorer string `json:"restorer"`
	Refined  bool   `json:"refined,omitempty"`
	// List holds the faces of the first frame, if they were asked for.
	List []Face `json:"list,omitempty"`
}

// Face is a place in the upright input, in pixels rounded to tenths.
type Face struct {
	Left   float64 `json:"left"`
	Top    float64 `json:"top"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
	Score  float64 `json:"score"`
	// Frontal is 1 for a face that looks at the camera and 0 for a profile.
	Frontal float64 `json:"frontal"`
	// Points are the centers of the eyes, left of the image first, the tip of the nose,
	// and the left and right corners of the mouth, or twice its center.
	Points   [5][2]float64 `json:"points"`
	Enhanced bool          `json:"enhanced"`
}

// Header returns the value of FaceHeader: the model's name, with a mark if it only
// refines; "" if no face was enhanced.
func (f *Faces) Header() string {
	switch {
	case f == nil || f.Enhanced == 0:
		return ""
	case f.Refined:
		return f.Restorer + "; refined"
	}
	return f.Restorer
}

// FaceHeader is the response header that names the restorer.
const FaceHeader = "X-Face-Restorer"

// Failure is the reason of a failed job; Message is meant for users.
type Failure struct {
	Kind    fault.Kind `json:"kind"`
	Message string     `json:"message"`
}

// Job is the record of one job.
type Job struct {
	Spec
	State    State    `json:"state"`
	Progress float64  `json:"progress"` // 0..1
	Attempts int      `json:"attempts"`
	Priority Priority `json:"priority,omitempty"`
	// Worker is the name of the worker that runs or last ran the job.
	Worker   string    `json:"worker,omitempty"`
	Created  time.Time `json:"created"`
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
	Result   *Result   `json:"result,omitempty"`
	Failure  *Failure  `json:"failure,omitempty"`
}

// Submitted is an accepted job and the account's balance after the charge, nil if
// the account is unlimited or authentication is off.
type Submitted struct {
	Job     Job
	Credits *int64
	// Repeated marks a job that an earlier submission of the same Once made; then
	// Job is its latest record and Credits is nil.
	Repeated bool
}

// Queue accepts jobs and returns their results. All methods may be called
// concurrently and from several processes on one store.
type Queue interface {
	// Submit accepts a job durably: once it returns nil the job reaches a final
	// state whatever happens to the process. It leaves no trace if it fails with
	// fault.Busy (queue full), NoCredits, RateLimited or Conflict (the ID is taken).
	// Submissions with the same Once.Key and Part make one job, also concurrent ones;
	// fault.Conflict if their Once.Request differs, or if that job has expired.
	Submit(ctx context.Context, spec Spec, input []byte) (Submitted, error)
	// Get returns the record; fault.NotFound if unknown or expired.
	Get(ctx context.Context, id string) (Job, error)
	// Wait returns the record once its state is final, or the latest record and
	// the context's error.
	Wait(ctx context.Context, id string) (Job, error)
	// Open returns a succeeded job's image, or fault.NotFound. The caller closes
	// it.
	Open(ctx context.Context, id string) (io.ReadSeekCloser, Job, error)
	// Cancel stops a queued or running job soon; final jobs stay as they are. It
	// may be repeated.
	Cancel(ctx context.Context, id string) error
	// Revoke is Cancel, except that a job that has succeeded becomes a failed one: its
	// price is refunded and its result deleted.
	Revoke(ctx context.Context, id string) error
	// Delete removes a job's record and images, and the bytes of the images from the
	// store's files too. It cancels a job that is not final; the price of a succeeded
	// one stays paid. fault.NotFound if it is unknown, expired or deleted already.
	Delete(ctx context.Context, id string) error
}

// InputInfo describes a validated input image.
type InputInfo struct {
	Format          string // an imagedata.Format
	Width, Height   int    // in pixels
	Channels, Depth int    // without alpha; bits per sample
	Alpha           bool
	Frames          int
	Drawn           bool // whether a film whose model is open is drawn
}

// Pixels returns the number of pixels of all frames together.
func (i InputInfo) Pixels() int64 {
	return int64(i.Width) * int64(i.Height) * int64(max(1, i.Frames))
}

// ImageValidator decodes an image and describes it. It returns fault.Invalid for a
// broken file or one that is not an image, fault.Unsupported for an unreadable
// format, and fault.TooLarge. It ends early with the context, whose caller it serves
// in turn with others.
type ImageValidator interface {
	Validate(ctx context.Context, data []byte) (InputInfo, error)
}
