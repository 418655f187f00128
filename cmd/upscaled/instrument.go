//go:build !e2e

package main

// instrument replaces the engine in builds with the tag e2e, see instrument_e2e.go.
func instrument(*app) {}
