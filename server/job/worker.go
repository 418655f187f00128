package job

import "time"

// Worker is a process that runs jobs.
type Worker struct {
	// Name is unique among the workers of one queue: the machine's, with a number if
	// it has several.
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Devices []string `json:"devices"`
	// Models are those that it has or can download.
	Models []Model `json:"models"`
	// Ready means that its engine can run jobs; before, the model is loading.
	Ready   bool      `json:"ready"`
	Started time.Time `json:"started"`
	// Draining workers take no jobs.
	Draining bool `json:"draining"`
	// Jobs are running, Succeeded and Failed have ended since Started.
	Jobs      []WorkerJob `json:"jobs"`
	Succeeded int64       `json:"succeeded"`
	Failed    int64       `json:"failed"`
	// Heartbeat is when it was last heard of.
	Heartbeat time.Time   `json:"heartbeat,omitzero"`
	State     WorkerState `json:"state,omitempty"`
}

// WorkerJob is a job that a worker runs.
type WorkerJob struct {
	ID    string    `json:"id"`
	Since time.Time `json:"since"`
}

// WorkerState summarizes a Worker.
type WorkerState string

const (
	WorkerStarting WorkerState = "starting" // its model is loading
	WorkerReady    WorkerState = "ready"
	WorkerDraining WorkerState = "draining" // it runs its last jobs
	WorkerDrained  WorkerState = "drained"  // it runs nothing and takes nothing
	WorkerLost     WorkerState = "lost"     // it died, or is cut off
)

// Model is a model of a worker.
type Model struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`
	// Scale is output side / input side; 0 for face restorers.
	Scale     int  `json:"scale"`
	Installed bool `json:"installed"`
	// Tiles is "exact", "blended" or "whole": how large images are computed. Radius is
	// by how many pixels exact tiles overlap.
	Tiles  string `json:"tiles,omitempty"`
	Radius int    `json:"radius,omitempty"`
	// Denoise means that the model supports the option of that name.
	Denoise bool   `json:"denoise"`
	Licence string `json:"licence"`
	// Origin is author and source in one text. Source is a URL.
	Origin string   `json:"origin"`
	Author string   `json:"author"`
	Source string   `json:"source"`
	Tags   []string `json:"tags"`
	// Title is a name for people, and VariantOf the model that people choose in place
	// of this one; both are mostly "".
	Title     string `json:"title,omitempty"`
	VariantOf string `json:"variant_of,omitempty"`
	// Bytes is the size on disk, or of the download if it is not installed.
	Bytes int64 `json:"bytes,omitempty"`
	// Imported models come from a file of the operator and exist on their worker only.
	Imported bool `json:"imported,omitempty"`
	// Notice is a sentence that users must see before using it; mostly "".
	Notice string `json:"notice,omitempty"`
	// NonCommercial marks licenses that are known to forbid commercial use.
	NonCommercial bool `json:"non_commercial"`
	// Faces marks face restorers, which jobs name as face_restorer.
	Faces bool `json:"faces"`
}
