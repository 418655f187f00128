package natstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// attachment is the file that an embedded server writes for other programs.
type attachment struct{ URL, Token string }

// Join connects to the server that a process has embedded on a data folder. It
// depends on nothing of package queue but the names below.
func Join(t *testing.T, data string) jetstream.JetStream {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "attach.json"))
	if err != nil {
		t.Fatal(err)
	}
	var a attachment
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	return join(t, a.URL, nats.Token(a.Token))
}

func join(t *testing.T, url string, options ...nats.Option) jetstream.JetStream {
	t.Helper()
	connection, err := nats.Connect(url, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(connection.Close)
	store, err := jetstream.New(connection)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// Amount is how much is stored, without the space of deleted messages in files.
type Amount struct {
	Messages uint64
	Bytes    uint64
}

// Amounts returns how much images, and everything else, take.
func Amounts(ctx context.Context, store jetstream.JetStream) (images, others Amount, err error) {
	streams := store.ListStreams(ctx)
	for info := range streams.Info() {
		to := &others
		if info.Config.Name == "upscaled_images_1" {
			to = &images
		}
		to.Messages, to.Bytes = to.Messages+info.State.Msgs, to.Bytes+info.State.Bytes
	}
	return images, others, streams.Err()
}

// Orphans returns everything in a store that belongs to no job: images, whole or
// not, and work items of jobs that have ended. Images that a job or an upload
// names but that are missing are returned as well. All jobs must be final.
func Orphans(ctx context.Context, store jetstream.JetStream) (found []string, err error) {
	owned, err := owners(ctx, store)
	if err != nil {
		return nil, err
	}
	chunks, err := subjects(ctx, store, "upscaled_images_1", "upscaled.image.1.")
	if err != nil {
		return nil, err
	}
	for _, chunk := range chunks {
		at := strings.LastIndexByte(chunk, '.')
		name := strings.ReplaceAll(chunk[:at], ".", "/")
		if _, is := owned[name]; !is {
			found = append(found, "image "+name)
		} else if chunk[at:] == ".0" {
			owned[name] = true
		}
	}
	for name, whole := range owned {
		if !whole {
			found = append(found, "no image "+name)
		}
	}
	items, err := subjects(ctx, store, "upscaled_work_1", "upscaled.work.1.")
	for _, item := range items {
		found = append(found, "work item "+item)
	}
	return found, err
}

// owners returns the names of the images of jobs and uploads, as keys.
func owners(ctx context.Context, store jetstream.JetStream) (map[string]bool, error) {
	owned := map[string]bool{}
	for _, name := range []string{"upscaled_jobs_1", "upscaled_uploads_1"} {
		bucket, err := store.KeyValue(ctx, name)
		if err != nil {
			return nil, err
		}
		keys, err := bucket.Keys(ctx)
		if err != nil && !errors.Is(err, jetstream.ErrNoKeysFound) {
			return nil, err
		}
		for _, key := range keys {
			entry, err := bucket.Get(ctx, key)
			if err != nil {
				return nil, err
			}
			var record struct{ State, Object string }
			if err := json.Unmarshal(entry.Value(), &record); err != nil {
				return nil, err
			}
			if record.State == "queued" || record.State == "running" {
				return nil, fmt.Errorf("job %s is %s", key, record.State)
			}
			if record.State == "failed" {
				owned[key+"/input"] = true // it may run again; other inputs are gone
			}
			if record.Object != "" {
				owned[record.Object] = false // until it is found
			}
		}
	}
	return owned, nil
}

// subjects returns the subjects of a stream that have a prefix, without it.
func subjects(ctx context.Context, store jetstream.JetStream, name, prefix string) (rest []string, err error) {
	stream, err := store.Stream(ctx, name)
	if err != nil {
		return nil, err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(prefix+">"))
	if err != nil {
		return nil, err
	}
	for subject := range info.State.Subjects {
		rest = append(rest, strings.TrimPrefix(subject, prefix))
	}
	return rest, nil
}
