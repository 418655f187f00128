package ort_test

import "testing"

// Every machine multiplies some matrices, and none of two decades reaches this
// many.
func TestPeak(t *testing.T) {
	if testing.Short() {
		t.Skip("times mean nothing under the race detector")
	}
	peak, err := needRuntime(t).Peak(t.Context())
	if err != nil || peak < 1e9 || peak > 1e16 {
		t.Errorf("%g operations a second, %v", peak, err)
	}
	t.Logf("%.0f GFLOP/s", peak/1e9)
}
