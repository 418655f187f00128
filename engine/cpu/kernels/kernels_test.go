package kernels_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"upscaled/engine/cpu/kernels"
)

// problem is a convolution of a whole tensor with everything that a band may have.
type problem struct {
	in, out, width, height, upsample int
	// spare channels lie behind those that are read, and before and behind those that
	// are written.
	spare                         int
	prelu, residuals, kept, gated bool
}

// tensors are a problem's numbers, channels last; dst has 2*spare more channels.
type tensors struct {
	weight, bias, src, slopes, residual []float32
}

func (p problem) random() tensors {
	random := rand.New(rand.NewPCG(uint64(p.in*1000+p.out), uint64(p.width*1000+p.height)))
	numbers := func(n int) []float32 {
		all := make([]float32, n)
		for i := range all {
			all[i] = float32(random.NormFloat64())
		}
		return all
	}
	t := tensors{
		weight: numbers(p.in * p.out * 9), bias: numbers(p.out), slopes: numbers(p.out),
		src:      numbers(p.width * p.height / p.upsample / p.upsample * (p.in + p.spare)),
		residual: numbers(p.width * p.height * p.out),
	}
	for i := range t.weight {
		t.weight[i] /= float32(3 * math.Sqrt(float64(p.in)))
	}
	return t
}

// expected computes in float64.
func (p problem) expected(t tensors) []float64 {
	out := make([]float64, p.width*p.height*p.out)
	for at := range out {
		o, x, y := at%p.out, at/p.out%p.width, at/p.out/p.width
		sum := float64(t.bias[o])
		for tap := range 9 {
			sx, sy := x+tap%3-1, y+tap/3-1
			if sx < 0 || sy < 0 || sx >= p.width || sy >= p.height {
				continue
			}
			from := t.src[(sy/p.upsample*(p.width/p.upsample)+sx/p.upsample)*(p.in+p.spare):]
			for c := range p.in {
				sum += float64(from[c]) * float64(t.weight[(o*p.in+c)*9+tap])
			}
		}
		gate := 1.0
		if p.gated {
			gate = 1/(1+math.Exp(-sum)) - 0.25
		}
		if p.residuals {
			sum += 0.5*float64(t.residual[at]) - 2*float64(t.residual[at])
		}
		if sum *= gate; p.prelu && sum < 0 {
			sum *= float64(t.slopes[o])
		}
		out[at] = sum
	}
	return out
}

// buffer returns a ring that is freed when the test ends.
func buffer(t testing.TB, of kernels.Type, width, height, channels int, values []float32) kernels.Ring {
	t.Helper()
	r := kernels.Ring{Type: of, Capacity: height, Channels: channels, Width: width}
	memory, err := kernels.Allocate(r.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { memory.Free() })
	r.Memory = memory
	if of == kernels.Float32 {
		copy(memory.Floats(r.Bytes()/4), values)
		return r
	}
	for i, v := range values {
		halves(r)[i] = half(of, v)
	}
	return r
}

// halves returns the elements of a ring of 16 bits.
func halves(r kernels.Ring) []uint16 {
	return unsafe.Slice((*uint16)(unsafe.Pointer(&r.Memory.Floats(1)[0])), r.Bytes()/2)
}

// half truncates to 16 bits. Numbers too small for float16 become 0, and float16 has
// no infinity here.
func half(of kernels.Type, v float32) uint16 {
	bits := math.Float32bits(v)
	if of == kernels.BFloat16 {
		return uint16(bits >> 16)
	}
	exponent := int(bits>>23&0xff) - 127 + 15
	if exponent <= 0 {
		return 0
	}
	return uint16(bits>>16&0x8000) | uint16(exponent<<10) | uint16(bits>>13&0x3ff)
}

// float reverses half.
func float(of kernels.Type, h uint16) float32 {
	if of == kernels.BFloat16 {
		return math.Float32frombits(uint32(h) << 16)
	}
	v := float32(math.Ldexp(float64(h&0x3ff)/1024+1, int(h>>10&31)-15))
	if h>>10&31 == 0 {
		v = float32(math.Ldexp(float64(h&0x3ff), -24))
	}
	if h>>15 > 0 {
		return -v
	}
	return v
}

// run computes a problem in bands of rows, the last of which may be lower.
func (p problem) run(t testing.TB, k *kernels.Kernel, numbers tensors, rows int) []float32 {
	t.Helper()
	conv, err := k.Pack(p.in, p.out, numbers.weight, numbers.bias, false)
	if err != nil {
		t.Fatal(err)
	}
	defer conv.Free()
	step, err := kernels.NewStep()
	if err != nil {
		t.Fatal(err)
	}
	defer step.Free()
	scratch, err := kernels.Allocate(conv.Scratch())
	if err != nil {
		t.Fatal(err)
	}
	defer scratch.Free()
	band := kernels.Band{
		Src:      buffer(t, k.Type(), p.width/p.upsample, p.height/p.upsample, p.in+p.spare, numbers.src),
		Dst:      buffer(t, k.Type(), p.width, p.height, p.out+2*p.spare, nil),
		Upsample: p.upsample, Width: p.width, Height: p.height, DstChannel: p.spare,
	}
	if p.prelu {
		band.PReLU = buffer(t, kernels.Float32, 1, 1, p.out, numbers.slopes).Memory
	}
	if p.residuals {
		ring := buffer(t, kernels.Float32, p.width, p.height, p.out, numbers.residual)
		band.Residuals = [2]kernels.Residual{{Ring: ring, Scale: 0.5}, {Ring: ring, Scale: -2}}
	}
	if band.Gated = p.gated; p.gated {
		band.GateBias = -0.25
	}
	if p.kept {
		band.Kept = buffer(t, kernels.Float32, p.width, p.height, p.out, nil)
	}
	for band.Y = 0; band.Y < p.height; band.Y += rows {
		band.Rows = min(rows, p.height-band.Y)
		step.Conv(conv, band)
	}
	if err := step.Begin(); err != nil {
		t.Fatal(err)
	}
	if outcome := step.Run(scratch); outcome != kernels.Finished {
		t.Fatalf("the step ended with %v", outcome)
	}
	step.End()
	return p.results(t, band)
}

