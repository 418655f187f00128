package network

import (
	"fmt"

	"upscaled/models/onnx"
)

// upconv is waifu2x's upconv_7 and vgg_7: convolutions of 3x3 that do not pad, each
// but the last followed by a LeakyReLU. The last one may be transposed and doubles
// the sides. The image's border is repeated first.
type upconv struct {
	layers []layer
	last   layer
	scale  int
}

func readUpconv(r *reader) model {
	n := &upconv{scale: 1}
	layers := 0
	for layers < maxLayers && r.has(fmt.Sprintf("net.%d.weight", 2*layers)) {
		layers++
	}
	in := 3
	for i := range layers - 1 {
		l := r.conv(fmt.Sprintf("net.%d", 2*i), 0, in, 3)
		n.layers, in = append(n.layers, l), l.out
	}
	name := fmt.Sprintf("net.%d", 2*(layers-1))
	if weight := r.tensors[name+".weight"]; len(weight.Shape) == 4 && weight.Shape[2] == 4 {
		n.last, n.scale = r.transposed(name, 3, in, 4), 2
	} else {
		n.last = r.conv(name, 3, in, 3)
	}
	return n
}

func (n *upconv) radius() int { return len(n.layers) + 1 }

func (n *upconv) info() Info {
	flops, features := n.last.flops(), 3
	for _, l := range n.layers {
		flops, features = flops+l.flops(), max(features, l.out)
	}
	return Info{
		Architecture: UpConv, Scale: n.scale, Radius: n.radius(), Multiple: 1, Trims: true,
		FlopsPerPixel: flops, BytesPerPixel: 4*features*4 + 32*n.scale*n.scale,
		Description: fmt.Sprintf("upconv_%d %dx (waifu2x)", len(n.layers)+1, n.scale),
	}
}

func (n *upconv) build(b *builder) {
	pads := b.pads(n.radius())
	h := bodyOf(b, b.op("Pad", []string{
		b.rgbInput(onnx.Float32, zeroToOne), b.ints(0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]),
	}, onnx.String("mode", "edge")))
	for _, l := range n.layers {
		h = leakyBy(b, b.conv(h, l, convParams{stride: 1}), cunetSlope)
	}
	if n.scale == 2 {
		h = transposedConv(b, h, n.last, 2, 3)
	} else {
		h = b.conv(h, n.last, convParams{stride: 1})
	}
	b.rgbOutput(h, b.bodyType(), zeroToOne)
}
