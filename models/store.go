// Package models knows every network and library this program uses by name:
// where each comes from, how it is checked and where it lies on disk. It
// converts what it fetches or imports into one form that loads fast.
//
// The store is one folder:
//
//	models/<name>/model.json                  what the model is; written last
//	models/<name>/weights-<hash>.safetensors  float32 weights (RRDBNet, SRVGGNetCompact)
//	models/<name>/model-<hash>.onnx           an imported ONNX file, or a face model as published
//	lib/<version>/                            ONNX Runtime as published
//	staging/                                  downloads on their way
//
// Files appear whole by rename and model.json names the file that counts, so
// that a crash, a cancellation or two processes at once leave a valid store.
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

// Environment variables that Open reads where its options are empty.
const (
	HomeVariable    = "UPSCALED_HOME"
	LibraryVariable = "UPSCALED_ONNXRUNTIME"
)

// Options configure a store. The zero value is what the command line uses.
type Options struct {
	// Home is the store's folder; "" is UPSCALED_HOME, else the folder
	// "upscaled" in the user's cache folder. It is made when first written to.
	Home string
	// RuntimeLibrary is the path of an ONNX Runtime library to use instead of
	// the store's; "" is UPSCALED_ONNXRUNTIME, else none.
	RuntimeLibrary string
	// Offline forbids every download.
	Offline bool
	// Progress follows downloads that Load and RuntimeLibrary start; it is
	// called from one goroutine at a time. nil follows nothing.
	Progress func(Progress)
	// Fetcher downloads. Its Scratch is ignored: packages pass through the
	// store's folder.
	Fetcher artifact.Fetcher
}

// Progress reports the download of a model or library. Store.Entry(Name) has
// the licence and origin to show.
type Progress struct {
	Name string
	artifact.Progress
}

// Store is an open store. Its methods may be called concurrently, also by
// several processes on one folder.
type Store struct {
	home           string
	runtimeLibrary string
	offline        bool
	fetcher        artifact.Fetcher
	products       []product
	// progress is never nil and passes one call at a time.
	progress func(Progress)
	installs flights[descriptor]
	libs     flights[string]
	loads    flights[*network.Network]
	loaded   cache
}

// Open opens a store. Nothing is read or written yet.
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
			return nil, fault.Wrap(fault.Invalid, err, "There is no cache folder for this user; name a folder for models with --home or %s.", HomeVariable)
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

// Home is the store's folder, as an absolute path.
func (s *Store) Home() string { return s.home }

// Offline tells whether downloads are forbidden.
func (s *Store) Offline() bool { return s.offline }

// Default names the model for a device kind ("cpu", "cuda"): the fast general
// network on processors, the largest where a GPU makes it affordable.
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

// serial lets one call through at a time; downloads of several models may run
// at once.
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
