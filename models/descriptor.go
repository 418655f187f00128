package models

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"upscaled/models/artifact"
	"upscaled/models/fault"
	"upscaled/models/network"
)

const (
	descriptorFile   = "model.json"
	descriptorFormat = 1
	// maxDescriptor bounds the size of a model.json, in bytes.
	maxDescriptor = 1 << 20
	// maxScale bounds a model's scale.
	maxScale = 16
)

// descriptor is the content of model.json, which describes an installed model.
type descriptor struct {
	Format       int                  `json:"format"`
	Name         string               `json:"name"`
	Kind         Kind                 `json:"kind"`
	Architecture network.Architecture `json:"architecture,omitempty"`
	Description  string               `json:"description"`
	Scale        int                  `json:"scale,omitempty"`
	// Tiles and Radius are missing in old stores.
	Tiles  network.Tiles `json:"tiles,omitempty"`
	Radius int           `json:"radius,omitempty"`
	// Convention is set for upscaling models that are ONNX files; it may be nil in
	// old stores.
	Convention *network.Convention `json:"convention,omitempty"`
	// Restorer is set for face restorers that are ONNX files.
	Restorer *network.RestorerDescriptor `json:"restorer,omitempty"`
	// File is in the model's folder; SHA256 and Size are that file's.
	File    string   `json:"file"`
	SHA256  string   `json:"sha256"`
	Size    int64    `json:"size"`
	Sources []origin `json:"sources"`
	About
	// Origin is author and source in old stores.
	Origin      string `json:"origin,omitempty"`
	Notice      string `json:"notice,omitempty"`
	Imported    bool   `json:"imported,omitempty"`
	InstalledAt string `json:"installed_at"`
}

// origin is a file that the stored one was converted from.
type origin struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	// From is the URL or package; "" for the user's own files.
	From string `json:"from,omitempty"`
}

func (d descriptor) installedAt() time.Time {
	at, _ := time.Parse(time.RFC3339, d.InstalledAt) // for show only
	return at
}

// errNotInstalled reports that the store has no such model.
var errNotInstalled = errors.New("not installed")

// read returns the descriptor in a model's folder, errNotInstalled if there is
// none and fault.ModelMissing if it is damaged.
func (f *files) read(name string) (descriptor, error) {
	file, err := os.Open(filepath.Join(f.modelFolder(name), descriptorFile))
	if errors.Is(err, fs.ErrNotExist) {
		return descriptor{}, errNotInstalled
	}
	if err != nil {
		return descriptor{}, fault.Wrap(fault.ModelMissing, err, "The stored model %s cannot be read; check the permissions of %s.", name, f.home)
	}
	defer file.Close()
	var d descriptor
	if err := json.NewDecoder(io.LimitReader(file, maxDescriptor)).Decode(&d); err != nil {
		return descriptor{}, f.damaged(name, err)
	}
	//guard:descriptor FuzzDescriptor => d.Format != descriptorFormat || d.Name != name
	if d.Format != descriptorFormat || d.Name != name || !d.plausible() {
		return descriptor{}, f.damaged(name, fmt.Errorf("its %s is not plausible", descriptorFile))
	}
	return d, nil
}

// plausible reports whether the descriptor could come from this program: its
// file is in the model's own folder and the rest passes the checks of an import.
func (d descriptor) plausible() bool {
	sum, err := hex.DecodeString(d.SHA256)
	return err == nil && len(sum) == sha256.Size &&
		filepath.IsLocal(d.File) && d.File != "." && filepath.Base(d.File) == d.File &&
		(d.Kind == Upscale || d.Kind == Face) && d.Scale >= 0 && d.Scale <= maxScale && d.Size >= 0
}

// commit makes an installed file current by replacing model.json atomically, and
// removes what the folder held before.
func (f *files) commit(d descriptor) error {
	folder := f.modelFolder(d.Name)
	d.Format = descriptorFormat
	d.InstalledAt = time.Now().UTC().Format(time.RFC3339)
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", descriptorFile, err)
	}
	if err := artifact.WriteFile(filepath.Join(folder, descriptorFile), append(text, '\n')); err != nil {
		return unwritable(err, f.home)
	}
	sweep(folder, d.File)
	return nil
}

// sweepAge protects files that another process may be about to commit.
const sweepAge = time.Hour

// sweep removes old, unreferenced files of a model's folder. It ignores errors:
// a file that cannot be removed is left for the next time.
func sweep(folder, keep string) {
	entries, _ := os.ReadDir(folder)
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || entry.Name() == keep || entry.Name() == descriptorFile || time.Since(info.ModTime()) < sweepAge {
			continue
		}
		_ = os.RemoveAll(filepath.Join(folder, entry.Name()))
	}
}

// damaged returns the error for a stored model that must be installed again.
func (f *files) damaged(name string, cause error) error {
	if _, ok := f.product(name); ok {
		return fault.Wrap(fault.ModelMissing, cause, "The stored model %s is damaged; run 'upscaled models pull %s' to download it again.", name, name)
	}
	return fault.Wrap(fault.ModelMissing, cause, "The stored model %s is damaged; run 'upscaled models rm %s' and import its file again.", name, name)
}

func unwritable(err error, home string) error {
	return fault.Wrap(fault.Internal, err, "The model store %s cannot be written; check its permissions and the free disk space, or choose another folder with --home.", home)
}
