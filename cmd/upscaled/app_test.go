package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/engine/imagedata"
)

// An operation whose time was over, with no signal, is a failure.
func TestTimeoutIsNoInterruption(t *testing.T) {
	t.Parallel()
	for _, interrupted := range []bool{false, true} {
		var said bytes.Buffer
		a := newApp(streams{stdin: &bytes.Buffer{}, stdout: &bytes.Buffer{}, stderr: &said}, func(string) (string, bool) { return "", false })
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		a.openUpscaler = func(context.Context, imagedata.Limits) (batchEngine, error) {
			if interrupted {
				stop()
			}
			return nil, fmt.Errorf("open the device: %w", context.DeadlineExceeded)
		}
		code := a.run(ctx, []string{"upscale", filepath.Join(folder(t, map[string][]byte{"a.png": smallPNG(t)}), "a.png")})
		if interrupted != (code == exitInterrupted) || interrupted == strings.Contains(said.String(), "took too long") {
			t.Errorf("interrupted %v: exit %d, %s", interrupted, code, said.String())
		}
	}
}
