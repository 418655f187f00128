package ort_test

import (
	"fmt"
	"math"
	"testing"

	"upscaled/models/network"
	"upscaled/models/network/networktest"
	"upscaled/models/weights"
)

const (
	// exact is how near float32 graphs come to the float64 reference, in 0..1.
	exact = 1e-4
	// visible is one step of 8 bits: how near float16 graphs come to it, but
	// for one value in a thousand.
	visible = 1.0 / 255
)

type numberCase struct {
	name    string
	tensors func(*testing.T) weights.Tensors
	compute func(weights.Tensors, networktest.Image) networktest.Image
	// sizes of images, height and width.
	sizes [][2]int
	// large models are run in fewer ways, for time.
	large bool
}

func made(tensors weights.Tensors) func(*testing.T) weights.Tensors {
	return func(*testing.T) weights.Tensors { return tensors }
}

func published(name string) func(*testing.T) weights.Tensors {
	return func(t *testing.T) weights.Tensors { return publishedWeights(t, name) }
}

func numberCases() []numberCase {
	small := [][2]int{{10, 12}, {1, 1}, {7, 3}}
	even := [][2]int{{10, 12}, {2, 2}}
	fours := [][2]int{{8, 12}}
	return []numberCase{
		{"general-x4v3", published("realesr-general-x4v3"), networktest.Compact, small, false},
		{"x4plus", published("realesrgan-x4plus"), networktest.RRDB, [][2]int{{8, 8}}, true},
		{"animevideov3-like", made(networktest.RandomCompact(11, 18, 64, 4)), networktest.Compact, small, false},
		{"anime-6B-like", made(networktest.RandomRRDB(12, 6, 64, 32, 1, 2)), networktest.RRDB, [][2]int{{10, 12}, {1, 1}}, true},
		{"x2plus-like", made(networktest.RandomRRDB(13, 3, 64, 32, 2, 2)), networktest.RRDB, even, false},
		{"x1-like", made(networktest.RandomRRDB(14, 1, 32, 16, 4, 2)), networktest.RRDB, fours, false},
		{"odd features", made(networktest.RandomRRDB(15, 1, 20, 7, 1, 1)), networktest.RRDB, small, false},
		{"no enlargement", made(networktest.RandomRRDB(16, 1, 16, 16, 1, 0)), networktest.RRDB, small, false},
		{"gray ESRGAN", made(networktest.RandomESRGAN(48, 1, 1, false)), networktest.Gray(networktest.RRDB), small, false},
		{"gray ESRGAN unshuffled", made(networktest.RandomESRGAN(49, 1, 2, false)), networktest.Gray(networktest.RRDB), even, false},
		{"RGBA ESRGAN", made(networktest.RandomESRGAN(50, 4, 1, false)), networktest.Alpha(networktest.RRDB), small, false},
		{"RGBA ESRGAN unshuffled", made(networktest.RandomESRGAN(51, 4, 2, true)), networktest.Alpha(networktest.RRDB), even, false},
		{"ESRGAN+", made(networktest.RandomESRGAN(52, 3, 1, true)), networktest.RRDB, small, false},
		{"SPSR", made(networktest.RandomSPSR(65, 20, 4, 2)), networktest.SPSR, small[:2], true},
		{"gray compact", made(networktest.RandomCompactOf(1, 66, 4, 24, 2)), networktest.Gray(networktest.Compact), small, false},
		{"RGBA compact", made(networktest.RandomCompactOf(4, 67, 4, 24, 3)), networktest.Alpha(networktest.Compact), small, false},
		{"compact with ReLU", made(networktest.RandomReLU(53, 4, 24, 2)), networktest.Compact, small, false},
		{"compact 2x", made(networktest.RandomCompact(17, 4, 24, 2)), networktest.Compact, small, false},
		{"compact 3x", made(networktest.RandomCompact(18, 4, 10, 3)), networktest.Compact, small, false},
		{"compact 1x", made(networktest.RandomCompact(19, 4, 16, 1)), networktest.Compact, small, false},
		{"SPAN", made(networktest.RandomSPAN(21, 20, 4, true)), networktest.SPAN, small, false},
		{"SPAN 2x without mean", made(networktest.RandomSPAN(22, 13, 2, false)), networktest.SPAN, small[:2], true},
		{"SPAN 1x", made(networktest.RandomSPAN(23, 16, 1, true)), networktest.SPAN, small[:2], true},
		{"RealPLKSR", made(networktest.RandomRealPLKSR(24, networktest.PLKSRVariant{Features: 16, Blocks: 2, Kernel: 9, Part: 4, Scale: 4, Attend: true})), networktest.RealPLKSR, small[:2], true},
		{"RealPLKSR with DySample", made(networktest.RandomRealPLKSR(25, networktest.PLKSRVariant{Features: 12, Blocks: 2, Kernel: 7, Part: 3, Scale: 2, ByLayer: true, Attend: true, DySample: true})), networktest.RealPLKSR, small[:2], true},
		{"RealPLKSR 3x with DySample", made(networktest.RandomRealPLKSR(26, networktest.PLKSRVariant{Features: 8, Blocks: 1, Kernel: 5, Part: 8, Scale: 3, DySample: true})), networktest.RealPLKSR, small[:2], true},
		{"RealPLKSR 1x", made(networktest.RandomRealPLKSR(27, networktest.PLKSRVariant{Features: 8, Blocks: 1, Kernel: 5, Part: 2, Scale: 1, ByLayer: true})), networktest.RealPLKSR, small[:2], true},
		{"SwinIR", made(networktest.RandomSwinIR(28, networktest.SwinVariant{Features: 12, Heads: 3, Window: 4, Groups: 2, Blocks: 2, Scale: 4, End: "nearest"})), networktest.SwinIR, fours, true},
		{"SwinIR 3x", made(networktest.RandomSwinIR(29, networktest.SwinVariant{Features: 16, Heads: 2, Window: 4, Groups: 1, Blocks: 3, Scale: 3, End: "shuffle", Chain: true})), networktest.SwinIR, fours, true},
		{"SwinIR lightweight", made(networktest.RandomSwinIR(30, networktest.SwinVariant{Features: 12, Heads: 2, Window: 2, Groups: 1, Blocks: 2, Scale: 2, End: "direct"})), networktest.SwinIR, even, true},
		{"SwinIR against JPEG", made(networktest.RandomSwinIR(31, networktest.SwinVariant{Features: 8, Heads: 2, Window: 7, Groups: 1, Blocks: 2, Scale: 1, End: "residual"})), networktest.SwinIR, [][2]int{{7, 14}}, true},
		{"SwinIR unshuffled", made(networktest.RandomSwinIR(32, networktest.SwinVariant{Features: 12, Heads: 2, Window: 2, Groups: 1, Blocks: 2, Scale: 4, Unshuffle: 2, End: "shuffle"})), networktest.SwinIR, fours, true},
		{"HAT", made(networktest.RandomSwinIR(33, networktest.SwinVariant{Features: 12, Heads: 2, Window: 4, Groups: 2, Blocks: 2, Scale: 4, End: "shuffle", HAT: true})), networktest.SwinIR, fours, true},
		{"HAT 2x", made(networktest.RandomSwinIR(34, networktest.SwinVariant{Features: 18, Heads: 3, Window: 8, Groups: 1, Blocks: 3, Scale: 2, End: "shuffle", HAT: true})), networktest.SwinIR, [][2]int{{8, 16}}, true},
		{"HAT 3x", made(networktest.RandomSwinIR(35, networktest.SwinVariant{Features: 12, Heads: 2, Window: 4, Groups: 1, Blocks: 2, Scale: 3, End: "shuffle", Chain: true, HAT: true})), networktest.SwinIR, fours, true},
		{"DAT", made(networktest.RandomDAT(36, networktest.DATVariant{Features: 16, Heads: 4, Groups: 2, Blocks: 3, Scale: 2, Split: [2]int{2, 4}, End: "shuffle"})), networktest.DAT, small[:2], true},
		{"DAT light", made(networktest.RandomDAT(37, networktest.DATVariant{Features: 16, Heads: 2, Groups: 1, Blocks: 3, Scale: 4, Split: [2]int{4, 4}, End: "direct", Chain: true})), networktest.DAT, small[:2], true},
		{"DAT 3x", made(networktest.RandomDAT(38, networktest.DATVariant{Features: 32, Heads: 4, Groups: 1, Blocks: 3, Scale: 3, Split: [2]int{4, 8}, End: "shuffle", NoBias: true})), networktest.DAT, small[:2], true},
		{"RCAN", made(networktest.RandomRCAN(39, networktest.RCANVariant{Features: 16, Groups: 2, Blocks: 2, Scale: 4, Shifted: true})), networktest.RCAN, small[:2], true},
		{"RCAN unshuffled", made(networktest.RandomRCAN(40, networktest.RCANVariant{Features: 12, Groups: 1, Blocks: 2, Scale: 4, Unshuffle: 2, Shifted: true})), networktest.RCAN, even, true},
		{"RCAN 3x", made(networktest.RandomRCAN(41, networktest.RCANVariant{Features: 8, Groups: 1, Blocks: 1, Scale: 3})), networktest.RCAN, small[:2], true},
		{"OmniSR", made(networktest.RandomOmniSR(42, networktest.OmniVariant{Features: 16, Groups: 2, Blocks: 1, Scale: 4, Window: 8, Positions: true, Bias: true})), networktest.OmniSR, [][2]int{{17, 20}, {16, 24}}, true},
		{"OmniSR 2x", made(networktest.RandomOmniSR(43, networktest.OmniVariant{Features: 12, Groups: 1, Blocks: 2, Scale: 2, Bias: true})), networktest.OmniSR, [][2]int{{21, 16}}, true},
		{"OmniSR 3x", made(networktest.RandomOmniSR(44, networktest.OmniVariant{Features: 8, Groups: 1, Blocks: 1, Scale: 3, Window: 8, Positions: true, Bias: true})), networktest.OmniSR, [][2]int{{18, 23}}, true},
		{"RGT", made(networktest.RandomRGT(45, networktest.DATVariant{Features: 16, Heads: 2, Groups: 2, Blocks: 3, Scale: 2, Split: [2]int{2, 4}, End: "shuffle"})), networktest.RGT, [][2]int{{17, 34}}, true},
		{"RGT 4x", made(networktest.RandomRGT(46, networktest.DATVariant{Features: 16, Heads: 2, Groups: 1, Blocks: 4, Scale: 4, Split: [2]int{4, 4}, End: "shuffle", Chain: true})), networktest.RGT, [][2]int{{16, 19}}, true},
		{"RGT 3x", made(networktest.RandomRGT(47, networktest.DATVariant{Features: 24, Heads: 2, Groups: 1, Blocks: 2, Scale: 3, Split: [2]int{4, 8}, End: "shuffle"})), networktest.RGT, [][2]int{{20, 16}}, true},
		{"Real-CUGAN 2x", made(networktest.RandomUpcunet(48, networktest.UpcunetVariant{Scale: 2, Width: 4})), networktest.Upcunet, [][2]int{{24, 26}, {21, 23}}, true},
		{"Real-CUGAN 3x pro", made(networktest.RandomUpcunet(49, networktest.UpcunetVariant{Scale: 3, Width: 8, Pro: true})), networktest.Upcunet, [][2]int{{20, 24}, {21, 18}}, true},
		{"Real-CUGAN 4x", made(networktest.RandomUpcunet(50, networktest.UpcunetVariant{Scale: 4, Width: 4})), networktest.Upcunet, [][2]int{{22, 24}, {21, 23}}, true},
		{"Real-CUGAN fast", made(networktest.RandomUpcunet(51, networktest.UpcunetVariant{Scale: 2, Fast: true, Width: 8})), networktest.Upcunet, [][2]int{{44, 48}, {43, 45}}, true},
		{"waifu2x cunet 1x", made(networktest.RandomUpcunet(52, networktest.UpcunetVariant{Scale: 1, Width: 8})), networktest.Upcunet, [][2]int{{32, 36}, {33, 34}}, true},
		{"waifu2x upconv_7", made(networktest.RandomUpconv(53, 4, 2)), networktest.Upconv, small, true},
		{"waifu2x upconv_7 as published", made(networktest.RandomUpconv(54, 16, 2)), networktest.Upconv, small[:2], true},
		{"waifu2x vgg_7", made(networktest.RandomUpconv(55, 4, 1)), networktest.Upconv, small[:2], true},
		{"SRFormer", made(networktest.RandomSwinIR(56, networktest.SwinVariant{Features: 16, Heads: 2, Window: 4, Groups: 2, Blocks: 2, Scale: 2, End: "shuffle", SRFormer: true})), networktest.SwinIR, fours, true},
		{"SRFormer with odd shifts", made(networktest.RandomSwinIR(57, networktest.SwinVariant{Features: 12, Heads: 3, Window: 6, Groups: 1, Blocks: 3, Scale: 4, End: "nearest", SRFormer: true})), networktest.SwinIR, [][2]int{{12, 6}}, true},
		{"SRFormer light", made(networktest.RandomSwinIR(58, networktest.SwinVariant{Features: 24, Heads: 2, Window: 8, Groups: 1, Blocks: 2, Scale: 3, End: "direct", Chain: true, SRFormer: true})), networktest.SwinIR, [][2]int{{8, 16}}, true},
		{"MoSR", made(networktest.RandomMoSR(59, networktest.MoSRVariant{Features: 16, Blocks: 3, Kernel: 7, Hidden: 24, Part: 16, Scale: 4, End: "ps"})), networktest.MoSR, small[:2], true},
		{"MoSR averaged", made(networktest.RandomMoSR(60, networktest.MoSRVariant{Features: 12, Blocks: 2, Kernel: 5, Hidden: 12, Part: 12, Scale: 2, End: "gps"})), networktest.MoSR, small[:2], true},
		{"MoSR with DySample", made(networktest.RandomMoSR(61, networktest.MoSRVariant{Features: 16, Blocks: 2, Kernel: 7, Hidden: 24, Part: 12, Scale: 2, End: "dys"})), networktest.MoSR, small[:2], true},
		{"MoSRv2", made(networktest.RandomMoSR(62, networktest.MoSRVariant{Features: 16, Blocks: 3, Kernel: 11, Hidden: 24, Scale: 4, End: "ps", Second: true})), networktest.MoSR, small[:2], true},
		{"MoSRv2 unshuffled", made(networktest.RandomMoSR(63, networktest.MoSRVariant{Features: 16, Blocks: 2, Kernel: 11, Hidden: 24, Scale: 4, End: "shuffle", Second: true, RMS: true, Unshuffle: 2})), networktest.MoSR, even, true},
		{"MoSRv2 with DySample", made(networktest.RandomMoSR(64, networktest.MoSRVariant{Features: 16, Blocks: 2, Kernel: 11, Hidden: 24, Scale: 2, End: "dys", Second: true})), networktest.MoSR, small[:2], true},
		{"one convolution", made(networktest.RandomCompact(20, 1, 0, 2)), networktest.Compact, small, false},
	}
}

