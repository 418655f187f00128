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

// libraries are the builds of ONNX Runtime.
type libraries struct {
	files     *files
	downloads *downloads
	chosen    string // the path of a library to use instead; mostly ""
	running   flights[string]
}

// RuntimeLibrary returns the path of the ONNX Runtime library for a device kind
// ("cpu", "cuda"): the one set explicitly, otherwise the store's, downloaded if
// needed. If there is none it fails with fault.ModelMissing and the remedy.
func (l *libraries) RuntimeLibrary(ctx context.Context, deviceKind string) (string, error) {
	if l.chosen != "" {
		info, err := os.Stat(l.chosen)
		if err != nil || !info.Mode().IsRegular() {
			return "", fault.Wrap(fault.ModelMissing, err, "There is no ONNX Runtime library at %s; correct or remove --onnxruntime or %s.", l.chosen, LibraryVariable)
		}
		return l.chosen, nil
	}
	p, err := l.runtimeFor(deviceKind)
	if err != nil {
		return "", err
	}
	return l.install(ctx, p, l.downloads.progress, func(_ context.Context, p product) bool { return l.installed(p) })
}

// NamedLibrary returns the path of the library that was set explicitly, or "".
func (l *libraries) NamedLibrary() string { return l.chosen }

// InstalledLibrary is RuntimeLibrary without downloading; it returns "" if
// nothing is installed.
func (l *libraries) InstalledLibrary(deviceKind string) string {
	if l.chosen != "" {
		if info, err := os.Stat(l.chosen); err == nil && info.Mode().IsRegular() {
			return l.chosen
		}
		return ""
	}
	p, err := l.runtimeFor(deviceKind)
	if err != nil || !l.installed(p) {
		return ""
	}
	return l.path(p)
}

// runtimeFor returns the build for a device kind on this system.
func (l *libraries) runtimeFor(deviceKind string) (product, error) {
	name := runtimeName
	if deviceKind == "cuda" {
		name = cudaRuntimeName
	}
	if p, ok := l.files.product(name); ok {
		return p, nil
	}
	return product{}, fault.New(fault.ModelMissing, "There is no ONNX Runtime download for %s on %s/%s; install ONNX Runtime 1.24 or later and set its path with --onnxruntime.", deviceKind, runtime.GOOS, runtime.GOARCH)
}

func (l *libraries) folder(p product) string { return filepath.Join(l.files.home, "lib", p.version) }

func (l *libraries) path(p product) string {
	return filepath.Join(l.folder(p), p.forms[0][0].Name)
}

// installed compares sizes only, which is cheap: files only appear
// complete and verified.
func (l *libraries) installed(p product) bool {
	for _, a := range p.forms[0] {
		info, err := os.Stat(filepath.Join(l.folder(p), a.Name))
		if err != nil || !info.Mode().IsRegular() || info.Size() != a.Size {
			return false
		}
	}
	return true
}

// intact is installed and also compares hashes.
func (l *libraries) intact(ctx context.Context, p product) bool {
	return l.installed(p) && l.rehash(ctx, p) == nil
}

// install downloads the missing files of a library unless present reports
// that it is complete, and returns the library's path.
func (l *libraries) install(ctx context.Context, p product, progress func(Progress), present func(context.Context, product) bool) (string, error) {
	path := l.path(p)
	result, err := l.running.do(ctx, p.name, func(ctx context.Context) (string, error) {
		if present(ctx, p) {
			return path, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		if l.downloads.offline {
			return "", missingOffline(p)
		}
		var items []artifact.Item
		for _, a := range p.forms[0] {
			item := artifact.Item{Artifact: a, Destination: filepath.Join(l.folder(p), a.Name)}
			if checkHash(ctx, item.Destination, a.SHA256) != nil {
				items = append(items, item)
			}
		}
		scratch, err := l.files.stage()
		if err != nil {
			return "", err
		}
		defer os.RemoveAll(scratch)
		_, err = l.downloads.fetch(ctx, p, items, scratch, progress)
		if failures, ok := errors.AsType[artifact.Failures](err); ok {
			return "", unreachable(p, failures)
		}
		return path, err
	})
	return result, interrupted(err, p.name)
}
