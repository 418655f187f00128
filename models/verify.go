package models

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"upscaled/models/artifact"
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
	p, known := s.product(name)
	if !known {
		p.name, known = s.importedFolder(name)
		if !known {
			_, err := s.imported(name)
			return err
		}
	}
	folder := s.modelFolder(p.name)
	if p.kind == Runtime {
		folder = s.libraryFolder(p)
	}
	if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
		return fault.New(fault.NotFound, "%s is not installed.", p.name)
	}
	// The descriptor goes first: without it a model counts as removed even if
	// the rest is interrupted.
	if err := os.Remove(filepath.Join(folder, descriptorFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return unwritable(err, s.home)
	}
	if err := os.RemoveAll(folder); err != nil {
		return unwritable(err, s.home)
	}
	return nil
}

// installedNames returns everything that has a folder, damaged or not.
func (s *Store) installedNames() []string {
	var names []string
	for _, p := range s.products {
		folder := s.modelFolder(p.name)
		if p.kind == Runtime {
			folder = s.libraryFolder(p)
		}
		if _, err := os.Stat(folder); err == nil {
			names = append(names, p.name)
		}
	}
	return append(names, s.importedNames()...)
}

// importedFolder returns the folder of an imported model, damaged or not.
func (s *Store) importedFolder(name string) (string, bool) {
	for _, candidate := range s.importedNames() {
		if fold(candidate) == fold(name) {
			return candidate, true
		}
	}
	return "", false
}

func (s *Store) verify(ctx context.Context, name string) VerifyResult {
	p, known := s.product(name)
	if known && p.kind == Runtime {
		if _, err := os.Stat(s.libraryFolder(p)); err != nil {
			return VerifyResult{p.name, notInstalled(p.name)}
		}
		return VerifyResult{p.name, s.rehashLibrary(ctx, p)}
	}
	if !known {
		folder, ok := s.importedFolder(name)
		if !ok {
			_, err := s.imported(name)
			return VerifyResult{name, err}
		}
		p.name = folder
	}
	d, err := s.read(p.name)
	if errors.Is(err, errNotInstalled) {
		if _, statErr := os.Stat(s.modelFolder(p.name)); statErr == nil {
			return VerifyResult{p.name, s.damaged(p.name, err)}
		}
		err = notInstalled(p.name)
	}
	if err == nil {
		err = s.rehash(ctx, d)
	}
	return VerifyResult{p.name, err}
}

func notInstalled(name string) error {
	return fault.New(fault.ModelMissing, "%s is not installed; run 'upscaled models pull %s' to install it.", name, name)
}

// rehash compares a stored model's file with its descriptor.
func (s *Store) rehash(ctx context.Context, d descriptor) error {
	if err := checkHash(ctx, filepath.Join(s.modelFolder(d.Name), d.File), d.SHA256); err != nil {
		return s.damaged(d.Name, err)
	}
	return nil
}

// rehashLibrary compares a stored library's files with the catalogue.
func (s *Store) rehashLibrary(ctx context.Context, p product) error {
	for _, a := range p.forms[0] {
		if err := checkHash(ctx, filepath.Join(s.libraryFolder(p), a.Name), a.SHA256); err != nil {
			return s.damaged(p.name, err)
		}
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
