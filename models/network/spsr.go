package network

import (
	"fmt"
	"slices"

	"upscaled/models/fault"
	"upscaled/models/onnx"
)

// spsr is two RRDBNets with one image: the second sees the first one's gradient and
// what it has after every fifth block (Ma et al., arXiv 2003.13081).
type spsr struct {
	kernels       [2][]float32 // of the gradient, once for each color
	trunk, branch residual
	// mixed follow the branch's blocks, which have twice its features.
	mixed [spsrStages]layer
	// joined and those behind it compute the image from both results.
	joined                  [denseBlocks][denseLayers]layer
	joinedMixed, high, last layer
}

const (
	spsrStages = 4
	spsrEvery  = 5 // blocks of the trunk before a stage of the branch
)

func readSPSR(r *reader) model {
	n := &spsr{}
	n.trunk = residual{first: r.conv("conv_first", 0, 3, 3), fold: 1}
	features := n.trunk.first.out
	readTrunk(r, &n.trunk)
	n.trunk.last = r.conv("conv_last", features, features, 3)
	n.branch = residual{first: r.conv("b_fea_conv.0", features, 3, 3), body: r.conv("b_LR_conv.0", features, features, 3), fold: 1}
	for i := range n.mixed {
		n.branch.blocks = append(n.branch.blocks, readDenseBlock(r, fmt.Sprintf("b_block_%d.RDB%%d.conv%%d.0", i+1), 2*features))
		n.mixed[i] = r.conv(fmt.Sprintf("b_concat_%d.0", i+1), features, 2*features, 3)
	}
	ups := len(n.trunk.ups)
	for i := range ups {
		n.branch.ups = append(n.branch.ups, r.conv(fmt.Sprintf("b_module.%d", 3*i+1), features, features, 3))
	}
	n.branch.high = r.conv(fmt.Sprintf("b_module.%d", 3*ups), features, features, 3)
	n.branch.last = r.conv(fmt.Sprintf("b_module.%d", 3*ups+2), features, features, 3)
	n.joined = readDenseBlock(r, "f_block.RDB%d.conv%d.0", 2*features)
	n.joinedMixed = r.conv("f_concat.0", features, 2*features, 3)
	n.high, n.last = r.conv("f_HR_conv0.0", features, features, 3), r.conv("f_HR_conv1.0", 3, features, 3)
	for i, name := range []string{"h", "v"} {
		kernel := r.take("get_g_nopadding.weight_"+name, 1, 1, 3, 3)
		n.kernels[i] = slices.Repeat(kernel.Data, 3)
	}
	// The first is conv_hr again; the second is for training only.
	for _, name := range []string{"HR_conv0_new.0", "conv_w.0"} {
		r.ignore(name + ".weight")
		r.ignore(name + ".bias")
	}
	if len(n.trunk.blocks) < spsrStages*spsrEvery && r.err == nil {
		r.fail(fault.Invalid, "The model has %d blocks, but the architecture needs %d.", len(n.trunk.blocks), spsrStages*spsrEvery)
	}
	return n
}

func (n *spsr) info() Info {
	scale, flops := 1<<len(n.trunk.ups), n.joinedMixed.flops()+n.high.flops()+n.last.flops()
	widest := 0
	for _, dense := range n.joined {
		for _, l := range dense {
			flops += l.flops()
			widest = max(widest, l.in)
		}
	}
	flops = n.trunk.flops() + n.branch.flops() + float64(scale*scale)*flops
	for _, l := range n.mixed {
		flops += l.flops()
	}
	const perBlock = denseBlocks * denseLayers
	depth := max(2+perBlock*len(n.trunk.blocks), 2+perBlock*(spsrStages*spsrEvery+1)+1)
	return Info{
		Architecture: SPSR, Scale: scale, Multiple: 1, Radius: reach(len(n.trunk.ups), 1, depth, 2+perBlock+3),
		FlopsPerPixel: flops, BytesPerPixel: 4 * scale * scale * (2*widest + 6*n.trunk.first.out),
		Description: fmt.Sprintf("SPSR %dx, %d blocks, %d features", scale, len(n.trunk.blocks), n.trunk.first.out),
	}
}

func (n *spsr) build(b *builder) {
	var none [denseBlocks]layer
	x := b.rgbInput(onnx.Float32, zeroToOne)
	first, edges := b.same(bodyOf(b, x), n.trunk.first), b.same(n.gradient(b, x), n.branch.first)
	h, g := first, edges
	for i, block := range n.trunk.blocks {
		h = scaledBlock(b, h, block, none)
		if stage := i / spsrEvery; i%spsrEvery == spsrEvery-1 && stage < spsrStages {
			g = b.same(scaledBlock(b, b.concat(1, g, h), n.branch.blocks[stage], none), n.mixed[stage])
		}
	}
	h, g = b.same(n.trunk.upsampled(b, h, first), n.trunk.last), b.same(n.branch.upsampled(b, g, edges), n.branch.last)
	h = b.same(scaledBlock(b, b.concat(1, g, h), n.joined, none), n.joinedMixed)
	b.rgbOutput(b.same(b.leaky(b.same(h, n.high)), n.last), b.bodyType(), zeroToOne)
}

// gradient adds the length of each color's gradient, in float32: float16 has no number
// as small as the square of a step of 8 bits.
func (n *spsr) gradient(b *builder, x string) string {
	sum := b.float(1e-6)
	for _, kernel := range n.kernels {
		d := b.op("Conv", []string{x, b.typed(onnx.Float32, kernel, 3, 1, 3, 3)}, onnx.Ints("pads", b.pads(1)...), onnx.Int("group", 3))
		sum = b.op("Add", []string{b.op("Mul", []string{d, d}), sum})
	}
	return bodyOf(b, b.op("Sqrt", []string{sum}))
}
