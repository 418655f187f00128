package models

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"upscaled/models/artifact"
	"upscaled/models/fault"
)

// Environment variables that Open reads for options that are empty.
const (
	HomeVariable    = "UPSCALED_HOME"
	LibraryVariable = "UPSCALED_ONNXRUNTIME"
)

// Options configure a store. The zero value is what the command line uses.
type Options struct {
	// Home is the store's folder; "" means UPSCALED_HOME, otherwise the folder
	// "upscaled-home" beside the program if there is one, otherwise the folder
	// "upscaled" in the user's cache folder. It is created when first written.
	Home string
	// RuntimeLibrary is the path of an ONNX Runtime library to use instead of
	// the store's; "" means UPSCALED_ONNXRUNTIME, otherwise none.
	RuntimeLibrary string
	// Platform is the system whose libraries are pulled, such as "windows/amd64", for
	// a folder that is carried there; "" is this one.
	Platform string
	// Offline forbids every download.
	Offline bool
	// Progress receives the downloads that Load and RuntimeLibrary start, one
	// call at a time. It may be nil.
	Progress func(Progress)
	// Fetcher downloads. Its Scratch is ignored: the store's folder is used.
	Fetcher artifact.Fetcher
}

// Progress reports the download of a model or library. Store.Entry(Name) returns
// the licence and origin to show.
type Progress struct {
	Name string
	artifact.Progress
}

// Store is an open store. Its methods are safe for concurrent use, also by
// several processes on one folder.
type Store struct {
	files     *files
	installer *installer
	// The parts whose exported methods are the store's.
	*loader
	*importer
	*libraries
}

// Open opens a store without reading or writing anything.
func Open(options Options) (*Store, error) {
	home := cmp.Or(options.Home, os.Getenv(HomeVariable), besideProgram())
	if home == "" {
		folder, err := os.UserCacheDir()
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "This user has no cache folder; choose a folder for models with --home or %s.", HomeVariable)
		}
		home = filepath.Join(folder, "upscaled")
	}
	home, err := filepath.Abs(home)
	if err != nil {
		return nil, fmt.Errorf("find the store's folder: %w", err)
	}
	files := &files{home: home, products: catalogue(options.Platform)}
	downloads := &downloads{offline: options.Offline, fetcher: options.Fetcher, progress: serial(options.Progress)}
	downloads.fetcher.Packages = &artifact.Packages{Folder: files.staging()}
	installer := &installer{files: files, downloads: downloads}
	return &Store{
		files:     files,
		installer: installer,
		loader:    &loader{files: files, installer: installer},
		importer:  &importer{files: files, installer: installer},
		libraries: &libraries{files: files, downloads: downloads, chosen: cmp.Or(options.RuntimeLibrary, os.Getenv(LibraryVariable))},
	}, nil
}

// besideProgram returns the folder of models that archives for machines without a
// network have beside the program, or "".
func besideProgram() string {
	program, err := os.Executable()
	if err == nil {
		program, err = filepath.EvalSymlinks(program)
	}
	folder := filepath.Join(filepath.Dir(program), "upscaled-home")
	if info, statErr := os.Stat(folder); err != nil || statErr != nil || !info.IsDir() {
		return ""
	}
	return folder
}

// Home returns the absolute path of the store's folder.
func (s *Store) Home() string { return s.files.home }

// Offline reports whether downloads are forbidden.
func (s *Store) Offline() bool { return s.installer.downloads.offline }

// Default returns the model for a device kind ("cpu", "cuda"): the fast general
// one on CPUs, the largest on GPUs, which can afford it.
func (s *Store) Default(deviceKind string) string {
	return defaultModel(deviceKind)
}

func defaultModel(deviceKind string) string {
	if deviceKind == "cuda" {
		return "realesrgan-x4plus"
	}
	return generalModel
}

// Pull downloads, verifies and stores a model or library of the catalogue,
// unless it is installed and undamaged. progress may be nil; it is not called if
// another call is already downloading the same. The error is fault.ModelMissing
// if the store is offline or all sources failed, with one line per source.
func (s *Store) Pull(ctx context.Context, name string, progress func(Progress)) (Entry, error) {
	p, ok := s.files.product(name)
	if !ok {
		d, err := s.files.imported(name)
		if err == nil {
			err = fault.New(fault.Invalid, "%s was imported from a file and cannot be downloaded; import the file again.", d.Name)
		}
		return Entry{}, err
	}
	progress = serial(progress)
	if p.kind == Runtime {
		if _, err := s.libraries.install(ctx, p, progress, s.libraries.intact); err != nil {
			return Entry{}, err
		}
		return s.productEntry(p), nil
	}
	d, err := s.installer.pull(ctx, p, progress)
	if err != nil {
		return Entry{}, err
	}
	return d.entry(), nil
}

// folder returns the folder of a catalogue entry, or of an imported model.
func (s *Store) folder(p product) string {
	if p.kind == Runtime {
		return s.libraries.folder(p)
	}
	return s.files.modelFolder(p.name)
}

// serial passes one call at a time; several models may download at once.
func serial(progress func(Progress)) func(Progress) {
	if progress == nil {
		return func(Progress) {}
	}
	var one sync.Mutex
	return func(p Progress) {
		one.Lock()
		defer one.Unlock()
		progress(p)
	}
}
