package job

import (
	"context"
	"time"
)

// Upload describes a file that a caller stored to use in jobs later.
type Upload struct {
	// ID is chosen by the dialect, unguessable and unique.
	ID      string `json:"id"`
	API     string `json:"api"`
	Account string `json:"account,omitempty"`
	// Name and ContentType are the client's, for display only.
	Name        string `json:"name"`
	ContentType string `json:"content_type"`
	Bytes       int64  `json:"bytes"`
	// SHA256 and MD5 are hexadecimal digests of the contents.
	SHA256  string    `json:"sha256"`
	MD5     string    `json:"md5"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
}

// Uploads store files for as long as results are kept. All methods may be called
// concurrently and from several processes.
type Uploads interface {
	// PutUpload stores a file durably and sets Bytes, digests and times. It fails
	// with fault.RateLimited if the account's files would exceed its limit.
	PutUpload(ctx context.Context, u Upload, data []byte) (Upload, error)
	// Upload returns the description; fault.NotFound if unknown or expired.
	Upload(ctx context.Context, id string) (Upload, error)
	// ReadUpload returns the contents; fault.NotFound likewise.
	ReadUpload(ctx context.Context, id string) ([]byte, error)
	// ListUploads returns files of an API and account, the newest first, and the
	// cursor of the next page as Lister.List does.
	ListUploads(ctx context.Context, page Page) (files []Upload, next string, err error)
	// DeleteUpload removes the file; fault.NotFound likewise.
	DeleteUpload(ctx context.Context, id string) error
}
