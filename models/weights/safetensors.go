package weights

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"upscaled/models/fault"
)

// The safetensors format (huggingface/safetensors, "Format"): a little-endian
// uint64 header length, a JSON header, then the raw values. Offsets count from
// the end of the header; tensors fill the rest of the file without gap or
// overlap.
const (
	safetensorsPrefix = 8
	// maxSafetensorsHeader is far above real headers (100 KB) and below the
	// 100 MB that the format allows, which would let JSON exhaust memory.
	maxSafetensorsHeader = 16 << 20
	metadataKey          = "__metadata__"
	// Bounds on the text of one entry of the header, which is far longer in memory than
	// in the file if it is a list of digits.
	maxEntry    = 4 << 10
	maxMetadata = 1 << 20
)

type safetensorsEntry struct {
	Type    string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// span is the checked location of one tensor in the file.
type span struct {
	name  string
	shape []int64
	kind  element
	// start and end are in bytes, count in values.
	start, end, count int64
}

// ReadSafetensors reads the floating-point tensors of a file of size bytes and
// converts them to float32; integer tensors are left out. A damaged file is
// fault.Invalid, an unknown number format fault.Unsupported.
func ReadSafetensors(r io.ReaderAt, size int64) (Tensors, error) {
	header, start, err := safetensorsHeader(r, size)
	if err != nil {
		return nil, err
	}
	spans, err := safetensorsSpans(header, start, size)
	if err != nil {
		return nil, err
	}
	t, err := readSpans(r, spans)
	if err != nil {
		return nil, damaged(err, "a tensor cannot be read")
	}
	return t, checkFinite(t)
}

// ReadMetadata returns the texts by which a safetensors file describes itself, and
// nothing for other files.
func ReadMetadata(path string) map[string]string {
	info, err := statRegular(path)
	if err != nil {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	header, _, err := safetensorsHeader(file, info.Size())
	var found map[string]string
	if err != nil || json.Unmarshal(header[metadataKey], &found) != nil {
		return nil
	}
	return found
}

// safetensorsHeader returns the header's entries and the offset of the values.
func safetensorsHeader(r io.ReaderAt, size int64) (map[string]json.RawMessage, int64, error) {
	var prefix [safetensorsPrefix]byte
	if _, err := r.ReadAt(prefix[:], 0); size < safetensorsPrefix || (err != nil && err != io.EOF) {
		return nil, 0, damaged(err, "too short for a safetensors header")
	}
	length := binary.LittleEndian.Uint64(prefix[:])
	if length > maxSafetensorsHeader || int64(length) > size-safetensorsPrefix {
		return nil, 0, damaged(nil, "its header claims more bytes than there are")
	}
	header, err := headerEntries(json.NewDecoder(io.NewSectionReader(r, safetensorsPrefix, int64(length))))
	return header, safetensorsPrefix + int64(length), err
}

// headerEntries reads a JSON object that is all of the text, entry by entry, so that
// one of too many takes no memory.
func headerEntries(d *json.Decoder) (map[string]json.RawMessage, error) {
	header := map[string]json.RawMessage{}
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, damaged(err, "its header is not valid JSON")
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, damaged(err, "its header is not valid JSON")
		}
		name := key.(string) // nothing else is a key
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, damaged(err, "its header is not valid JSON")
		}
		switch {
		case name == metadataKey && len(raw) > maxMetadata:
			raw = nil
		case name != metadataKey && len(raw) > maxEntry:
			return nil, damaged(nil, "its header describes a tensor at great length")
		case len(header) == maxTensors:
			return nil, fault.New(fault.TooLarge, "The weights file lists more than %d tensors; it is rejected.", maxTensors)
		}
		header[name] = raw
	}
	if _, err := d.Token(); err != nil {
		return nil, damaged(err, "its header is not valid JSON")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, damaged(err, "text follows its header")
	}
	return header, nil
}

// safetensorsSpans checks every entry against the bytes available. Because
// tensors may not overlap, the file's size bounds the memory they need.
func safetensorsSpans(header map[string]json.RawMessage, start, size int64) ([]span, error) {
	spans := make([]span, 0, len(header))
	for name, raw := range header {
		if name == metadataKey {
			continue
		}
		one, err := safetensorsSpan(name, raw, size-start)
		if err != nil {
			return nil, err
		}
		one.start, one.end = one.start+start, one.end+start
		spans = append(spans, one)
	}
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	next := start
	for _, one := range spans {
		if one.start != next {
			return nil, damaged(nil, "its tensors overlap or leave gaps")
		}
		next = one.end
	}
	if next != size {
		return nil, damaged(nil, "its tensors do not fill the file")
	}
	return spans, nil
}

func safetensorsSpan(name string, raw json.RawMessage, available int64) (span, error) {
	var entry safetensorsEntry
	if err := json.Unmarshal(raw, &entry); err != nil {
		return span{}, damaged(err, "its header describes a tensor in an unknown format")
	}
	kind, width, ok := safetensorsType(entry.Type)
	if mask.MatchString(name) {
		kind = skipped
	}
	if !ok {
		return span{}, fault.New(fault.Unsupported, "The weights use the number format %.20q, which cannot be read; convert them to F32.", entry.Type)
	}
	count, ok := elements(entry.Shape)
	begin, end := entry.Offsets[0], entry.Offsets[1]
	if !ok || len(name) > maxName || begin < 0 || end < begin || end > available || count > available || end-begin != count*width {
		return span{}, damaged(nil, "the size of a tensor does not fit its data")
	}
	return span{name: name, shape: entry.Shape, kind: kind, start: begin, end: end, count: count}, nil
}

// safetensorsType returns the element and its stored bytes.
func safetensorsType(name string) (element, int64, bool) {
	switch name {
	case "F32":
		return float32Element, 4, true
	case "F16":
		return float16Element, 2, true
	case "BF16":
		return bfloat16Element, 2, true
	case "F64":
		return float64Element, 8, true
	case "I64", "U64":
		return skipped, 8, true
	case "I32", "U32":
		return skipped, 4, true
	case "I16", "U16":
		return skipped, 2, true
	case "I8", "U8", "BOOL":
		return skipped, 1, true
	}
	return skipped, 0, false
}

// readSpans fills the tensors from several goroutines: page faults on fresh
// memory are most of the time of a warm read.
func readSpans(r io.ReaderAt, spans []span) (Tensors, error) {
	tensors := make([]Tensor, len(spans))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, one := range spans {
		if one.kind == skipped {
			continue
		}
		group.Go(func() error {
			data := make([]float32, one.count)
			section := io.NewSectionReader(r, one.start, one.end-one.start)
			tensors[i] = Tensor{Shape: intShape(one.shape), Data: data}
			return readFloats(section, data, one.kind, binary.LittleEndian)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := make(Tensors, len(spans))
	for i, one := range spans {
		if one.kind != skipped {
			out[one.name] = tensors[i]
		}
	}
	return out, nil
}
