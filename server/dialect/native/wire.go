package native

import (
	"bytes"
	"math"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Job is the job object in responses, events and webhooks. Times are UTC, null
// until they are known.
type Job struct {
	ID    string    `json:"id"`
	State job.State `json:"state"`
	// Progress is 0..1.
	Progress   float64    `json:"progress"`
	CreatedAt  time.Time  `json:"created_at"`
	StartedAt  *time.Time `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"`
	// ExpiresAt is when record and result are deleted, null until the job is final.
	ExpiresAt *time.Time `json:"expires_at"`
	// Name is the client's file name.
	Name    string  `json:"name"`
	Options Options `json:"options"`
	// EstimateSeconds is the remaining time of a running job, by its progress so
	// far; null if unknown.
	EstimateSeconds *float64 `json:"estimate_seconds"`
	// Input is null if the record does not have it.
	Input  *Input   `json:"input"`
	Result *Result  `json:"result"`
	Error  *Failure `json:"error"`
	URLs   URLs     `json:"urls"`
}

// Input describes the input image; Bytes is the size of its file.
type Input struct {
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Format string `json:"format"`
	Bytes  int64  `json:"bytes,omitempty"`
	// Frames is at least the number of a film's frames, 0 for images.
	Frames int `json:"frames,omitempty"`
}

// Result describes the result; Bytes is the size of its file, Seconds the
// engine's time.
type Result struct {
	Width   int     `json:"width"`
	Height  int     `json:"height"`
	Format  string  `json:"format"`
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
	Model   string  `json:"model"`
	// Frames is 0 for images.
	Frames int      `json:"frames,omitempty"`
	Notes  []string `json:"notes"`
	// Faces is null if face enhancement was not requested.
	Faces *Faces `json:"faces"`
	// URL is signed: it needs no key and works until the job expires.
	URL string `json:"url"`
	// Filename is the name to save the image under.
	Filename string `json:"filename"`
}

// Faces describes the treatment of an image's faces.
type Faces struct {
	Found    int    `json:"found"`
	Enhanced int    `json:"enhanced"`
	Restorer string `json:"restorer"`
	Refined  bool   `json:"refined"`
	// List is left out unless the option faces asked for it.
	List []job.Face `json:"list,omitempty"`
}

// Failure is why a job failed.
type Failure struct {
	Kind   fault.Kind `json:"kind"`
	Detail string     `json:"detail"`
}

// URLs are the absolute URLs of a job's calls.
type URLs struct {
	Self   string `json:"self"`
	Events string `json:"events"`
	Result string `json:"result"`
	Cancel string `json:"cancel"`
}

// memo is the part of the request that a job's record keeps. Base is the URL by
// which the client reached the server.
type memo struct {
	Base   string `json:"base"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Format string `json:"format"`
	Bytes  int64  `json:"bytes"`
	Frames int    `json:"frames,omitempty"`
}

// objects makes job objects.
type objects struct {
	services  dialect.Services
	retention time.Duration
}

// Body returns the body of a job's webhook: the job object. base is the server's
// URL; "" means the one that the job's client used.
func (o objects) Body(j job.Job, base string) (contentType string, body []byte, err error) {
	if base = strings.TrimRight(base, "/"); base == "" {
		base = dialect.DecodeMemo[memo](j.Memo).Base
	}
	body, err = dialect.Marshal(o.object(j, base))
	return "application/json", bytes.TrimSpace(body), err
}

// view returns the job object for this request's client.
func (o objects) view(c echo.Context, j job.Job) Job {
	return o.object(j, o.services.BaseURL(c.Request()))
}

// object returns the job object with URLs below a base.
func (o objects) object(j job.Job, base string) Job {
	self := base + root + "/jobs/" + j.ID
	shown := Job{
		ID: j.ID, State: j.State, Progress: j.Progress, CreatedAt: milliseconds(j.Created),
		StartedAt: moment(j.Started), FinishedAt: moment(j.Finished), Name: j.InputName,
		Options: optionsView(j.Options), EstimateSeconds: o.estimate(j), Input: inputOf(j),
		URLs: URLs{Self: self, Events: self + "/events", Result: self + "/result", Cancel: self + "/cancel"},
	}
	if j.State.Final() && !j.Finished.IsZero() {
		shown.ExpiresAt = moment(j.Finished.Add(o.retention))
	}
	switch {
	case j.State == job.Succeeded && j.Result != nil:
		shown.Result = resultOf(j, o.services.Links.URL(base, j))
	case j.State == job.Failed:
		shown.Error = failureOf(j.Failure)
	}
	return shown
}

// estimate returns nil until there is some progress: before that, the time goes
// into loading a model.
func (o objects) estimate(j job.Job) *float64 {
	const least = 0.02
	spent := o.services.Now().Sub(j.Started).Seconds()
	if j.State != job.Running || j.Progress < least || j.Started.IsZero() || spent <= 0 {
		return nil
	}
	return new(math.Ceil(spent * max(0, 1-j.Progress) / j.Progress))
}

func inputOf(j job.Job) *Input {
	m := dialect.DecodeMemo[memo](j.Memo)
	if m.Width == 0 {
		return nil
	}
	return &Input{Width: m.Width, Height: m.Height, Format: m.Format, Bytes: m.Bytes, Frames: m.Frames}
}

func resultOf(j job.Job, url string) *Result {
	r := j.Result
	shown := &Result{
		Width: r.OutputWidth, Height: r.OutputHeight, Format: r.Format, Bytes: r.Bytes, Seconds: r.Seconds,
		Model: r.Model, Frames: r.Frames, Notes: append([]string{}, r.Notes...), URL: url, Filename: filename(j),
	}
	if r.Faces != nil {
		shown.Faces = &Faces{r.Faces.Found, r.Faces.Enhanced, r.Faces.Restorer, r.Faces.Refined, r.Faces.List}
	}
	return shown
}

// failureOf hides internal errors, as detail does.
func failureOf(f *job.Failure) *Failure {
	if f == nil || f.Message == "" || f.Kind == fault.Internal {
		return &Failure{fault.Internal, "The image could not be upscaled because of an error of the server."}
	}
	return &Failure{f.Kind, f.Message}
}

func milliseconds(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// moment returns nil for the zero time.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(milliseconds(t))
}
