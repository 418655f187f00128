package weights

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"upscaled/models/fault"
	"upscaled/models/weights/pickle"
)

// The format before PyTorch 1.6 (torch/serialization.py, _legacy_save): pickles
// of a magic number, a protocol version, machine properties, the objects and the
// list of storage keys, then per key an int64 count and the raw values.
const legacyProtocol = 1001

// legacyMagic is the pickled magic number 0x1950a86a20f9469cfc6c after the two
// bytes of the PROTO instruction.
const legacyMagic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."

// legacyFile holds the location of each storage's values.
type legacyFile struct {
	r     io.ReaderAt
	size  int64
	order binary.ByteOrder
	// places maps a storage's key to the location of its values.
	places map[string]legacyPlace
}

type legacyPlace struct{ offset, count int64 }

// isLegacyPyTorch reports whether a file's first 15 bytes have the magic number.
func isLegacyPyTorch(start []byte) bool {
	return len(start) > 2 && start[0] == 0x80 && bytes.HasPrefix(start[2:], []byte(legacyMagic))
}

func openPyTorchLegacy(r io.ReaderAt, size int64) (any, storageLoader, error) {
	start := make([]byte, 2+len(legacyMagic))
	if _, err := r.ReadAt(start, 0); (err != nil && err != io.EOF) || !isLegacyPyTorch(start) {
		return nil, nil, fault.Wrap(fault.Invalid, err, "The file was not saved by PyTorch.")
	}
	f := &legacyFile{r: r, size: size, places: map[string]legacyPlace{}}
	counted := &countingReader{r: io.NewSectionReader(r, int64(len(start)), size-int64(len(start))), n: int64(len(start))}
	stream := bufio.NewReader(counted)
	widths := map[string]int64{}
	decode := func() (any, error) { return torchMachine(widths).Decode(stream) }

	if version, err := decode(); err != nil || version != any(int64(legacyProtocol)) {
		return nil, nil, damaged(err, "its version is unknown")
	}
	machine, err := decode()
	if err != nil {
		return nil, nil, err
	}
	if f.order, err = legacyOrder(machine); err != nil {
		return nil, nil, err
	}
	root, err := decode()
	if err != nil {
		return nil, nil, err
	}
	keys, err := decode()
	if err != nil {
		return nil, nil, err
	}
	if err := f.index(keys, widths, counted.n-int64(stream.Buffered())); err != nil {
		return nil, nil, damaged(err, "its values cannot be found")
	}
	return root, f.load, nil
}

func legacyOrder(machine any) (binary.ByteOrder, error) {
	properties, ok := machine.(*pickle.Dict)
	if !ok {
		return nil, damaged(nil, "its byte order is missing")
	}
	if little, ok := properties.Entries["little_endian"].(bool); ok && !little {
		return binary.BigEndian, nil
	}
	return binary.LittleEndian, nil
}

// index walks the storages, which are consecutive in the order of the keys.
func (f *legacyFile) index(keys any, widths map[string]int64, at int64) error {
	list, ok := keys.(*pickle.List)
	if !ok {
		return fmt.Errorf("the list of storages is missing")
	}
	for _, item := range list.Items {
		key, ok := item.(string)
		width, known := widths[key]
		if !ok || !known {
			return fmt.Errorf("a storage belongs to no tensor")
		}
		var raw [8]byte
		if _, err := f.r.ReadAt(raw[:], at); err != nil {
			return readError(err)
		}
		count := int64(f.order.Uint64(raw[:]))
		at += int64(len(raw))
		if count < 0 || at > f.size || count > (f.size-at)/width {
			return fmt.Errorf("a storage of %d values ends beyond the file", count)
		}
		f.places[key] = legacyPlace{offset: at, count: count}
		at += count * width
	}
	return nil
}

func (f *legacyFile) load(s *storageReference) ([]float32, error) {
	place, ok := f.places[s.key]
	if !ok || place.count != s.count || s.count > (f.size-place.offset)/s.width {
		return nil, damaged(nil, "values are missing or have another size than announced")
	}
	values := make([]float32, s.count)
	section := io.NewSectionReader(f.r, place.offset, s.count*s.width)
	if err := readFloats(section, values, s.kind, f.order); err != nil {
		return nil, damaged(err, "values cannot be read")
	}
	return values, nil
}

// countingReader counts the bytes read.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
