// Package blob stores byte sequences of any size, such as images, as messages of
// a JetStream stream.
//
// A blob is a list of chunks of equal size (the last may be shorter), each the
// only message on a subject of its own: prefix, name, index. So any byte range
// is read by index, writing the same blob again replaces it chunk by chunk, and
// the stream's MaxAge expires it. Chunk 0 is written last and makes the blob
// visible. Every chunk carries its own digest and the blob's identity, so that
// damaged, missing or foreign chunks are detected whichever part is read.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// Names on the server.
const (
	StreamName = "upscaled_images_1"
	Prefix     = "upscaled.image.1."
)

// The headers of every chunk: the SHA-256 of its data, the size of the whole
// blob in bytes, and the blob's identity, which is the SHA-256 of the digests of
// all its chunks.
const (
	digestHeader   = "Upscaled-Digest"
	sizeHeader     = "Upscaled-Size"
	identityHeader = "Upscaled-Blob"
)

const (
	// longestChunk keeps a chunk, in base64 too, below NATS's usual payload
	// limit of 1 MiB. Fewer chunks mean fewer syncs of the disk.
	longestChunk = 512 << 10
	// bytesInFlight bounds the chunks that are sent and not acknowledged.
	bytesInFlight = 4 << 20
)

var (
	// ErrNotFound is returned for a blob that was never completed, was deleted
	// or has expired.
	ErrNotFound = errors.New("there is no such blob")
	// ErrDamaged is returned when chunks differ from the bytes that were written.
	ErrDamaged = errors.New("the blob is damaged")
)

// Store may be used concurrently and by several processes on one stream.
type Store struct {
	js     jetstream.JetStream
	stream jetstream.Stream
	chunk  int // bytes
}

// Config returns the stream's configuration, to which the caller adds expiry and
// replicas.
func Config() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: StreamName, Subjects: []string{Prefix + ">"}, MaxMsgsPerSubject: 1,
		Storage: jetstream.FileStorage, AllowDirect: true,
	}
}

// Open returns the store of an existing stream.
func Open(ctx context.Context, js jetstream.JetStream) (*Store, error) {
	stream, err := js.Stream(ctx, StreamName)
	if err != nil {
		return nil, fmt.Errorf("open images: %w", err)
	}
	return &Store{js: js, stream: stream, chunk: int(min(longestChunk, js.Conn().MaxPayload()/2))}, nil
}

// subject returns the prefix of the subjects of a blob's chunks. Names are parts
// of letters, digits, "-", "_" and "@", separated by "/".
func subject(name string) (string, error) {
	for part := range strings.SplitSeq(name, "/") {
		foreign := func(c rune) bool {
			return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '@'
		}
		if part == "" || strings.ContainsFunc(part, foreign) {
			return "", fmt.Errorf("blob name %q: %w", name, ErrNotFound)
		}
	}
	return Prefix + strings.ReplaceAll(name, "/", ".") + ".", nil
}

// Content is the content of a new blob. It is read twice.
type Content interface {
	io.ReaderAt
	Size() int64
}

