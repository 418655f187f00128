package models

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"upscaled/models/artifact"
	"upscaled/models/fault"
	"upscaled/models/network"
)

// Environment variables that Open reads for options that are empty.
const (
	HomeVariable    = "UPSCALED_HOME"
	LibraryVariable = "UPSCALED_ONNXRUNTIME"
)

// Options configure a store. The zero value is what the command line uses.
type Options struct {
	// Home is the store's folder; "" means UPSCALED_HOME, otherwise the folder
	// "upscaled" in the user's cache folder. It is created when first written.
	Home string
	// RuntimeLibrary is the path of an ONNX Runtime library to use instead of
	// the store's; "" means UPSCALED_ONNXRUNTIME, otherwise none.
	RuntimeLibrary string
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
	home           string
	runtimeLibrary string
	offline        bool
	fetcher        artifact.Fetcher
	products       []product
	// progress is never nil and serializes calls.
	progress func(Progress)
	installs flights[descriptor]
	libs     flights[string]
	loads    flights[*network.Network]
	loaded   cache
}

// Open opens a store without reading or writing anything.
func Open(options Options) (*Store, error) {
	s := &Store{
		home:           firstOf(options.Home, os.Getenv(HomeVariable)),
		runtimeLibrary: firstOf(options.RuntimeLibrary, os.Getenv(LibraryVariable)),
		offline:        options.Offline,
		fetcher:        options.Fetcher,
		products:       catalogue(),
		progress:       serial(options.Progress),
	}
	if s.home == "" {
		folder, err := os.UserCacheDir()
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "This user has no cache folder; choose a folder for models with --home or %s.", HomeVariable)
		}
		s.home = filepath.Join(folder, "upscaled")
	}
	absolute, err := filepath.Abs(s.home)
	if err != nil {
		return nil, fmt.Errorf("find the store's folder: %w", err)
	}
	s.home = absolute
	return s, nil
}

// Home returns the absolute path of the store's folder.
func (s *Store) Home() string { return s.home }

// Offline reports whether downloads are forbidden.
func (s *Store) Offline() bool { return s.offline }

// Default returns the model for a device kind ("cpu", "cuda"): the fast general
// one on CPUs, the largest on GPUs, which can afford it.
func (s *Store) Default(deviceKind string) string {
	if deviceKind == "cuda" {
		return "realesrgan-x4plus"
	}
	return generalModel
}

func (s *Store) modelFolder(name string) string { return filepath.Join(s.home, "models", name) }

func firstOf(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
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
