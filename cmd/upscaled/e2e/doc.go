// Package e2e tests the built program as a whole: real processes, real ports,
// real disks. The tests need the build tag e2e and run for minutes:
//
//	go test -tags e2e ./cmd/upscaled/e2e
//
// Most of them replace the engine with one of package pretend, which is compiled
// into the program only under the same tag.
package e2e
