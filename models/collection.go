package models

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"upscaled/models/fault"
)

// maxPacked bounds the models in a zip archive.
const maxPacked = 1000

// ImportAll imports the model files that a path names: the file itself, those below a
// folder or those in a zip archive. each receives the result of each and failed counts
// the errors, but the error of a single file is returned. It stops when ctx ends.
func (im *importer) ImportAll(ctx context.Context, path string, options ImportOptions, each func(file string, e Entry, err error)) (failed int, err error) {
	files, done, err := im.modelFiles(ctx, path)
	if err != nil {
		return 0, err
	}
	defer done()
	if len(files) > 1 && options.Name != "" {
		return 0, fault.New(fault.Invalid, "--name is for a single model; %s holds %d.", path, len(files))
	}
	for _, file := range files {
		e, err := im.Import(ctx, file, options)
		if err != nil && (len(files) == 1 || ctx.Err() != nil) {
			return failed, err
		}
		if err != nil {
			failed++
		}
		each(file, e, err)
	}
	return failed, nil
}

// modelFiles returns the model files that a path names: the file itself, those below a
// folder, sorted, or those in a zip archive, which it unpacks into the store. The
// caller calls done when it needs them no more.
func (im *importer) modelFiles(ctx context.Context, from string) (found []string, done func(), err error) {
	done = func() {}
	info, err := os.Stat(from)
	switch {
	case err != nil:
		return []string{from}, done, nil // Import reports it
	case info.IsDir():
		found, err = modelsBelow(from)
	case info.Mode().IsRegular():
		archive, openErr := zip.OpenReader(from)
		if openErr != nil {
			return []string{from}, done, nil
		}
		defer archive.Close()
		if slices.ContainsFunc(archive.File, func(f *zip.File) bool { return path.Base(f.Name) == "data.pkl" }) {
			return []string{from}, done, nil // PyTorch's own format
		}
		folder, stageErr := im.files.stage()
		if stageErr != nil {
			return nil, done, stageErr
		}
		done = func() { _ = os.RemoveAll(folder) }
		if err = unpack(ctx, &archive.Reader, folder, 64<<20+16*info.Size()); err == nil {
			found, err = modelsBelow(folder)
		}
	default:
		return []string{from}, done, nil
	}
	if err == nil && len(found) == 0 {
		err = fault.New(fault.NotFound, "%s holds no model files.", from)
	}
	if err != nil {
		done()
	}
	return found, done, err
}

// isModelFile reports whether a name is one of a model; those of isWeights
// belong to others.
func isModelFile(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".pth", ".pt", ".ckpt", ".safetensors", ".onnx", ".param":
		return !strings.HasPrefix(path.Base(name), ".")
	}
	return false
}

// isWeights reports whether a name is of a file that belongs to an ncnn or ONNX file.
func isWeights(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".bin", ".data", ".onnx_data":
		return true
	}
	return false
}

func modelsBelow(folder string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != folder && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case !entry.IsDir() && isModelFile(filepath.ToSlash(name)):
			found = append(found, name)
		}
		return nil
	})
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The folder %s cannot be read.", folder)
	}
	return found, nil
}

// unpack writes the model files of an archive to a folder, each by the last part of its
// name; left is how many bytes they may have.
func unpack(ctx context.Context, archive *zip.Reader, folder string, left int64) error {
	count := 0
	for _, entry := range archive.File {
		base := path.Base(entry.Name)
		if !entry.Mode().IsRegular() || !isModelFile(base) && !isWeights(base) || !filepath.IsLocal(base) {
			continue
		}
		count++
		//guard:zip-bomb TestZipBomb => count > maxPacked
		if count > maxPacked || entry.UncompressedSize64 > uint64(left) {
			return fault.New(fault.TooLarge, "The zip archive unpacks to more than %d models or to far more bytes than it has.", maxPacked)
		}
		written, err := unpackOne(ctx, entry, filepath.Join(folder, base), left)
		if err != nil {
			return fault.Wrap(fault.Invalid, err, "%.100q in the zip archive cannot be unpacked.", base)
		}
		left -= written
	}
	return nil
}

func unpackOne(ctx context.Context, entry *zip.File, to string, most int64) (int64, error) {
	stream, err := entry.Open()
	if err != nil {
		return 0, err
	}
	defer stream.Close()
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	written, err := io.Copy(untilDone{ctx, file}, io.LimitReader(stream, most+1))
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil && written > most {
		err = fmt.Errorf("it is larger than announced")
	}
	return written, err
}
