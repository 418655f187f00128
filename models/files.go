package models

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"upscaled/models/artifact"
	"upscaled/models/weights"
)

// stagingAge is when an abandoned download is removed.
const stagingAge = 24 * time.Hour

// files are the store's files, and the catalogue that names them.
type files struct {
	home     string // absolute
	products []product
}

func (f *files) modelFolder(name string) string { return filepath.Join(f.home, "models", name) }

// storedPath returns the path of a model's file. A wrong size is detected here,
// before the file is used.
func (f *files) storedPath(d descriptor) (string, error) {
	path := filepath.Join(f.modelFolder(d.Name), d.File)
	info, err := os.Stat(path)
	if err != nil {
		return "", f.damaged(d.Name, err)
	}
	if info.Size() != d.Size {
		return "", f.damaged(d.Name, fmt.Errorf("%s has %d bytes instead of %d", d.File, info.Size(), d.Size))
	}
	return path, nil
}

// contents reads a model's stored file.
func (f *files) contents(d descriptor) ([]byte, error) {
	path, err := f.storedPath(d)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, f.damaged(d.Name, err)
	}
	return data, nil
}

func (f *files) readTensors(d descriptor) (weights.Tensors, error) {
	path, err := f.storedPath(d)
	if err != nil {
		return nil, err
	}
	tensors, err := weights.ReadFile(path)
	if err != nil {
		return nil, f.damaged(d.Name, err)
	}
	return tensors, nil
}

// place writes a model's file under a name derived from its contents and then
// makes it current.
func (f *files) place(ctx context.Context, d descriptor, stem, extension string, write func(io.Writer) error) (descriptor, error) {
	file, err := artifact.Create(filepath.Join(f.modelFolder(d.Name), stem))
	if err != nil {
		return descriptor{}, unwritable(err, f.home)
	}
	defer file.Discard()
	if err := write(untilDone{ctx, file}); err != nil {
		if ctx.Err() != nil {
			return descriptor{}, ctx.Err()
		}
		return descriptor{}, unwritable(err, f.home)
	}
	d.SHA256, d.Size = file.SHA256(), file.Size()
	d.File = fmt.Sprintf("%s-%s%s", stem, d.SHA256[:12], extension)
	file.MoveTo(d.File)
	if err := file.Commit(); err != nil {
		return descriptor{}, unwritable(err, f.home)
	}
	if err := f.commit(d); err != nil {
		return descriptor{}, err
	}
	return f.read(d.Name)
}

// untilDone is a writer that fails once its context ends.
type untilDone struct {
	ctx context.Context
	io.Writer
}

func (u untilDone) Write(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.Writer.Write(p)
}

func (f *files) staging() string { return filepath.Join(f.home, "staging") }

// stage creates an empty folder for a download, on the store's disk so that
// files can be renamed into place, and removes those that crashes left behind.
func (f *files) stage() (string, error) {
	parent := f.staging()
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", unwritable(err, f.home)
	}
	entries, _ := os.ReadDir(parent)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > stagingAge {
			_ = os.RemoveAll(filepath.Join(parent, entry.Name()))
		}
	}
	folder, err := os.MkdirTemp(parent, "download-")
	if err != nil {
		return "", unwritable(err, f.home)
	}
	return folder, nil
}

// Stage returns an empty folder on the store's disk for files to import, and a function
// that removes it.
func (s *Store) Stage() (folder string, remove func(), err error) {
	folder, err = s.files.stage()
	return folder, func() { _ = os.RemoveAll(folder) }, err
}

// importedNames returns the folders of models that are not in the catalogue,
// sorted.
func (f *files) importedNames() []string {
	folders, _ := os.ReadDir(f.modelFolder("")) // absent in a new store
	var names []string
	for _, folder := range folders {
		if _, ok := f.product(folder.Name()); !ok && folder.IsDir() {
			names = append(names, folder.Name())
		}
	}
	slices.Sort(names)
	return names
}

// imported returns an imported model by name, in any spelling (see fold).
func (f *files) imported(name string) (descriptor, error) {
	names := f.importedNames()
	for _, candidate := range names {
		if fold(candidate) != fold(name) {
			continue
		}
		d, err := f.read(candidate)
		if errors.Is(err, errNotInstalled) {
			break // left over from an import that never finished
		}
		return d, err
	}
	for _, p := range f.products {
		names = append(names, p.name)
	}
	return descriptor{}, unknown(name, names)
}

// importedFolder returns the folder of an imported model, damaged or not.
func (f *files) importedFolder(name string) (string, bool) {
	for _, candidate := range f.importedNames() {
		if fold(candidate) == fold(name) {
			return candidate, true
		}
	}
	return "", false
}

// rehash compares a stored model's file with its descriptor.
func (f *files) rehash(ctx context.Context, d descriptor) error {
	if err := checkHash(ctx, filepath.Join(f.modelFolder(d.Name), d.File), d.SHA256); err != nil {
		return f.damaged(d.Name, err)
	}
	return nil
}

func checkHash(ctx context.Context, path, want string) error {
	sum, _, err := artifact.Hash(path, ctx.Err)
	//guard:model-hash TestDamageIsFoundAndMended
	if err == nil && sum != want {
		err = fmt.Errorf("the SHA-256 of %s is %s instead of %s", filepath.Base(path), sum, want)
	}
	return err
}
