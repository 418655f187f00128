package models

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"upscaled/models/fault"
)

// VerifyResult reports whether an installed model or library is undamaged.
type VerifyResult struct {
	Name string
	// Err is nil for an undamaged model, otherwise an error whose sentence
	// states the remedy.
	Err error
}

// Verify reads the named models and libraries and compares their SHA-256;
// without names, everything installed. It fails only if ctx ends.
func (s *Store) Verify(ctx context.Context, names ...string) ([]VerifyResult, error) {
	if len(names) == 0 {
		names = s.installedNames()
	}
	var results []VerifyResult
	for _, name := range names {
		result := s.verify(ctx, name)
		if err := ctx.Err(); err != nil {
			return results, interrupted(err, result.Name)
		}
		results = append(results, result)
	}
	return results, nil
}

// Remove deletes an installed model or library. It fails with fault.NotFound if
// the name is unknown or not installed.
func (s *Store) Remove(name string) error {
	p, known := s.files.product(name)
	if !known {
		p.name, known = s.files.importedFolder(name)
		if !known {
			_, err := s.files.imported(name)
			return err
		}
	}
	folder := s.folder(p)
	if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
		return fault.New(fault.NotFound, "%s is not installed.", p.name)
	}
	// The descriptor goes first: without it a model counts as removed even if
	// the rest is interrupted.
	if err := os.Remove(filepath.Join(folder, descriptorFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return unwritable(err, s.files.home)
	}
	if err := os.RemoveAll(folder); err != nil {
		return unwritable(err, s.files.home)
	}
	return nil
}

// installedNames returns everything that has a folder, damaged or not.
func (s *Store) installedNames() []string {
	var names []string
	for _, p := range s.files.products {
		if _, err := os.Stat(s.folder(p)); err == nil {
			names = append(names, p.name)
		}
	}
	return append(names, s.files.importedNames()...)
}

func (s *Store) verify(ctx context.Context, name string) VerifyResult {
	p, known := s.files.product(name)
	if known && p.kind == Runtime {
		if _, err := os.Stat(s.libraries.folder(p)); err != nil {
			return VerifyResult{p.name, notInstalled(p.name)}
		}
		return VerifyResult{p.name, s.libraries.rehash(ctx, p)}
	}
	if !known {
		folder, ok := s.files.importedFolder(name)
		if !ok {
			_, err := s.files.imported(name)
			return VerifyResult{name, err}
		}
		p.name = folder
	}
	d, err := s.files.read(p.name)
	if errors.Is(err, errNotInstalled) {
		if _, statErr := os.Stat(s.files.modelFolder(p.name)); statErr == nil {
			return VerifyResult{p.name, s.files.damaged(p.name, err)}
		}
		err = notInstalled(p.name)
	}
	if err == nil {
		err = s.files.rehash(ctx, d)
	}
	return VerifyResult{p.name, err}
}

func notInstalled(name string) error {
	return fault.New(fault.ModelMissing, "%s is not installed; run 'upscaled models pull %s' to install it.", name, name)
}

// rehashLibrary compares a stored library's files with the catalogue.
func (l *libraries) rehash(ctx context.Context, p product) error {
	for _, a := range p.forms[0] {
		if err := checkHash(ctx, filepath.Join(l.folder(p), a.Name), a.SHA256); err != nil {
			return l.files.damaged(p.name, err)
		}
	}
	return nil
}
