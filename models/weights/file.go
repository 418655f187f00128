package weights

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"upscaled/models/fault"
)

// maxNCNN bounds each ncnn file, in bytes; they are read into memory.
const maxNCNN = 1 << 30

// ReadFile reads a weights file of any supported format, detected by content:
// PyTorch (.pth, .pt, .ckpt, .bin), safetensors, or ncnn, given by either its
// .param or its .bin file with the other one beside it. Names are normalized
// (see Normalize). A missing file is fault.NotFound.
func ReadFile(path string) (Tensors, error) {
	info, err := statRegular(path)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, openError(err, path)
	}
	defer file.Close()
	start := make([]byte, 64)
	n, err := file.ReadAt(start, 0)
	if err != nil && err != io.EOF {
		return nil, fault.Wrap(fault.Invalid, err, "%s cannot be read.", path)
	}
	t, err := readAny(file, info.Size(), start[:n], path)
	if err != nil {
		return nil, err
	}
	return Normalize(t), nil
}

// readAny selects the reader by the first bytes, and by the extension only for
// ncnn's .bin, which has no magic number.
func readAny(file *os.File, size int64, start []byte, path string) (Tensors, error) {
	switch {
	case bytes.HasPrefix(start, []byte(zipMagic)), isLegacyPyTorch(start):
		return ReadPyTorch(file, size)
	case bytes.HasPrefix(bytes.TrimSpace(start), []byte(ncnnMagic)):
		return readNCNNPair(path, sibling(path, ".bin"))
	case len(start) > safetensorsPrefix && start[safetensorsPrefix] == '{':
		return ReadSafetensors(file, size)
	case strings.EqualFold(filepath.Ext(path), ".bin"):
		return readNCNNPair(sibling(path, ".param"), path)
	case len(start) == 0:
		return nil, fault.New(fault.Invalid, "%s is empty.", path)
	}
	return nil, fault.New(fault.Unsupported, "%s is not a supported weights file; supported are PyTorch (.pth), safetensors and ncnn (.param with .bin).", path)
}

// sibling returns the path with another extension, in upper case if the old one
// is.
func sibling(path, extension string) string {
	given := filepath.Ext(path)
	if given != "" && given == strings.ToUpper(given) {
		extension = strings.ToUpper(extension)
	}
	return strings.TrimSuffix(path, given) + extension
}

func readNCNNPair(paramPath, binPath string) (Tensors, error) {
	param, err := readBounded(paramPath)
	if err != nil {
		return nil, err
	}
	bin, err := readBounded(binPath)
	if err != nil {
		return nil, err
	}
	return ReadNCNN(param, bin)
}

func readBounded(path string) ([]byte, error) {
	info, err := statRegular(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxNCNN {
		return nil, fault.New(fault.TooLarge, "%s has %d bytes; the limit for ncnn files is %d.", path, info.Size(), int64(maxNCNN))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, openError(err, path)
	}
	return data, nil
}

// statRegular rejects FIFOs, whose opening blocks, and devices, which may never end.
func statRegular(path string) (os.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, openError(err, path)
	}
	if !info.Mode().IsRegular() {
		return nil, fault.New(fault.Invalid, "%s is not a regular file.", path)
	}
	return info, nil
}

func openError(err error, path string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(fault.NotFound, err, "There is no file %s.", path)
	}
	return fault.Wrap(fault.Invalid, err, "%s cannot be opened.", path)
}
