//go:build !e2e

package main

// instrument is where builds with the tag e2e replace the engine; see
// instrument_e2e.go.
func instrument(*app) {}
