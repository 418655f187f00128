package queue

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// pieceBytes is the length of an object's pieces, as the library has it.
	pieceBytes = 128 << 10
	// piecesAtOnce are on their way to the store; they are as much as one network
	// round trip of a few milliseconds can carry.
	piecesAtOnce = 32
	// objectSubjects has the descriptions of objects; the rest of a subject is
	// the name, in base64.
	objectSubjects = "$O." + picturesBucket + ".M."
)

// put writes an object as the library's Put does, in place of any of that name:
// its pieces, then its description. The library's own (nats.go 1.55.0) makes a
// publisher for each object and leaves a goroutine of it behind for ever where
// the object is whole before that has begun, some hundred a day.
func (q *Queue) put(ctx context.Context, name string, data []byte) error {
	before, err := q.pictures.GetInfo(ctx, name)
	if err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return err
	}
	nuid := randomToken()
	if err := q.putPieces(ctx, nuid, data); err != nil {
		// Nobody can read them; those that stay are cleared.
		ending, stop := context.WithTimeout(context.WithoutCancel(ctx), stepLimit)
		defer stop()
		return errors.Join(err, q.connection.purgePieces(ending, nuid))
	}
	// From here on the object may be there though the answer is lost, and even
	// take the place of a later try's: its pieces stay.
	if err := q.describe(ctx, name, nuid, data); err != nil {
		return err
	}
	if before != nil {
		_ = q.connection.purgePieces(ctx, before.NUID) // else they are cleared
	}
	return nil
}

// putPieces publishes an object's contents, several pieces at a time, and
// returns when all are stored.
func (q *Queue) putPieces(ctx context.Context, nuid string, data []byte) error {
	var waiting []jetstream.PubAckFuture
	stored := func() error {
		first := waiting[0]
		waiting = waiting[1:]
		select {
		case <-first.Ok():
			return nil
		case err := <-first.Err():
			return fmt.Errorf("write a piece: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("write a piece: %w", ctx.Err())
		}
	}
	for piece := range slices.Chunk(data, pieceBytes) {
		future, err := q.connection.stream.PublishAsync(chunkSubjects+nuid, piece)
		if err != nil {
			return fmt.Errorf("write a piece: %w", err)
		}
		if waiting = append(waiting, future); len(waiting) < piecesAtOnce {
			continue
		}
		if err := stored(); err != nil {
			return err
		}
	}
	for len(waiting) > 0 {
		if err := stored(); err != nil {
			return err
		}
	}
	return nil
}

// describe publishes an object's description.
func (q *Queue) describe(ctx context.Context, name, nuid string, data []byte) error {
	sum := sha256.Sum256(data)
	info, err := json.Marshal(jetstream.ObjectInfo{
		ObjectMeta: jetstream.ObjectMeta{Name: name, Opts: &jetstream.ObjectMetaOptions{ChunkSize: pieceBytes}},
		Bucket:     picturesBucket, NUID: nuid, Size: uint64(len(data)), Chunks: uint32((len(data) + pieceBytes - 1) / pieceBytes),
		Digest: "SHA-256=" + base64.URLEncoding.EncodeToString(sum[:]),
	})
	if err != nil {
		return fmt.Errorf("describe object: %w", err)
	}
	description := nats.NewMsg(objectSubjects + base64.URLEncoding.EncodeToString([]byte(name)))
	description.Data = info
	description.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject) // in place of the one before
	if _, err := q.connection.stream.PublishMsg(ctx, description); err != nil {
		return fmt.Errorf("write description: %w", err)
	}
	return nil
}
