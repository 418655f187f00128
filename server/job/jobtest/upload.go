package jobtest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
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
	at := now(q).UTC()
	used := int64(len(data))
	for id, other := range q.uploads {
		switch {
		case !at.Before(other.Expires):
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
	u.Created, u.Expires = at, at.Add(cmp.Or(q.Retention, 24*time.Hour))
	if q.uploads == nil {
		q.uploads = map[string]upload{}
	}
	q.uploads[u.ID] = upload{u, bytes.Clone(data)}
	return u, nil
}

// find returns a file that has not expired. The mutex is held.
func find(q *Queue, id string) (upload, error) {
	u, known := q.uploads[id]
	if !known || !now(q).Before(u.Expires) {
		return upload{}, fault.New(fault.NotFound, "There is no such file, or it has expired.")
	}
	return u, nil
}

// Upload implements job.Uploads.
func (q *Queue) Upload(_ context.Context, id string) (job.Upload, error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	u, err := find(q, id)
	return u.Upload, err
}

// ReadUpload implements job.Uploads.
func (q *Queue) ReadUpload(_ context.Context, id string) ([]byte, error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	u, err := find(q, id)
	return bytes.Clone(u.data), err
}

// ListUploads implements job.Uploads.
func (q *Queue) ListUploads(_ context.Context, page job.Page) (files []job.Upload, next string, err error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	cursor := func(u job.Upload) string { return u.Expires.Format(time.RFC3339Nano) + u.ID }
	for id := range q.uploads {
		if u, err := find(q, id); err == nil && u.API == page.API && u.Account == page.Account && (page.Before == "" || cursor(u.Upload) < page.Before) {
			files = append(files, u.Upload)
		}
	}
	slices.SortFunc(files, func(a, b job.Upload) int { return strings.Compare(cursor(b), cursor(a)) })
	if limit := min(max(page.Limit, 1), job.LongestPage); len(files) > limit {
		files = files[:limit]
		next = cursor(files[limit-1])
	}
	return files, next, nil
}

// DeleteUpload implements job.Uploads.
func (q *Queue) DeleteUpload(_ context.Context, id string) error {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	_, err := find(q, id)
	delete(q.uploads, id)
	return err
}