// Put returns when the whole blob is stored durably. It may be repeated. A name
// must always have the same content: readers reject a mixture as damaged.
func (s *Store) Put(ctx context.Context, name string, data Content) error {
	prefix, err := subject(name)
	if err != nil {
		return err
	}
	chunks, message, err := s.messages(prefix, data)
	if err != nil {
		return err
	}
	send := func(ctx context.Context, i int) error {
		m, err := message(i)
		if err != nil {
			return err
		}
		return s.publish(ctx, m)
	}
	group, sending := errgroup.WithContext(ctx)
	group.SetLimit(max(1, bytesInFlight/s.chunk))
	for i := 1; i < chunks && sending.Err() == nil; i++ {
		group.Go(func() error { return send(sending, i) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return send(ctx, 0)
}

// messages returns the number of a blob's chunks and a function that returns the message
// of each. An empty blob has a single empty chunk.
func (s *Store) messages(prefix string, data Content) (chunks int, message func(index int) (*nats.Msg, error), err error) {
	chunks = max(1, int((data.Size()+int64(s.chunk)-1)/int64(s.chunk)))
	digests, identity := make([][sha256.Size]byte, chunks), sha256.New()
	for i := range chunks {
		chunk, err := s.chunkOf(data, i)
		if err != nil {
			return 0, nil, err
		}
		digests[i] = sha256.Sum256(chunk)
		identity.Write(digests[i][:])
	}
	sum := hex.EncodeToString(identity.Sum(nil))
	return chunks, func(i int) (*nats.Msg, error) {
		chunk, err := s.chunkOf(data, i)
		return &nats.Msg{Subject: prefix + strconv.Itoa(i), Data: chunk, Header: nats.Header{
			digestHeader: {hex.EncodeToString(digests[i][:])}, sizeHeader: {strconv.FormatInt(data.Size(), 10)}, identityHeader: {sum},
		}}, err
	}, nil
}

// chunkOf returns the chunk of an index.
func (s *Store) chunkOf(data Content, index int) ([]byte, error) {
	from := int64(index) * int64(s.chunk)
	chunk := make([]byte, min(int64(s.chunk), data.Size()-from))
	if n, err := data.ReadAt(chunk, from); n < len(chunk) {
		return nil, fmt.Errorf("read content of blob: %w", err)
	}
	return chunk, nil
}

func (s *Store) publish(ctx context.Context, m *nats.Msg) error {
	if _, err := s.js.PublishMsg(ctx, m, jetstream.WithExpectStream(StreamName)); err != nil {
		return fmt.Errorf("write chunk: %w", err)
	}
	return nil
}

// read returns one chunk, whose data match its digest.
func (s *Store) read(ctx context.Context, prefix string, index int) (*jetstream.RawStreamMsg, error) {
	m, err := s.stream.GetLastMsgForSubject(ctx, prefix+strconv.Itoa(index))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, ErrNotFound
	} else if err != nil {
		return nil, fmt.Errorf("read chunk: %w", err)
	}
	if digest := sha256.Sum256(m.Data); m.Header.Get(digestHeader) != hex.EncodeToString(digest[:]) {
		return nil, fmt.Errorf("chunk %s: %w", m.Subject, ErrDamaged)
	}
	return m, nil
}

// pattern returns the subjects of a blob's chunks or, if the name ends with a slash, of
// the chunks of all blobs below it.
func pattern(name string) (string, error) {
	above, all := strings.CutSuffix(name, "/")
	prefix, err := subject(above)
	if all {
		return prefix + ">", err
	}
	return prefix + "*", err
}

// Delete removes a blob, whole or not, or if the name ends with a slash all below it; an
// unknown one is no error.
func (s *Store) Delete(ctx context.Context, name string) error {
	chunks, err := pattern(name)
	if err != nil {
		return nil // nothing can be stored under it
	}
	if err := s.stream.Purge(ctx, jetstream.WithPurgeSubject(chunks)); err != nil {
		return fmt.Errorf("delete blob: %w", err)
	}
	return nil
}

// Erase is Delete that also overwrites the data in the files of the stream's server,
// one chunk after another. It costs a rewrite of the chunk's file for each.
func (s *Store) Erase(ctx context.Context, name string) error {
	chunks, err := pattern(name)
	if err != nil {
		return nil // nothing can be stored under it
	}
	info, err := s.stream.Info(ctx, jetstream.WithSubjectFilter(chunks))
	if err != nil {
		return fmt.Errorf("erase blob: %w", err)
	}
	for chunk := range info.State.Subjects {
		m, err := s.stream.GetLastMsgForSubject(ctx, chunk)
		if err == nil {
			//guard:erase TestDeletedBytes => s.stream.DeleteMsg(ctx, m.Sequence)
			err = s.stream.SecureDeleteMsg(ctx, m.Sequence)
		}
		if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) && !errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) {
			return fmt.Errorf("erase chunk: %w", err)
		}
	}
	return s.Delete(ctx, name) // also fails if a chunk was not deleted
}

// Names returns the names of all blobs that have any chunk, visible or not.
func (s *Store) Names(ctx context.Context) ([]string, error) {
	info, err := s.stream.Info(ctx, jetstream.WithSubjectFilter(Prefix+">"))
	if err != nil {
		return nil, fmt.Errorf("list blobs: %w", err)
	}
	var names []string
	for subject := range info.State.Subjects {
		path := strings.TrimPrefix(subject, Prefix)
		name := path[:max(0, strings.LastIndexByte(path, '.'))]
		names = append(names, strings.ReplaceAll(name, ".", "/"))
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
