// Package integrity detects damage to the files of an embedded JetStream server
// before it opens them: the server cuts off data that it cannot read, and goes on as if
// it had never been there.
//
// Every record carries a checksum, but a stream whose last blocks are cut or gone looks
// like a younger one. A history beside the streams therefore records the length of each.
package integrity

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Damage is a file that differs from the one that the server wrote.
type Damage struct {
	Stream string
	// File is the path of a block, or of a stream's folder of blocks.
	File   string
	Reason string
	// Certain is false for a file that the server may have removed itself, just
	// before it was killed.
	Certain bool
}

// Check returns the first damage of every stream of the history. skim reports
// whether the data of a stream's records are checked by their readers.
func (h History) Check(store string, skim func(stream string) bool) ([]Damage, error) {
	found, err := Blocks(store)
	if err != nil {
		return nil, err
	}
	var all []Damage
	for _, name := range slices.Sorted(maps.Keys(h.Streams)) {
		s := h.Streams[name]
		c := checker{Stream: s, clean: h.Clean, name: name, folder: streamFolder(store, name), skim: skim(name)}
		damage, err := c.check(found[name])
		if err != nil {
			return nil, err
		}
		if damage != nil {
			all = append(all, *damage)
		}
	}
	return all, nil
}

// checker checks one stream.
type checker struct {
	Stream
	clean        bool
	name, folder string
	skim         bool
}

func (c checker) damage(file, format string, args ...any) *Damage {
	return &Damage{Stream: c.name, File: filepath.Join(c.folder, file), Reason: fmt.Sprintf(format, args...), Certain: true}
}

func (c checker) check(found map[string]int64) (*Damage, error) {
	for _, file := range sorted(c.Blocks) {
		//guard:exact-blocks TestBlocks
		if size := found[file]; c.clean && size != c.Blocks[file] {
			return c.damage(file, "it has %d bytes in place of %d", size, c.Blocks[file]), nil
		}
	}
	var last uint64
	files := sorted(found)
	for i, file := range files {
		index, _ := strconv.ParseUint(strings.TrimSuffix(file, blockSuffix), 10, 32)
		read, err := readBlock(filepath.Join(c.folder, file), c.name, uint32(index), c.skim)
		if err != nil {
			return nil, fmt.Errorf("check stream %s: %w", c.name, err)
		}
		last = max(last, read.last)
		// A crash may leave the end of the last block half written, which nobody
		// was promised.
		torn := i == len(files)-1 && last >= c.Last && !c.clean
		//guard:block-records TestBlocks
		if read.sound < read.size && !torn {
			return c.damage(file, "byte %d of %d begins a broken record", read.sound, read.size), nil
		}
	}
	//guard:stream-history TestDamageAfterKill
	if last < c.Last {
		return c.damage(ending(c.Blocks, found), "record %d of %d is its last", last, c.Last), nil
	}
	if gone := missing(c.Blocks, found); gone != "" {
		d := c.damage(gone, "it is missing")
		d.Certain = false
		return d, nil
	}
	return nil, nil
}

// missing returns the last of the known blocks that is gone, or "".
func missing(known, found map[string]int64) string {
	for _, file := range slices.Backward(sorted(known)) {
		if _, exists := found[file]; !exists {
			return file
		}
	}
	return ""
}

// ending returns the block in which a stream ends too early.
func ending(known, found map[string]int64) string {
	files := sorted(found)
	if gone := missing(known, found); gone != "" || len(files) == 0 {
		return gone
	}
	return files[len(files)-1]
}

// sorted returns the names of blocks in the order of their numbers.
func sorted(blocks map[string]int64) []string {
	return slices.SortedFunc(maps.Keys(blocks), func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
}
