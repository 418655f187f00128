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
	"upscaled/server/queue/index"
	"upscaled/server/queue/record"
)

// uploads implements job.Uploads.
type uploads struct {
	store   *store
	records jetstream.KeyValue
	index   *index.Uploads
}

func openUploads(ctx context.Context, s *store) (*uploads, error) {
	retention := s.options.Retention
	records, err := s.connection.bucket(ctx, uploadsBucket, retention+recordMargin(retention))
	return &uploads{s, records, index.NewUploads()}, err
}

// errNoUpload is returned for unknown and expired uploads.
func errNoUpload() error {
	return fault.New(fault.NotFound, "There is no such file, or it has expired.")
}

// PutUpload implements job.Uploads. It waits until Run knows all uploads.
func (s *uploads) PutUpload(ctx context.Context, u job.Upload, data []byte) (job.Upload, error) {
	const longest = 1024 // bytes of a name or a type
	o := s.store.options
	ctx, stop := context.WithTimeout(ctx, submitLimit)
	defer stop()
	switch {
	case !record.ValidID(u.ID):
		return job.Upload{}, fault.New(fault.Internal, "The file's ID has characters other than letters, digits, - and _.")
	case len(u.Name) > longest || len(u.ContentType) > longest:
		return job.Upload{}, fault.New(fault.Invalid, "The file's name or type is longer than %d bytes.", longest)
	}
	select {
	case <-s.index.Loaded():
	case <-ctx.Done():
		return job.Upload{}, ctx.Err()
	}
	sum256, sum5 := sha256.Sum256(data), md5.Sum(data) // MD5 is for clients that want it, not for security
	u.Bytes, u.SHA256, u.MD5 = int64(len(data)), hex.EncodeToString(sum256[:]), hex.EncodeToString(sum5[:])
	u.Created = o.Now().UTC()
	u.Expires = u.Created.Add(o.Retention)
	if err := s.store.connection.checkSpace(len(data)); err != nil {
		return job.Upload{}, err
	}
	if err := s.index.Reserve(u.ID, index.UsageOf(u), o.UploadBytes, u.Created); err != nil {
		return job.Upload{}, err
	}
	r := record.Upload{Upload: u, Image: record.UploadImage(u.ID, randomToken())}
	if err := s.put(ctx, r, data); err != nil {
		s.index.Remove(u.ID)
		s.store.dropImage(context.WithoutCancel(ctx), r.Image)
		return job.Upload{}, err
	}
	s.index.Add(u.ID, index.UsageOf(u))
	return u, nil
}

// put stores contents and record, in this order.
func (s *uploads) put(ctx context.Context, r record.Upload, data []byte) error {
	value, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode upload: %w", err)
	}
	if err := s.store.putImage(ctx, r.Image, data); err != nil {
		return err
	}
	s.store.reached(AfterContents, r.ID)
	err = s.store.persist(ctx, func(ctx context.Context) error {
		_, err := s.records.Create(ctx, r.ID, value)
		return err
	})
	if isConflict(err) {
		// An attempt whose answer was lost may have written it.
		if stored, readErr := s.read(ctx, r.ID); readErr != nil || stored.Image != r.Image {
			return fault.Wrap(fault.Invalid, err, "There is a file %s already.", r.ID)
		}
		return nil
	} else if err != nil {
		return fmt.Errorf("record upload: %w", err)
	}
	s.store.reached(AfterUploadRecord, r.ID)
	return nil
}

// read returns an upload's record; fault.NotFound if it is unknown or expired.
func (s *uploads) read(ctx context.Context, id string) (record.Upload, error) {
	if !record.ValidID(id) {
		return record.Upload{}, errNoUpload()
	}
	entry, err := s.records.Get(ctx, id)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return record.Upload{}, errNoUpload()
	} else if err != nil {
		return record.Upload{}, fmt.Errorf("read upload: %w", err)
	}
	r, err := record.DecodeUpload(entry)
	if err == nil && !s.store.options.Now().Before(r.Expires) {
		return record.Upload{}, errNoUpload()
	}
	return r, err
}

// Upload implements job.Uploads.
func (s *uploads) Upload(ctx context.Context, id string) (job.Upload, error) {
	r, err := s.read(ctx, id)
	return r.Upload, err
}

// ReadUpload implements job.Uploads.
func (s *uploads) ReadUpload(ctx context.Context, id string) ([]byte, error) {
	r, err := s.read(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.store.getImage(ctx, r.Image, errNoUpload())
}

// ListUploads implements job.Uploads. Files that vanish meanwhile are left out.
func (s *uploads) ListUploads(ctx context.Context, page job.Page) (files []job.Upload, next string, err error) {
	ids, next := s.index.Page(page)
	for _, id := range ids {
		u, err := s.Upload(ctx, id)
		if fault.KindOf(err) == fault.NotFound {
			continue
		} else if err != nil {
			return nil, "", err
		}
		files = append(files, u)
	}
	return files, next, nil
}

// DeleteUpload implements job.Uploads.
func (s *uploads) DeleteUpload(ctx context.Context, id string) error {
	r, err := s.read(ctx, id)
	if err != nil {
		return err
	}
	if err := s.records.Purge(ctx, id); err != nil {
		return fmt.Errorf("delete upload: %w", err)
	}
	s.store.reached(AfterUploadErase, id)
	s.index.Remove(id)
	s.store.dropImage(ctx, r.Image)
	s.store.reached(AfterContentsGone, id)
	return nil
}
