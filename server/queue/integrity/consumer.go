package integrity

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/minio/highwayhash"
)

// DropConsumers removes the consumers whose files are damaged and returns their
// folders. Nothing is lost with one: it is made again, and messages that were not
// acknowledged are delivered again.
func (h History) DropConsumers(store string) (dropped []string, err error) {
	folders, err := filepath.Glob(filepath.Join(store, "jetstream", "$G", "streams", "*", "obs", "*"))
	if err != nil {
		return nil, fmt.Errorf("list consumers: %w", err)
	}
	for _, folder := range folders {
		stream := filepath.Base(filepath.Dir(filepath.Dir(folder)))
		if soundConfig(folder, stream) && soundState(filepath.Join(folder, "o.dat"), h.Streams[stream].Last) {
			continue
		}
		if err := os.RemoveAll(folder); err != nil {
			return dropped, fmt.Errorf("remove consumer: %w", err)
		}
		dropped = append(dropped, folder)
	}
	return dropped, nil
}

// soundConfig reports whether a consumer's configuration has its checksum.
func soundConfig(folder, stream string) bool {
	config, err := os.ReadFile(filepath.Join(folder, "meta.inf"))
	sum, sumErr := os.ReadFile(filepath.Join(folder, "meta.sum"))
	key := sha256.Sum256([]byte(stream + "/" + filepath.Base(folder)))
	digest, keyErr := highwayhash.New64(key[:])
	if err != nil || sumErr != nil || keyErr != nil {
		return false
	}
	_, _ = digest.Write(config) // never fails
	return bytes.Equal(sum, hex.AppendEncode(nil, digest.Sum(nil)))
}

// soundState reports whether a consumer's state, which has no checksum, is absent or
// consistent: two bytes, then the consumer's and the stream's sequence number up to
// which all is acknowledged, both numbers of the last delivery, and the deliveries that are
// pending or were repeated. last is the stream's last sequence number.
func soundState(path string, last uint64) bool {
	state, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return true
	}
	if err != nil || len(state) < 2 || state[0] != 22 || state[1] != 2 {
		return false
	}
	n := numbers{rest: state[2:]}
	floor, streamFloor, delivered, streamDelivered := n.next(), n.next(), n.next(), n.next()
	if floor > delivered || streamFloor > streamDelivered || streamDelivered > last {
		return false
	}
	pending := n.next()
	if pending > 0 {
		n.next() // the time that the others refer to
	}
	for ; pending > 0 && !n.failed; pending-- {
		stream, consumer := n.next(), n.next()
		n.failed = n.failed || stream > streamDelivered-streamFloor || consumer > delivered-floor
		n.next() // its age
	}
	for repeated := n.next(); repeated > 0 && !n.failed; repeated-- {
		n.failed = n.next() > streamDelivered-streamFloor || n.next() == 0 || n.failed
	}
	return !n.failed && len(n.rest) == 0
}

// numbers reads numbers of variable length.
type numbers struct {
	rest   []byte
	failed bool
}

func (n *numbers) next() uint64 {
	value, length := binary.Uvarint(n.rest)
	if length <= 0 {
		n.failed = true
		return 0
	}
	n.rest = n.rest[length:]
	return value
}
