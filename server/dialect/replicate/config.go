package replicate

import (
	"context"

	"upscaled/server/job"
)

// Config is what an operator may set.
type Config struct {
	// Price of one picture in credits.
	Price int64
	// MaxBytes bounds a picture's file, fetched, sent or uploaded.
	MaxBytes int64
	// MaxPixels and MaxSide bound an input picture, in pixels; with 0 only the
	// engine's own limit holds.
	MaxPixels int64
	MaxSide   int
	// DataURIBelow has results of fewer bytes answered as data URIs to clients
	// that reach the server over plain http: the vendor's clients make files
	// of https: and data: URLs only. 0 answers URLs always.
	DataURIBelow int64
	// Models are the names (owner/name) that are answered; all mean this
	// server's own model. The first is told where a client names a version
	// only. None are the default ones.
	Models []string
}

// Defaults are the vendor's model, and room for a camera's pictures.
func Defaults() Config {
	return Config{Price: 1, MaxBytes: 32 << 20, Models: []string{"nightmareai/real-esrgan"}}
}

// Fetcher downloads a picture from a URL that a stranger named. Its faults'
// sentences are shown to that stranger: fault.Invalid for a URL that is not
// acceptable, fault.TooLarge and fault.FetchFailed.
type Fetcher interface {
	Fetch(ctx context.Context, url string) ([]byte, error)
}

// Stores are what this API needs beside the host.
type Stores struct {
	Fetcher Fetcher
	Uploads job.Uploads
	Lister  job.Lister
	// CheckWebhook judges the URL of a webhook; its faults' sentences are
	// shown. nil means that webhooks are not sent: asking for one is refused.
	CheckWebhook func(url string) error
}
