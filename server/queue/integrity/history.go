package integrity

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// FileName is the history's name in the data folder.
const FileName = "history.json"

// History says how much the streams held when it was written.
type History struct {
	// Clean reports whether the server has ended since, so that blocks must be
	// exactly as they were.
	Clean   bool              `json:"clean"`
	Streams map[string]Stream `json:"streams"`
}

// Stream is the recorded state of a stream.
type Stream struct {
	// Last is the sequence number of its newest message.
	Last uint64 `json:"last"`
	// Blocks are its files with their lengths in bytes.
	Blocks map[string]int64 `json:"blocks"`
}

// errDamaged is returned for a history whose checksum is wrong.
var errDamaged = errors.New("the checksum is wrong")

// Load reads the history of a data folder; an absent one is empty.
func Load(dir string) (h History, err error) {
	h.Streams = map[string]Stream{}
	text, err := os.ReadFile(filepath.Join(dir, FileName))
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	} else if err != nil {
		return h, fmt.Errorf("read history: %w", err)
	}
	body, sum, _ := strings.Cut(string(text), "\n")
	//guard:history-sum TestDamagedHistory
	if strings.TrimSpace(sum) != checksum(body) {
		return h, fmt.Errorf("read history: %w", errDamaged)
	}
	if err := json.Unmarshal([]byte(body), &h); err != nil {
		return h, fmt.Errorf("decode history: %w", err)
	}
	return h, nil
}

// Save replaces the history of a data folder durably.
func (h History) Save(dir string) error {
	body, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode history: %w", err)
	}
	path := filepath.Join(dir, FileName)
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	_, err = fmt.Fprintf(file, "%s\n%s\n", body, checksum(string(body)))
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("write history: %w", err)
	}
	return nil
}

func checksum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Blocks returns the blocks of all streams below store, the folder of the embedded
// server, with their lengths.
func Blocks(store string) (map[string]map[string]int64, error) {
	all := map[string]map[string]int64{}
	folders, err := filepath.Glob(filepath.Join(streamFolder(store, "*"), "*"+blockSuffix))
	if err != nil {
		return nil, fmt.Errorf("list blocks: %w", err)
	}
	for _, path := range folders {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed just now
		} else if err != nil {
			return nil, fmt.Errorf("list blocks: %w", err)
		}
		stream := filepath.Base(filepath.Dir(filepath.Dir(path)))
		if all[stream] == nil {
			all[stream] = map[string]int64{}
		}
		all[stream][filepath.Base(path)] = info.Size()
	}
	return all, nil
}

const blockSuffix = ".blk"

// streamFolder returns the folder of a stream's blocks.
func streamFolder(store, stream string) string {
	return filepath.Join(store, "jetstream", "$G", "streams", stream, "msgs")
}
