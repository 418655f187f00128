package jobtest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// upload is a stored file.
type upload struct {
	job.Upload
	data []byte
}

// PutUpload implements job.Uploads.
func (q *Queue) PutUpload(ctx context.Context, u job.Upload, data []byte) (job.Upload, error) {
	if err := ctx.Err(); err != nil {
		return job.Upload{}, err
	}
	q.mutex.Lock()
	defer q.mutex.Unlock()
	now := q.now().UTC()
	used := int64(len(data))
	for id, other := range q.uploads {
		switch {
		case !now.Before(other.Expires):
			delete(q.uploads, id)
		case id == u.ID:
			return job.Upload{}, fault.New(fault.Invalid, "There is a file %s already.", u.ID)
		case other.Account == u.Account:
			used += other.Bytes
		}
	}
	if used > cmp.Or(q.UploadBytes, 1<<30) {
		return job.Upload{}, fault.New(fault.RateLimited, "There is no space for the file: delete others first.")
	}
	sum256, sum5 := sha256.Sum256(data), md5.Sum(data)
	u.Bytes, u.SHA256, u.MD5 = int64(len(data)), hex.EncodeToString(sum256[:]), hex.EncodeToString(sum5[:])
	u.Created, u.Expires = now, now.Add(cmp.Or(q.Retention, 24*time.Hour))
	if q.uploads == nil {
		q.uploads = map[string]upload{}
	}
	q.uploads[u.ID] = upload{u, bytes.Clone(data)}
	return u, nil
}

// find returns a file that has not expired. The mutex is held.
func (q *Queue) find(id string) (upload, error) {
	u, known := q.uploads[id]
	if !known || !q.now().Before(u.Expires) {
		return upload{}, fault.New(fault.NotFound, "There is no such file, or it has expired.")
	}
	return u, nil
}

// Upload implements job.Uploads.
func (q *Queue) Upload(_ context.Context, id string) (job.Upload, error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	u, err := q.find(id)
	return u.Upload, err
}

// ReadUpload implements job.Uploads.
func (q *Queue) ReadUpload(_ context.Context, id string) ([]byte, error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	u, err := q.find(id)
	return bytes.Clone(u.data), err
}

// DeleteUpload implements job.Uploads.
func (q *Queue) DeleteUpload(_ context.Context, id string) error {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	_, err := q.find(id)
	delete(q.uploads, id)
	return err
}
