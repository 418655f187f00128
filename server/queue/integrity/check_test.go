package integrity

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/minio/highwayhash"
)

// block returns the records of a block with two sequence numbers.
func block(t *testing.T, index int, sequences ...uint64) []byte {
	t.Helper()
	key := sha256.Sum256(fmt.Appendf(nil, "s-%d", index))
	digest, err := highwayhash.New64(key[:])
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, sequence := range sequences {
		const subject, data = "a.b", "data"
		record := binary.LittleEndian.AppendUint32(nil, headerLength+uint32(len(subject+data))+checksumLength)
		record = binary.LittleEndian.AppendUint64(record, sequence)
		record = binary.LittleEndian.AppendUint64(record, 1)
		record = append(binary.LittleEndian.AppendUint16(record, uint16(len(subject))), subject+data...)
		digest.Reset()
		_, _ = digest.Write(record[4:20])
		_, _ = digest.Write(record[headerLength:])
		all = append(all, digest.Sum(record)...)
	}
	return all
}

// Blocks before the last one count too: damage there hides behind what follows.
func TestBlocks(t *testing.T) {
	t.Parallel()
	first, second := block(t, 1, 1, 2), block(t, 2, 3)
	flipped := append([]byte(nil), first...)
	flipped[30] ^= 1
	for name, c := range map[string]struct {
		clean   bool
		first   []byte
		damaged string
	}{
		"sound":                    {true, first, ""},
		"sound, killed":            {false, first, ""},
		"removed":                  {true, nil, "1.blk"},
		"short by a record":        {true, first[:len(first)/2], "1.blk"},
		"a changed record":         {true, flipped, "1.blk"},
		"a changed record, killed": {false, flipped, "1.blk"},
		"half a record, killed":    {false, first[:len(first)-3], "1.blk"},
	} {
		store := t.TempDir()
		folder := streamFolder(store, "s")
		err := os.MkdirAll(folder, 0o700)
		for file, content := range map[string][]byte{"1.blk": c.first, "2.blk": second} {
			if err == nil && content != nil {
				err = os.WriteFile(filepath.Join(folder, file), content, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		h := History{Clean: c.clean, Streams: map[string]Stream{
			"s": {Last: 3, Blocks: map[string]int64{"1.blk": int64(len(first)), "2.blk": int64(len(second))}},
		}}
		found, err := h.Check(store, func(string) bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if len(found) > 0 && found[0].Certain {
			got = filepath.Base(found[0].File)
		}
		if got != c.damaged {
			t.Errorf("%s: %q is damaged, want %q: %+v", name, got, c.damaged, found)
		}
	}
}
