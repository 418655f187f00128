package job

import "time"

// Depth is how much work waits and runs, on all processes together.
type Depth struct {
	Queued, Running int
	// Oldest is how long the oldest queued job has waited; 0 if there is none.
	Oldest time.Duration
	// PerAPI counts the queued and running jobs of each API that has any.
	PerAPI map[string]int
}
