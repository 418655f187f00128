package models

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"

	"upscaled/models/artifact"
	"upscaled/models/fault"
)

// RuntimeLibrary returns the path of the ONNX Runtime library for a device kind
// ("cpu", "cuda"): the one set explicitly, otherwise the store's, downloaded if
// needed. If there is none it fails with fault.ModelMissing and the remedy.
func (s *Store) RuntimeLibrary(ctx context.Context, deviceKind string) (string, error) {
	if s.runtimeLibrary != "" {
		info, err := os.Stat(s.runtimeLibrary)
		if err != nil || !info.Mode().IsRegular() {
			return "", fault.Wrap(fault.ModelMissing, err, "There is no ONNX Runtime library at %s; correct or remove --onnxruntime or %s.", s.runtimeLibrary, LibraryVariable)
		}
		return s.runtimeLibrary, nil
	}
	p, err := s.runtimeFor(deviceKind)
	if err != nil {
		return "", err
	}
	return s.installLibrary(ctx, p, s.progress, func(_ context.Context, p product) bool { return s.libraryInstalled(p) })
}

// InstalledLibrary is RuntimeLibrary without downloading; it returns "" if
// nothing is installed.
func (s *Store) InstalledLibrary(deviceKind string) string {
	if s.runtimeLibrary != "" {
		if info, err := os.Stat(s.runtimeLibrary); err == nil && info.Mode().IsRegular() {
			return s.runtimeLibrary
		}
		return ""
	}
	p, err := s.runtimeFor(deviceKind)
	if err != nil || !s.libraryInstalled(p) {
		return ""
	}
	return s.libraryPath(p)
}

// runtimeFor returns the build for a device kind on this system.
func (s *Store) runtimeFor(deviceKind string) (product, error) {
	name := runtimeName
	if deviceKind == "cuda" {
		name = cudaRuntimeName
	}
	if p, ok := s.product(name); ok {
		return p, nil
	}
	return product{}, fault.New(fault.ModelMissing, "There is no ONNX Runtime download for %s on %s/%s; install ONNX Runtime 1.24 or later and set its path with --onnxruntime.", deviceKind, runtime.GOOS, runtime.GOARCH)
}

func (s *Store) libraryFolder(p product) string { return filepath.Join(s.home, "lib", p.version) }

func (s *Store) libraryPath(p product) string {
	return filepath.Join(s.libraryFolder(p), p.forms[0][0].Name)
}

// libraryInstalled compares sizes only, which is cheap: files only appear
// complete and verified.
func (s *Store) libraryInstalled(p product) bool {
	for _, a := range p.forms[0] {
		info, err := os.Stat(filepath.Join(s.libraryFolder(p), a.Name))
		if err != nil || !info.Mode().IsRegular() || info.Size() != a.Size {
			return false
		}
	}
	return true
}

// libraryIntact also compares hashes.
func (s *Store) libraryIntact(ctx context.Context, p product) bool {
	return s.libraryInstalled(p) && s.rehashLibrary(ctx, p) == nil
}

// installLibrary downloads the missing files of a library unless present reports
// that it is complete, and returns the library's path.
func (s *Store) installLibrary(ctx context.Context, p product, progress func(Progress), present func(context.Context, product) bool) (string, error) {
	path := s.libraryPath(p)
	result, err := s.libs.do(ctx, p.name, func(ctx context.Context) (string, error) {
		if present(ctx, p) {
			return path, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if s.offline {
			return "", missingOffline(p)
		}
		var items []artifact.Item
		for _, a := range p.forms[0] {
			item := artifact.Item{Artifact: a, Destination: filepath.Join(s.libraryFolder(p), a.Name)}
			if checkHash(ctx, item.Destination, a.SHA256) != nil {
				items = append(items, item)
			}
		}
		scratch, err := s.stage()
		if err != nil {
			return "", err
		}
		defer os.RemoveAll(scratch)
		_, err = s.fetch(ctx, p, items, scratch, progress)
		var failures artifact.Failures
		if errors.As(err, &failures) {
			return "", unreachable(p, failures)
		}
		return path, err
	})
	return result, interrupted(err, p.name)
}