// TestNumbers compares every kind of graph with the float64 reference.
func TestNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range numberCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tensors := c.tensors(t)
			open := opens(t, recognized(t, tensors))
			for _, channels := range []int{3, 1} {
				if channels == 1 && c.large {
					continue
				}
				for _, size := range c.sizes {
					height, width := size[0], size[1]
					samples := sampled(height, width, channels)
					want := expected(c.compute(tensors, image(samples, height, width, channels, 255)), channels)
					name := fmt.Sprintf("%dx%dx%d", width, height, channels)
					checkSpread(t, want, height*width > 50)
					for _, straight := range []bool{false, true} {
						if straight && c.large {
							continue
						}
						o := network.Options{
							Precision: network.Float32, Channels: channels,
							Borders: network.AllBorders, Reference: straight,
						}
						what := fmt.Sprintf("%s straightforward=%t", name, straight)
						checkFloat(t, what, open, o, samples, height, width, want)
						if !c.large {
							checkBytes(t, what, open, o, samples, height, width, want)
							checkWords(t, what, open, o, samples, height, width, want)
						}
						if !straight {
							checkHalf(t, name, open, o, samples, height, width, want)
						}
					}
				}
			}
		})
	}
}

// checkSpread makes sure that a comparison can fail: most values must be
// inside of 0..1 and differ.
func checkSpread(t *testing.T, want []float64, large bool) {
	t.Helper()
	var sum, squares, inside float64
	for _, v := range want {
		sum, squares = sum+v, squares+v*v
		if v > 0 && v < 1 {
			inside++
		}
	}
	count := float64(len(want))
	mean := sum / count
	if large && (inside < count/2 || squares/count-mean*mean < 1e-4) {
		t.Fatalf("the reference says nothing: %v of %v values inside, mean %v", inside, count, mean)
	}
}

