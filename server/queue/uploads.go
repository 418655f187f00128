package queue

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// uploadRecord is an upload as it is stored. It is written after its contents,
// so that what is found is whole; contents that a crash left without a record
// are cleared away.
type uploadRecord struct {
	job.Upload
	// Object names the contents in the object store.
	Object string `json:"object"`
}

// noUpload answers for unknown and expired uploads.
func noUpload() error {
	return fault.New(fault.NotFound, "There is no such file, or it has expired.")
}

// PutUpload implements job.Uploads. Before Run knows all uploads it waits.
func (q *Queue) PutUpload(ctx context.Context, u job.Upload, data []byte) (job.Upload, error) {
	const longest = 1024 // bytes of a name or a type
	ctx, stop := context.WithTimeout(ctx, submitLimit)
	defer stop()
	switch {
	case !validID(u.ID):
		return job.Upload{}, fault.New(fault.Internal, "The file's ID is not made of letters, digits, - and _.")
	case len(u.Name) > longest || len(u.ContentType) > longest:
		return job.Upload{}, fault.New(fault.Invalid, "The file's name or type is longer than %d bytes.", longest)
	}
	select {
	case <-q.shelf.loaded:
	case <-ctx.Done():
		return job.Upload{}, ctx.Err()
	}
	sum256, sum5 := sha256.Sum256(data), md5.Sum(data) // MD5 is for clients that ask for it, not for safety
	u.Bytes, u.SHA256, u.MD5 = int64(len(data)), hex.EncodeToString(sum256[:]), hex.EncodeToString(sum5[:])
	u.Created = q.options.Now().UTC()
	u.Expires = u.Created.Add(q.options.Retention)
	if err := q.connection.room(len(data)); err != nil {
		return job.Upload{}, err
	}
	if err := q.shelf.reserve(u.ID, shelvedAs(u), q.options.UploadBytes, u.Created); err != nil {
		return job.Upload{}, err
	}
	r := uploadRecord{Upload: u, Object: uploadObject(u.ID)}
	if err := q.shelve(ctx, r, data); err != nil {
		q.shelf.remove(u.ID)
		_ = q.images.Delete(context.WithoutCancel(ctx), r.Object) // else it expires
		return job.Upload{}, err
	}
	q.shelf.add(u.ID, shelvedAs(u))
	return u, nil
}

// uploadOwner begins the names of uploads' contents, as no job's can begin.
const uploadOwner = "@upload"

// uploadObject names an upload's contents, anew each time.
func uploadObject(id string) string { return uploadOwner + "/" + id + "/" + randomToken() }

// shelve stores contents and record in this order.
func (q *Queue) shelve(ctx context.Context, r uploadRecord, data []byte) error {
	value, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode upload: %w", err)
	}
	if err := q.storeImage(ctx, r.Object, data); err != nil {
		return err
	}
	q.passed(StepContents, r.ID)
	err = q.persist(ctx, func(ctx context.Context) error {
		_, err := q.uploads.Create(ctx, r.ID, value)
		return err
	})
	if isConflict(err) {
		// A try whose answer was lost may have written it.
		if stored, readErr := q.uploadRecord(ctx, r.ID); readErr != nil || stored.Object != r.Object {
			return fault.Wrap(fault.Invalid, err, "There is a file %s already.", r.ID)
		}
		return nil
	} else if err != nil {
		return fmt.Errorf("record upload: %w", err)
	}
	q.passed(StepDescribed, r.ID)
	return nil
}

func decodeUpload(entry jetstream.KeyValueEntry) (uploadRecord, error) {
	var r uploadRecord
	err := json.Unmarshal(entry.Value(), &r)
	if err == nil && (r.ID != entry.Key() || r.Bytes < 0 || r.Object == "") {
		err = errForeign
	}
	if err != nil {
		return uploadRecord{}, fmt.Errorf("decode upload %s: %w", entry.Key(), err)
	}
	return r, nil
}

func (q *Queue) uploadRecord(ctx context.Context, id string) (uploadRecord, error) {
	if !validID(id) {
		return uploadRecord{}, noUpload()
	}
	entry, err := q.uploads.Get(ctx, id)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return uploadRecord{}, noUpload()
	} else if err != nil {
		return uploadRecord{}, fmt.Errorf("read upload: %w", err)
	}
	r, err := decodeUpload(entry)
	if err != nil {
		return uploadRecord{}, err
	}
	if !q.options.Now().Before(r.Expires) {
		return uploadRecord{}, noUpload()
	}
	return r, nil
}

// Upload implements job.Uploads.
func (q *Queue) Upload(ctx context.Context, id string) (job.Upload, error) {
	r, err := q.uploadRecord(ctx, id)
	return r.Upload, err
}

// ReadUpload implements job.Uploads.
func (q *Queue) ReadUpload(ctx context.Context, id string) ([]byte, error) {
	r, err := q.uploadRecord(ctx, id)
	if err != nil {
		return nil, err
	}
	return q.loadImage(ctx, r.Object, noUpload())
}

// DeleteUpload implements job.Uploads.
func (q *Queue) DeleteUpload(ctx context.Context, id string) error {
	r, err := q.uploadRecord(ctx, id)
	if err != nil {
		return err
	}
	if err := q.uploads.Purge(ctx, id); err != nil {
		return fmt.Errorf("delete upload: %w", err)
	}
	q.passed(StepUndescribed, id)
	q.shelf.remove(id)
	if err := q.images.Delete(ctx, r.Object); err != nil {
		q.options.Log.Warn("contents of a file are removed later", "upload", id, "error", err)
	}
	q.passed(StepContentsGone, id)
	return nil
}

// noteUpload hears of a stored or deleted upload.
func (q *Queue) noteUpload(entry jetstream.KeyValueEntry) {
	if entry.Operation() != jetstream.KeyValuePut {
		q.shelf.remove(entry.Key())
		return
	}
	r, err := decodeUpload(entry)
	if err != nil {
		q.options.Log.Error("unreadable upload", "upload", entry.Key(), "error", err)
		return
	}
	q.shelf.add(r.ID, shelvedAs(r.Upload))
}
