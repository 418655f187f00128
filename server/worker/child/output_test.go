package child_test

import (
	"context"
	"errors"
	"os/exec"
	"testing"
	"time"

	"upscaled/server/worker/child"
)

// greedyBytes is more than a process has otherwise.
const greedyBytes = 128 << 20

func TestOutput(t *testing.T) {
	t.Parallel()
	out, said, err := child.Output(t.Context(), command("talker")(nil), 0)
	var exit *exec.ExitError
	if len(out) != 1<<20 || said != "said" || !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("%d bytes, %q, %v", len(out), said, err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if _, _, err := child.Output(ctx, command("hoarder")(nil), 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a process that does not end: %v", err)
	}
	if child.MemoryIsKnown {
		if _, _, err := child.Output(t.Context(), command("hoarder")(nil), greedyBytes); !errors.Is(err, child.ErrMemory) {
			t.Errorf("a greedy process: %v", err)
		}
	}
	if _, _, err := child.Output(t.Context(), exec.Command("/nonexistent"), 0); err == nil {
		t.Error("a program that does not exist ran")
	}
}