func checkFloat(t *testing.T, what string, open opener, o network.Options, samples []uint8, height, width int, want []float64) {
	t.Helper()
	o.Sample = network.Float
	got, _, _ := run(t, open(o), floats(samples), height, width)
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	worst := 0.0
	for i, v := range got {
		worst = max(worst, math.Abs(float64(v)-want[i]))
	}
	if !(worst <= exact) {
		t.Errorf("%s: float32 differs from float64 by %.2g, more than %.0g", what, worst, exact)
	}
}

func checkBytes(t *testing.T, what string, open opener, o network.Options, samples []uint8, height, width int, want []float64) {
	t.Helper()
	o.Sample = network.Uint8
	got, _, _ := run(t, open(o), samples, height, width)
	compareRounded(t, what+" uint8", got, want, 255)
}

func checkWords(t *testing.T, what string, open opener, o network.Options, samples []uint8, height, width int, want []float64) {
	t.Helper()
	o.Sample = network.Uint16
	words := make([]uint16, len(samples))
	for i, v := range samples {
		words[i] = uint16(v) * 257
	}
	got, _, _ := run(t, open(o), words, height, width)
	compareRounded(t, what+" uint16", got, want, 65535)
}

// compareRounded holds integers against the rounded reference. They may differ
// only where the reference is within the float32 tolerance of a tie.
func compareRounded[T uint8 | uint16](t *testing.T, what string, got []T, want []float64, unit float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i, v := range got {
		if math.Abs(float64(v)-want[i]*unit) > 0.5+exact*unit {
			t.Fatalf("%s: value %d is %d, want %.4f rounded", what, i, v, want[i]*unit)
		}
	}
}

// checkHalf runs the float16 graph at both of its integer edges.
func checkHalf(t *testing.T, what string, open opener, o network.Options, samples []uint8, height, width int, want []float64) {
	t.Helper()
	o.Precision, o.Sample = network.Float16, network.Float
	got, _, _ := run(t, open(o), floats(samples), height, width)
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	far := 0
	for i, v := range got {
		if !(math.Abs(float64(v)-want[i]) <= visible) {
			far++
		}
	}
	if far*1000 > len(want) {
		t.Errorf("%s: float16 is off by more than 1/255 in %d of %d values", what, far, len(want))
	}
	o.Sample = network.Uint8
	bytes, _, _ := run(t, open(o), samples, height, width)
	far = 0
	for i, v := range bytes {
		if math.Abs(float64(v)/255-want[i]) > visible+0.5/255 {
			far++
		}
	}
	if far*1000 > len(want) {
		t.Errorf("%s: float16 bytes are off by more than a step in %d of %d values", what, far, len(want))
	}
}

func floats(samples []uint8) []float32 {
	out := make([]float32, len(samples))
	for i, v := range samples {
		out[i] = float32(v) / 255
	}
	return out
}
