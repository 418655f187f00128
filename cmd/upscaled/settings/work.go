package settings

import (
	"os"
	"path/filepath"
	"slices"
	"time"

	"upscaled/engine"
	"upscaled/engine/imagedata"
	"upscaled/server/worker/child"
)

// Queue is where jobs and keys are kept.
type Queue struct {
	// Data is the folder of the embedded store, NATS the URLs of an external one
	// with the file Credentials.
	Data, NATS, Credentials string
}

// Settings declares them.
func (q *Queue) Settings() []Setting {
	return []Setting{
		{Key: "data", Into: &q.Data, Flag: true, Help: "folder for jobs, images and keys (default: upscaled in the user's data folder)"},
		{Key: "nats", Into: &q.NATS, Flag: true, Help: "URLs of an external NATS JetStream, separated by commas, in place of the embedded one in --data"},
		{Key: "nats-credentials", Into: &q.Credentials, Flag: true, Help: "credentials file for --nats"},
	}
}

// Folder is Data or its default, by the XDG base directory specification.
func (q *Queue) Folder(lookupEnv func(string) (string, bool)) string {
	if q.Data != "" {
		return q.Data
	}
	if base, _ := lookupEnv("XDG_DATA_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "upscaled")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "upscaled-data"
	}
	return filepath.Join(home, ".local", "share", "upscaled")
}

// Engine holds the settings of the process that runs models.
type Engine struct {
	// MaxPixels and MaxSide bound an input image, DecodeMemory the bytes that
	// decoding it takes; 0 is no bound.
	MaxPixels    int64
	MaxSide      int
	DecodeMemory int64
	// Memory bounds the process in bytes; 0 is no bound.
	Memory   int64
	NoWarmUp bool
}

// Settings declares them.
func (e *Engine) Settings() []Setting {
	return []Setting{
		{Key: "limits.max-pixels", Into: &e.MaxPixels, Default: "100M", Least: 1, Was: "max-pixels", Help: "pixels of an input image at most, all frames together"},
		{Key: "limits.max-side", Into: &e.MaxSide, Default: "30000", Least: 1, Was: "max-side", Help: "pixels of an input image's longer side at most"},
		{Key: "limits.decode-memory", Into: &e.DecodeMemory, Default: "1GiB", Was: "decode-memory", Help: "memory that decoding one input image may take, by its header; 0 is no bound"},
		{Key: "engine.memory", Into: &e.Memory, Help: "memory of the engine's own process at most; an image that needs more fails; 0 is no bound (Linux only)"},
		{Key: "engine.no-warm-up", Into: &e.NoWarmUp, Was: "no-warm-up", Help: "do not load the model before the first job"},
	}
}

// Limits returns the bounds of decoding.
func (e *Engine) Limits() imagedata.Limits {
	return imagedata.Limits{Pixels: e.MaxPixels, Side: e.MaxSide, Memory: e.DecodeMemory}
}

// Work is how jobs are run.
type Work struct {
	Engine
	Faces Faces
	Films Films
	// Isolate runs models in a process of its own.
	Isolate bool
	// Small, Large and Parts are how many jobs of each lane run at once; images of
	// more than LargePixels are in the lane for large ones.
	Small, Large int
	Parts        int
	LargePixels  int64
	Lease, Grace time.Duration
	Attempts     int
	// MaxJobs bounds the unfinished jobs of all clients, PerKey those of one key
	// that has no bound of its own; 0 is no bound for the latter.
	MaxJobs, PerKey int
	Retention       time.Duration
	LogLevel        string
	LogText         bool
}

