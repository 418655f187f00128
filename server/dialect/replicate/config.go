package replicate

import (
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Config holds the operator's settings. MaxBytes limits downloaded, sent and
// uploaded files alike.
type Config struct {
	dialect.Config
	// DataURIBelow returns results of fewer bytes as data URIs to clients that
	// reach the server over plain http: the vendor's clients make files only of
	// https: and data: URLs. 0 always returns URLs.
	DataURIBelow int64
	// Models are the names (owner/name) that are recognized; all mean this
	// server's own model. The first is reported if a client names only a
	// version. None means the default ones.
	Models []string
}

// Defaults are the vendor's model, and room for a camera's images.
func Defaults() Config {
	return Config{Config: dialect.Config{Price: 1, MaxBytes: 32 << 20}, Models: []string{"nightmareai/real-esrgan"}}
}

// Stores are what this API needs beyond the services that all dialects get.
type Stores struct {
	Fetcher dialect.Fetcher
	Uploads job.Uploads
	Lister  job.Lister
	// CheckWebhook validates the URL of a webhook; clients read its errors. nil
	// rejects all webhooks.
	CheckWebhook func(url string) error
}
