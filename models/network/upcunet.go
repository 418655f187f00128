package network

import (
	"fmt"

	"upscaled/models/onnx"
)

// upcunet is the model of Real-CUGAN and of waifu2x's cunet: a small U-Net that
// upscales the image, and a deeper one whose result is added to the first one's.
// Convolutions do not pad, so the image is extended by reflection first.
type upcunet struct {
	unets [2]cunet
	// final is the convolution before a last pixel-shuffle by 2, whose result is
	// added to the image; nil for models without.
	final *layer
	// pro is set for models that compute with values of 0.15 to 0.85.
	pro bool
	// unshuffle is the side of the squares of pixels that become channels first.
	unshuffle int
}

func readUpcunet(r *reader) model {
	n := &upcunet{unshuffle: 1}
	_, n.pro = r.optional("pro", 1)
	n.unets[0] = readCunet(r, "unet1.", 0, false)
	in := n.unets[0].level.convs.first.in
	n.unets[1] = readCunet(r, "unet2.", n.unets[0].bottom.out, true)
	out := n.unets[1].bottom.out
	if r.has("conv_final.weight") {
		final := r.conv("conv_final", 12, out, 3)
		n.final, out = &final, final.out/4
		if in == 12 {
			n.unshuffle = 2
		}
	}
	if r.err == nil && (in != 3*n.unshuffle*n.unshuffle || out != 3 || n.unets[1].bottom.out != n.unets[0].bottom.out || n.unets[1].scale != 1) {
		checkUnshuffle(r, "unet1.conv1.conv.0", 0, 1, 1)
	}
	return n
}

// margin returns how many pixels of each side the U-Nets take away, in those of their
// input.
func (n *upcunet) margin() int {
	scale := n.unets[0].scale
	lost := [...]int{1: 8, 2: 16, 3: 22}[scale] + 20
	if n.final != nil {
		lost += 2
	}
	return lost / scale
}

// multiple returns the number that must divide the U-Nets' input.
func (n *upcunet) multiple() int {
	if n.unets[0].scale == 2 {
		return 2
	}
	return 4
}

func (n *upcunet) scale() int {
	if n.final != nil {
		return 2 * n.unets[0].scale / n.unshuffle
	}
	return n.unets[0].scale
}

func (n *upcunet) info() Info {
	squared := float64(n.unshuffle * n.unshuffle)
	area := float64(n.unets[0].scale*n.unets[0].scale) / squared
	flops := n.unets[0].flops()/squared + area*n.unets[1].flops()
	if n.final != nil {
		flops += area * n.final.flops()
	}
	pro := ""
	if n.pro {
		pro = ", pro"
	}
	return Info{
		Architecture: UpCunet, Scale: n.scale(), Multiple: 1,
		Grid: n.multiple() * n.unshuffle, Least: (n.margin() + n.multiple()) * n.unshuffle,
		FlopsPerPixel: flops,
		BytesPerPixel: int(4*6*64*area) + 64*n.scale()*n.scale(),
		Description:   fmt.Sprintf("UpCunet %dx (Real-CUGAN, waifu2x)%s", n.scale(), pro),
	}
}

func (n *upcunet) build(b *builder) {
	image := b.rgbInput(onnx.Float32, zeroToOne)
	if n.pro {
		image = b.op("Add", []string{b.op("Mul", []string{image, b.float(0.7)}), b.float(0.15)})
	}
	x, size := reflected(b, image, n.margin()*n.unshuffle, n.multiple()*n.unshuffle, n.scale())
	x = pixelUnshuffle(b, bodyOf(b, x), 3, n.unshuffle)
	h := n.unets[0].build(b, x)
	h = b.op("Add", []string{n.unets[1].build(b, h), cropped(b, h, 20)})
	if n.final != nil {
		h = pixelShuffle(b, cropped(b, b.conv(h, *n.final, convParams{stride: 1}), 1), 2)
	}
	h = b.op("Slice", []string{h, b.ints(0, 0), size, b.ints(2, 3)})
	if b.bodyType() != onnx.Float32 {
		h = b.cast(h, onnx.Float32)
	}
	if n.final != nil {
		h = b.op("Add", []string{h, b.nearest(image, n.scale())})
	}
	if n.pro {
		h = b.op("Div", []string{b.op("Sub", []string{h, b.float(0.15)}), b.float(0.7)})
	}
	b.rgbOutput(h, onnx.Float32, zeroToOne)
}