// Settings declares them.
func (w *Work) Settings() []Setting {
	own := []Setting{
		{Key: "jobs", Into: &w.Small, Default: "4", Least: 1, Flag: true, Help: "small images that run at once; they share the device tile by tile"},
		{Key: "log-level", Into: &w.LogLevel, Default: "info", Flag: true, Choices: []string{"debug", "info", "warn", "error"}, Help: "least important messages to log: debug, info, warn or error"},
		{Key: "log-text", Into: &w.LogText, Flag: true, Help: "log lines for people in place of JSON; always on a terminal"},
		{Key: "queue.large-jobs", Into: &w.Large, Default: "2", Least: 1, Was: "large-jobs", Help: "large images that run at once, beside the small ones"},
		{Key: "queue.film-parts", Into: &w.Parts, Default: "2", Help: "parts of films that run at once, beside the images; 0 leaves films to other workers"},
		{Key: "queue.large-pixels", Into: &w.LargePixels, Default: "2M", Was: "large-pixels", Help: "input pixels above which an image is in the lane for large ones"},
		{Key: "queue.lease", Into: &w.Lease, Default: "30s", Least: 1, Was: "lease", Help: "how long a silent worker keeps a job before another takes it"},
		{Key: "queue.attempts", Into: &w.Attempts, Default: "3", Least: 1, Was: "attempts", Help: "how often a job is started before it fails for good"},
		{Key: "queue.grace", Into: &w.Grace, Default: "30s", Least: 1e-3, Was: "grace", Help: "how long running work may finish after SIGTERM before it is handed back"},
		{Key: "queue.max-jobs", Into: &w.MaxJobs, Default: "1000", Least: 1, Was: "max-queue", Help: "jobs waiting or running at most; more are answered 503"},
		{Key: "queue.per-key", Into: &w.PerKey, Was: "per-key", Help: "unfinished jobs of one key at most, for keys without a bound of their own; 0 is no bound"},
		{Key: "queue.retention", Into: &w.Retention, Default: "24h", Least: 60, Was: "retention", Help: "how long images and finished jobs are kept; set when the store is made"},
		{Key: "engine.isolate", Into: &w.Isolate, Default: "true", Was: "isolate", Help: "run models in a process of their own: if it crashes, it is restarted and only the image it crashed on fails"},
	}
	return slices.Concat(own, w.Engine.Settings(), w.Faces.Settings(false), w.Films.Settings())
}

// Problems reports values that contradict each other.
func (w *Work) Problems() (problems []string) {
	if w.Memory > 0 && !w.Isolate {
		problems = append(problems, "engine.memory bounds the process that engine.isolate = false leaves out")
	}
	if w.Memory > 0 && !child.MemoryIsKnown {
		problems = append(problems, "engine.memory is kept on Linux only")
	}
	return problems
}

// Faces is how faces are enhanced.
type Faces struct {
	Restorer, Missing string
	Strength, Score   float64
	Min, Max          int
	OnlyCenter        bool
}

// Settings declares them, with flags if flag is set.
func (f *Faces) Settings(flag bool) []Setting {
	return []Setting{
		{Key: "face.restorer", Into: &f.Restorer, Default: "auto", Flag: flag, Help: "face restorer by name, see 'upscaled models list'; auto is the best that is installed"},
		{Key: "face.missing", Into: &f.Missing, Default: string(engine.Refine), Flag: flag, Choices: []string{"refine", "error", "ignore"}, Help: "if no face restorer is installed: refine (run x4plus on each face), error or ignore"},
		{Key: "face.strength", Into: &f.Strength, Default: "0.8", Most: 1, Flag: flag, Help: "how much of the enhanced face is blended in, 0 to 1"},
		{Key: "face.min", Into: &f.Min, Default: "24", Least: 1, Flag: flag, Help: "shortest side in input pixels of a face that is enhanced"},
		{Key: "face.max", Into: &f.Max, Default: "50", Least: 1, Flag: flag, Help: "faces enhanced in one image at most, the largest first"},
		{Key: "face.score", Into: &f.Score, Flag: flag, Help: "least score of a face on the detector's own scale; 0 is the detector's own"},
		{Key: "face.only-center", Into: &f.OnlyCenter, Flag: flag, Help: "enhance only the face nearest to the image's center"},
	}
}

// Request returns the engine's options for faces.
func (f *Faces) Request() engine.Faces {
	return engine.Faces{
		DetectorOptions: engine.DetectorOptions{Minimum: f.Min, Maximum: f.Max, Threshold: f.Score},
		Restorer:        f.Restorer, Strength: f.Strength, OnlyCentre: f.OnlyCenter, Missing: engine.FaceMissing(f.Missing),
	}
}
