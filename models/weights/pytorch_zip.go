package weights

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"upscaled/models/fault"
	"upscaled/models/weights/pickle"
)

const (
	zipMagic = "PK\x03\x04"
	// maxPickle bounds the unpacked list of tensors; real ones are 0.1 MB.
	maxPickle = 64 << 20
)

// torchZip is an archive in PyTorch's zip format: "<root>/data.pkl" describes
// the objects, "<root>/data/<key>" holds a storage's raw values, and the
// optional "<root>/byteorder" their byte order.
type torchZip struct {
	size    int64
	entries map[string]*zip.File
	root    string
	order   binary.ByteOrder
}

func openPyTorchZip(r io.ReaderAt, size int64) (any, storageLoader, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil && err != zip.ErrInsecurePath { // names are only looked up, never opened as paths
		return nil, nil, damaged(err, "its zip directory cannot be read")
	}
	z := &torchZip{size: size, entries: make(map[string]*zip.File, len(archive.File)), order: binary.LittleEndian}
	for _, entry := range archive.File {
		z.entries[entry.Name] = entry
	}
	if err := z.locate(); err != nil {
		return nil, nil, err
	}
	if err := z.readByteOrder(); err != nil {
		return nil, nil, err
	}
	stream, err := z.entries[z.root+"data.pkl"].Open()
	if err != nil {
		return nil, nil, damaged(err, "its list of tensors cannot be opened")
	}
	defer stream.Close()
	machine := torchMachine(nil)
	if z.entries[z.root+"constants.pkl"] != nil {
		machine.Allowed, machine.Call = scriptAllows, scriptCall
	}
	root, err := machine.Decode(bufio.NewReader(io.LimitReader(stream, maxPickle)))
	if module, ok := root.(*pickle.Object); ok && err == nil {
		root = parametersOf(module)
	}
	return root, z.load, err
}

// locate finds the folder inside the archive.
func (z *torchZip) locate() error {
	found := 0
	for name := range z.entries {
		root, ok := strings.CutSuffix(name, "data.pkl")
		if ok && (root == "" || strings.Count(root, "/") == 1 && strings.HasSuffix(root, "/")) {
			z.root = root
			found++
		}
	}
	if found != 1 {
		return fault.New(fault.Invalid, "The zip file has no PyTorch weights (it needs exactly one data.pkl).")
	}
	return nil
}

func (z *torchZip) readByteOrder() error {
	entry := z.entries[z.root+"byteorder"]
	if entry == nil {
		return nil
	}
	stream, err := entry.Open()
	if err != nil {
		return damaged(err, "its byte order cannot be opened")
	}
	defer stream.Close()
	text, err := io.ReadAll(io.LimitReader(stream, 16))
	switch {
	case err != nil:
		return damaged(err, "its byte order cannot be read")
	case bytes.Equal(text, []byte("big")):
		z.order = binary.BigEndian
	case !bytes.Equal(text, []byte("little")):
		return damaged(nil, "its byte order is unknown")
	}
	return nil
}

func (z *torchZip) load(s *storageReference) ([]float32, error) {
	entry := z.entries[z.root+"data/"+s.key]
	if entry == nil {
		return nil, damaged(nil, "values are missing")
	}
	if entry.UncompressedSize64 != uint64(s.count)*uint64(s.width) {
		return nil, damaged(nil, "values have another size than announced")
	}
	values, err := z.read(entry, s)
	if err != nil {
		return nil, damaged(err, "values cannot be read")
	}
	return values, nil
}

// read unpacks an entry and checks its CRC. Stored entries, as PyTorch writes
// them, are allocated at once, because their size is checked against the file's;
// compressed ones grow as bytes arrive.
func (z *torchZip) read(entry *zip.File, s *storageReference) ([]float32, error) {
	start, err := entry.DataOffset()
	if err != nil {
		return nil, fmt.Errorf("find zip entry: %w", err)
	}
	if packed := entry.CompressedSize64; start < 0 || start > z.size || packed > uint64(z.size-start) {
		return nil, fmt.Errorf("zip entry ends beyond the file")
	}
	if entry.Method == zip.Store && entry.CompressedSize64 != entry.UncompressedSize64 {
		return nil, fmt.Errorf("zip entry has two sizes")
	}
	stream, err := entry.Open()
	if err != nil {
		return nil, fmt.Errorf("open zip entry: %w", err)
	}
	defer stream.Close()
	step := s.count
	if entry.Method != zip.Store {
		step = min(step, 1<<18) // 1 MiB of float32
	}
	values := make([]float32, 0, step)
	for int64(len(values)) < s.count {
		n := int(min(step, s.count-int64(len(values))))
		have := len(values)
		if cap(values)-have < n {
			values = append(make([]float32, 0, min(2*int64(have)+int64(n), s.count)), values...)
		}
		values = values[:have+n]
		if err := readFloats(stream, values[have:], s.kind, z.order); err != nil {
			return nil, err
		}
	}
	// The CRC is checked at the end of the stream.
	if n, err := stream.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return nil, fmt.Errorf("check zip entry: %w", err)
	}
	return values, nil
}
