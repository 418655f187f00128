package dialect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// Files are the files of an API's callers: those that they uploaded, and the results
// of their jobs. The IDs of both differ.
type Files struct {
	Services
	Uploads job.Uploads
	API     string
}

// File is an open file. Job made it; its ID is "" for an uploaded file.
type File struct {
	io.ReadSeekCloser
	Name, ContentType string
	Bytes             int64
	Job               job.Job
}

// Store stores an uploaded file. The image is validated when a job uses it.
func (f Files) Store(ctx context.Context, caller job.Caller, id, name string, data []byte) (job.Upload, error) {
	info, _ := f.Validator.Validate(ctx, data)
	return f.Uploads.PutUpload(ctx, job.Upload{
		ID: id, API: f.API, Account: caller.ID, Name: name, ContentType: Sniff(data, info.Format),
	}, data)
}

// Uploaded returns a file that the caller uploaded. Unknown and expired ones and those
// of other callers are all fault.NotFound.
func (f Files) Uploaded(ctx context.Context, caller job.Caller, id string) (job.Upload, error) {
	u, err := f.Uploads.Upload(ctx, id)
	//guard:upload-owner TestOneKeySeesNothingOfAnother TestInputsOfAnother => err == nil && u.API != f.API
	if err == nil && (u.API != f.API || u.Account != caller.ID) {
		return job.Upload{}, fault.New(fault.NotFound, "There is no such file.")
	}
	return u, err
}

// Open opens a file of the caller; fault.NotFound as for Uploaded and Owned.
func (f Files) Open(ctx context.Context, caller job.Caller, id string) (File, error) {
	u, err := f.Uploaded(ctx, caller, id)
	if fault.KindOf(err) == fault.NotFound {
		j, err := f.Owned(ctx, f.API, caller, id)
		if err != nil {
			return File{}, err
		}
		content, j, err := f.Queue.Open(ctx, id)
		if err != nil {
			return File{}, err
		}
		return File{content, j.InputName, "", j.Result.Bytes, j}, nil
	}
	if err != nil {
		return File{}, err
	}
	data, err := f.Uploads.ReadUpload(ctx, id)
	return File{memory{bytes.NewReader(data)}, u.Name, u.ContentType, u.Bytes, job.Job{}}, err
}

// Read returns a file of the caller, of at most limit bytes, and its name.
func (f Files) Read(ctx context.Context, caller job.Caller, id string, limit int64) (data []byte, name string, err error) {
	file, err := f.Open(ctx, caller, id)
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	if file.Bytes > limit {
		return nil, "", fault.New(fault.TooLarge, "The image is larger than %d bytes.", limit)
	}
	data, err = io.ReadAll(file)
	return data, file.Name, err
}

type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// OwnID returns an ID for a caller's own names of something, which lead no other
// caller to it.
func OwnID(prefix string, caller job.Caller, names ...string) string {
	//guard:own-id TestCallers => sha256.Sum256([]byte(strings.Join(names, "\x00")))
	sum := sha256.Sum256([]byte(strings.Join(append([]string{caller.ID}, names...), "\x00")))
	return prefix + hex.EncodeToString(sum[:16])
}
