package network_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/network/networktest"
	"upscaled/models/weights"
)

// small returns tensors of every architecture.
func small() map[string]weights.Tensors {
	swin := networktest.SwinVariant{Features: 12, Heads: 2, Window: 4, Groups: 1, Blocks: 2, Scale: 2, End: "shuffle"}
	hat, permuted := swin, swin
	hat.HAT, permuted.SRFormer = true, true
	mosr := networktest.MoSRVariant{Features: 8, Blocks: 1, Kernel: 5, Hidden: 12, Part: 8, Scale: 2, End: "gps"}
	second := mosr
	second.End, second.Second, second.RMS, second.Unshuffle = "shuffle", true, true, 2
	sampled := mosr
	sampled.End = "dys"
	dat := networktest.DATVariant{Features: 16, Heads: 2, Groups: 1, Blocks: 2, Scale: 2, Split: [2]int{2, 4}, End: "direct"}
	return map[string]weights.Tensors{
		"RRDBNet":   networktest.RandomRRDB(1, 1, 4, 2, 2, 2),
		"ESRGAN+":   networktest.RandomESRGAN(1, 4, 2, true),
		"SPSR":      networktest.RandomSPSR(1, 20, 4, 2),
		"ReLU":      networktest.RandomReLU(1, 3, 4, 2),
		"compact":   networktest.RandomCompact(1, 3, 4, 2),
		"SPAN":      networktest.RandomSPAN(1, 8, 2, true),
		"RealPLKSR": networktest.RandomRealPLKSR(1, networktest.PLKSRVariant{Features: 8, Blocks: 1, Kernel: 5, Part: 2, Scale: 2, Attend: true, DySample: true}),
		"SwinIR":    networktest.RandomSwinIR(1, swin),
		"HAT":       networktest.RandomSwinIR(1, hat),
		"DAT":       networktest.RandomDAT(1, dat),
		"RGT":       networktest.RandomRGT(1, dat),
		"OmniSR":    networktest.RandomOmniSR(1, networktest.OmniVariant{Features: 8, Groups: 1, Blocks: 1, Scale: 2, Window: 8, Positions: true}),
		"SRFormer":  networktest.RandomSwinIR(1, permuted),
		"MoSR":      networktest.RandomMoSR(1, mosr),
		"MoSR dys":  networktest.RandomMoSR(1, sampled),
		"MoSRv2":    networktest.RandomMoSR(1, second),
		"upconv":    networktest.RandomUpconv(1, 1, 2),
		"UpCunet":   networktest.RandomUpcunet(1, networktest.UpcunetVariant{Scale: 4, Width: 8, Pro: true}),
		"fast":      networktest.RandomUpcunet(1, networktest.UpcunetVariant{Scale: 2, Width: 8, Fast: true}),
		"RCAN":      networktest.RandomRCAN(1, networktest.RCANVariant{Features: 8, Groups: 1, Blocks: 1, Scale: 2, Shifted: true}),
	}
}

// Tensors that are missing or have another shape are an error in one sentence, or make
// a model whose graph can be written; they never panic.
func TestHostileTensors(t *testing.T) {
	t.Parallel()
	shapes := func(random *rand.Rand, s []int) [][]int {
		all := [][]int{{}, {0}, {1}, append(slices.Clone(s), 1), s[:len(s)-1]}
		for range 4 {
			other := slices.Clone(s)
			other[random.IntN(len(s))] = []int{0, 1, 2, 3, 7, 12, 48, 100}[random.IntN(8)]
			all = append(all, other)
		}
		return all
	}
	for name, tensors := range small() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(5, 5))
			try := func(change string, changed weights.Tensors) {
				n, err := network.Recognize(changed)
				if err == nil {
					_, err = n.Graph(usual)
				}
				if err != nil && fault.KindOf(err) != fault.Invalid && fault.KindOf(err) != fault.Unsupported {
					t.Errorf("%s: %v", change, err)
				}
			}
			try("nothing", tensors)
			for i, tensor := range slices.Sorted(maps.Keys(tensors)) {
				if i%(1+len(tensors)/150) > 0 {
					continue // the same layers again
				}
				without := maps.Clone(tensors)
				delete(without, tensor)
				try("without "+tensor, without)
				for _, shape := range shapes(random, tensors[tensor].Shape) {
					size := 1
					for _, side := range shape {
						size *= side
					}
					changed := maps.Clone(tensors)
					changed[tensor] = weights.Tensor{Shape: shape, Data: make([]float32, size)}
					try(tensor, changed)
				}
			}
		})
	}
}

// Small files that ask for much memory are refused before it is allocated.
func TestHostileSizes(t *testing.T) {
	t.Parallel()
	swin := networktest.SwinVariant{Features: 64, Heads: 16, Window: 64, Groups: 1, Blocks: 2, Scale: 2, End: "shuffle"}
	hat := swin
	hat.HAT = true
	permuted := swin
	permuted.Window, permuted.SRFormer = 48, true
	dat := networktest.DATVariant{Features: 64, Heads: 16, Groups: 1, Blocks: 2, Scale: 2, Split: [2]int{64, 64}, End: "direct"}
	span := maps.Clone(networktest.RandomSPAN(1, 64, 2, true))
	wide := func(name string, shape ...int) {
		size := 1
		for _, side := range shape {
			size *= side
		}
		span[name] = weights.Tensor{Shape: shape, Data: make([]float32, size)}
	}
	wide("block_1.c1_r.conv.0.weight", 1, 64, 1, 1)
	wide("block_1.c1_r.conv.0.bias", 1)
	wide("block_1.c1_r.conv.1.weight", 60_000, 1, 3, 3)
	wide("block_1.c1_r.conv.1.bias", 60_000)
	wide("block_1.c1_r.conv.2.weight", 64, 60_000, 1, 1)
	for name, tensors := range map[string]weights.Tensors{
		"SwinIR": networktest.RandomSwinIR(1, swin), "HAT": networktest.RandomSwinIR(1, hat), "DAT": networktest.RandomDAT(1, dat),
		"SRFormer": networktest.RandomSwinIR(1, permuted),
		"RGT":      networktest.RandomRGT(1, dat), "SPAN": span,
		"OmniSR": networktest.RandomOmniSR(1, networktest.OmniVariant{Features: 8, Groups: 1, Blocks: 1, Scale: 2, Window: 64, Positions: true}),
	} {
		if _, err := network.Recognize(tensors); fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Sentence(err), "memory") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
