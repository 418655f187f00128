package cpu_test

import (
	"os"
	"strings"
	"testing"

	"upscaled/engine"
	"upscaled/engine/cpu"
	"upscaled/engine/cpu/kernels"
	"upscaled/engine/enginetest"
	"upscaled/models/network"
	"upscaled/models/network/networktest"
	"upscaled/models/weights"
)

var _ engine.Runtime = (*cpu.Runtime)(nil)

// opened returns a runtime that is closed when the test ends.
func opened(t testing.TB, o cpu.Options) *cpu.Runtime {
	t.Helper()
	r, err := cpu.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// forced is how one kernel of this CPU is chosen, and its precision.
type forced struct {
	name      string
	options   cpu.Options
	precision network.Precision
}

// everyKernel returns the kernels of all instruction sets that this CPU supports.
// UPSCALED_REQUIRE_KERNELS lists sets, separated by commas, that must be among them.
func everyKernel(t testing.TB) []forced {
	t.Helper()
	var all []forced
	for _, set := range kernels.InstructionSets() {
		if !set.Supported {
			if required(set.Name) {
				t.Errorf("this CPU lacks %s, which UPSCALED_REQUIRE_KERNELS names", set.Name)
			}
			t.Logf("no %s on this CPU: its kernels are not tested", set.Name)
			continue
		}
		fast := forced{set.Name + " fast", cpu.Options{Kernels: set.Name}, network.Float32}
		if set.Half != nil {
			fast.precision = map[kernels.Type]network.Precision{
				kernels.BFloat16: network.BFloat16, kernels.Float16: network.Float16,
			}[set.Half.Precision()]
			fast.options.Precision = fast.precision
		}
		exact := forced{set.Name + " exact", cpu.Options{Kernels: set.Name, Precision: network.Float32}, network.Float32}
		all = append(all, fast, exact)
	}
	return all
}

// eachKernel runs a test with every kernel.
func eachKernel(t *testing.T, test func(t *testing.T, o cpu.Options, p network.Precision)) {
	t.Helper()
	for _, k := range everyKernel(t) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			test(t, k.options, k.precision)
		})
	}
}

func required(name string) bool {
	for each := range strings.SplitSeq(os.Getenv("UPSCALED_REQUIRE_KERNELS"), ",") {
		if each == name {
			return true
		}
	}
	return false
}

func recognized(t testing.TB, tensors weights.Tensors) *network.Network {
	t.Helper()
	n, err := network.Recognize(tensors)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestConformance(t *testing.T) {
	t.Parallel()
	eachKernel(t, func(t *testing.T, o cpu.Options, p network.Precision) {
		r := opened(t, o)
		enginetest.TestRuntime(t, r, recognized(t, networktest.RandomCompact(1, 3, 16, 4)), p)
		enginetest.TestRuntime(t, r, recognized(t, networktest.RandomRRDB(2, 1, 16, 8, 2, 2)), p)
		enginetest.TestRuntime(t, r, recognized(t, networktest.RandomSPAN(4, 16, 2, true)), p)
	})
}

func TestOpenAndClose(t *testing.T) {
	t.Parallel()
	enginetest.TestOpenAndClose(t, func() (enginetest.ClosedRuntime, error) {
		return cpu.Open(cpu.Options{Threads: 2})
	}, recognized(t, networktest.RandomCompact(3, 1, 8, 2)))
}
