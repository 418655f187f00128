package replicate

import (
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Config holds the operator's settings. MaxBytes limits downloaded, sent and
// uploaded files alike.
type Config struct {
	dialect.Config
	// DataURIBelow returns results of fewer bytes as data URIs to DataURIClients
	// that reach the server over plain http: they make files only of https: and
	// data: URLs. 0 always returns URLs.
	DataURIBelow int64
	// DataURIClients are beginnings of the User-Agent headers of such clients.
	DataURIClients []string
	// Models are the names (owner/name) that are recognized. The vendor's three have
	// their own inputs, others the inputs of nightmareai/real-esrgan. None means the
	// default ones.
	Models []string
	// Versions are IDs of versions that mean the first model, beside the known ones.
	Versions []string
}

// Defaults are the vendor's model, and room for a camera's images. JavaScript
// engines limit a string to about 2^29 characters, in base64 384 MiB.
func Defaults() Config {
	return Config{
		Config: dialect.Config{Price: 1, MaxBytes: 32 << 20}, Models: []string{"nightmareai/real-esrgan", "cjwbw/real-esrgan", "xinntao/realesrgan"},
		DataURIBelow: 256 << 20, DataURIClients: []string{"replicate-javascript/1.", "replicate-python/1."},
	}
}

// Stores are the services that this API needs beyond those of all dialects.
type Stores struct {
	Fetcher dialect.Fetcher
	Uploads job.Uploads
	Lister  job.Lister
	// CheckWebhook validates the URL of a webhook; clients read its errors. nil
	// rejects all webhooks.
	CheckWebhook func(url string) error
	// WebhookSecret returns the secret that signs the webhooks of an account; nil if
	// there are none.
	WebhookSecret func(account string) string
}
