package decode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata"
	"upscaled/models/fault"
)

// serverLimits are the defaults of upscaled serve.
var serverLimits = imagedata.Limits{Pixels: 100_000_000, Side: 30_000, Memory: 1 << 30}

// hostileVariable names the file that the test's own executable decodes in a
// process of its own, whose memory nobody else uses.
const hostileVariable = "UPSCALED_HOSTILE_FILE"

// cost is the resources that a file took.
type cost struct {
	Kind    fault.Kind // "" for a file that is decoded
	Frames  int
	Seconds float64 // of CPU time
	// MiB is the largest the heap has been, without race detector's shadow.
	MiB uint64
}

// hostileFile is a file and what it may cost beyond an idle process's 8 MiB.
type hostileFile struct {
	name string
	make func(t testing.TB) []byte
	kind fault.Kind
	// mebibytes bounds the heap. Below 100 the file is rejected or small; more is
	// what its pixels need within the limits.
	mebibytes uint64
}

// hostileSeconds bounds the CPU time of each file, with room for the race
// detector; the slowest takes about a tenth.
const hostileSeconds = 90

// TestHostileFiles decodes each file in its own process under the server's
// limits and holds memory and time to bounds.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	files := slices.Concat(hostilePNG(), hostileAnimations(), hostileJPEG(), hostileTIFF(), hostileOthers(), hostileFurther())
	for _, file := range files {
		t.Run(file.name, func(t *testing.T) {
			if testing.Short() && (file.mebibytes > 60 || !strings.Contains(file.name, "PNG")) {
				t.Skip("takes long under the race detector, and only PNG is decoded in two goroutines")
			}
			data := file.make(t)
			took := decodeApart(t, data, file.mebibytes)
			t.Logf("%-44s | %9d bytes | %-11s | %5d frames | %6.2f s | %4d MiB of %d",
				file.name, len(data), took.Kind, took.Frames, took.Seconds, took.MiB, file.mebibytes)
			if took.Kind != file.kind {
				t.Errorf("kind %q, want %q", took.Kind, file.kind)
			}
			if took.Seconds > hostileSeconds {
				t.Errorf("%.1f s of CPU time, the limit is %d", took.Seconds, hostileSeconds)
			}
			if took.MiB > file.mebibytes || took.MiB<<20 > uint64(serverLimits.Memory) {
				t.Errorf("%d MiB, the limit is %d", took.MiB, file.mebibytes)
			}
		})
	}
}

// decodeApart runs TestHostileChild on a file with a memory limit for the garbage
// collector, which lags on a loaded machine without one.
func decodeApart(t *testing.T, data []byte, mebibytes uint64) cost {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hostile")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestHostileChild$")
	child.Env = append(os.Environ(), hostileVariable+"="+path, fmt.Sprintf("GOMEMLIMIT=%dMiB", mebibytes))
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out[:min(len(out), 2000)])
	}
	var took cost
	if err := json.NewDecoder(bytes.NewReader(out)).Decode(&took); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	took.Seconds = (child.ProcessState.UserTime() + child.ProcessState.SystemTime()).Seconds()
	return took
}

// TestHostileChild is the other process: it decodes all frames, makes the
// result's metadata and prints the cost.
func TestHostileChild(t *testing.T) {
	path := os.Getenv(hostileVariable)
	if path == "" {
		t.Skip("only TestHostileFiles runs it, in a process of its own")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	took := cost{}
	if d, err := Open(data, serverLimits); err != nil {
		took.Kind = fault.KindOf(err)
	} else {
		for err == nil {
			if _, err = d.Next(); err == nil {
				took.Frames++
			}
		}
		if took.Frames < d.Info().Frames {
			took.Kind = fault.KindOf(err)
		}
		metadata.Fit(d.Info().Meta, 100, 100)
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	took.MiB = memory.HeapSys >> 20
	if err := json.NewEncoder(os.Stdout).Encode(took); err != nil {
		t.Fatal(err)
	}
}