// results checks that nothing around the results was written, and returns them.
func (p problem) results(t testing.TB, band kernels.Band) []float32 {
	t.Helper()
	channels := p.out + 2*p.spare
	var all []float32
	if band.Dst.Type == kernels.Float32 {
		all = band.Dst.Memory.Floats(p.width * p.height * channels)
	} else {
		for _, v := range halves(band.Dst) {
			all = append(all, float(band.Dst.Type, v))
		}
	}
	var results []float32
	for at := 0; at < len(all); at += channels {
		for i := range p.spare {
			if all[at+i] != 0 || all[at+channels-1-i] != 0 {
				t.Fatal("a channel beside the results was written")
			}
		}
		results = append(results, all[at+p.spare:][:p.out]...)
	}
	if !p.kept {
		return results
	}
	for i, v := range band.Kept.Memory.Floats(len(results)) {
		if band.Dst.Type == kernels.Float32 && v != results[i] || math.Abs(float64(v-results[i])) > math.Abs(float64(v))/64+1e-6 {
			t.Fatalf("value %d is kept as %v, not %v", i, v, results[i])
		}
	}
	return results
}

// check compares every kernel of this CPU with the reference.
func (p problem) check(t testing.TB, rows int) {
	t.Helper()
	numbers := p.random()
	want := p.expected(numbers)
	for _, set := range kernels.InstructionSets() {
		if !set.Supported {
			continue
		}
		for k, bound := range map[*kernels.Kernel]float64{set.Exact: 2e-5, set.Fast: 4e-4, set.Half: 0.06} {
			if k == nil {
				continue
			}
			got := p.run(t, k, numbers, (rows+k.RowMultiple()-1)/k.RowMultiple()*k.RowMultiple())
			for i, v := range got {
				if d := math.Abs(float64(v) - want[i]); !(d <= bound*(1+math.Abs(want[i]))) {
					t.Fatalf("%+v, %s %s: value %d is %v, want %v", p, set.Name, k, i, v, want[i])
				}
			}
		}
	}
}

func TestKernels(t *testing.T) {
	t.Parallel()
	for _, p := range []problem{
		{in: 3, out: 64, width: 61, height: 9, upsample: 1, prelu: true},
		{in: 64, out: 64, width: 53, height: 13, upsample: 1, spare: 3, prelu: true, residuals: true, kept: true},
		{in: 64, out: 48, width: 30, height: 17, upsample: 1},
		{in: 192, out: 32, width: 50, height: 6, upsample: 1, residuals: true},
		{in: 64, out: 64, width: 40, height: 16, upsample: 2},
		{in: 300, out: 17, width: 22, height: 6, upsample: 2, spare: 1},
		{in: 12, out: 130, width: 8, height: 8, upsample: 1, kept: true},
		{in: 40, out: 33, width: 37, height: 10, upsample: 1, gated: true},
		{in: 20, out: 20, width: 30, height: 9, upsample: 1, prelu: true, residuals: true, kept: true, gated: true},
		{in: 1, out: 1, width: 1, height: 1, upsample: 1, spare: 2},
	} {
		p.check(t, 8)
	}
}

// TestEverySize runs the kernels at all sizes up to 70x70, or some of them in short
// mode; the memory checker of .ci/run looks for accesses beyond the rings.
func TestEverySize(t *testing.T) {
	t.Parallel()
	step := 1
	if testing.Short() {
		step = 9
	}
	for _, p := range []problem{{in: 13, out: 5, upsample: 1}, {in: 5, out: 17, upsample: 1, prelu: true}} {
		for p.width = 1; p.width <= 70; p.width += step {
			t.Run(fmt.Sprintf("%d to %d, width %d", p.in, p.out, p.width), func(t *testing.T) {
				for p.height = 1; p.height <= 70; p.height += step + 6 {
					p.check(t, 16)
				}
			})
		}
	}
}

func FuzzKernels(f *testing.F) {
	f.Add(uint8(3), uint8(64), uint8(20), uint8(9), uint8(4), uint8(0))
	f.Add(uint8(64), uint8(33), uint8(49), uint8(5), uint8(1), uint8(31))
	f.Add(uint8(48), uint8(48), uint8(31), uint8(9), uint8(4), uint8(34))
	f.Add(uint8(200), uint8(7), uint8(2), uint8(13), uint8(8), uint8(15))
	f.Fuzz(func(t *testing.T, in, out, width, height, rows, options uint8) {
		p := problem{
			in: int(in)%200 + 1, out: int(out)%70 + 1, width: int(width)%60 + 1, height: int(height)%20 + 1, upsample: 1,
			prelu: options&1 > 0, residuals: options&2 > 0, kept: options&4 > 0, spare: int(options >> 3 & 1), gated: options&32 > 0,
		}
		if options&16 > 0 {
			p.upsample, p.width, p.height = 2, p.width*2, p.height*2
		}
		p.check(t, int(rows)%32+1)
	})
}
