package queue

import (
	"context"
	"fmt"
	"testing"

	"upscaled/models/fault"
)

// A ledger that does not answer may have charged: its job must be withdrawn.
func TestOutagesAreNoRefusals(t *testing.T) {
	t.Parallel()
	if err := busyInOutage(t.Context(), fmt.Errorf("get: %w", context.DeadlineExceeded)); fault.KindOf(err) != fault.Busy || isRefusal(err) {
		t.Errorf("%v is a refusal", err)
	}
	if !isRefusal(fault.New(fault.NoCredits, "No credits.")) {
		t.Error("no refusal for lack of credits")
	}
}
