package network

import (
	"fmt"

	"upscaled/models/weights"
)

// gfpgan is the "clean" GFPGAN of versions 1.3 and 1.4 (Wang et al., arXiv
// 2101.04061; gfpganv1_clean_arch.py and stylegan2_clean_arch.py of
// TencentARC/GFPGAN), with one latent for each layer, which are used as they
// are: a U-Net reads a square face, and what it finds at every size steers a
// StyleGAN2 generator that draws the face anew.
//
// The file's toRGB (answers of the U-Net that training looks at) and style_mlp
// (for latents drawn by chance) take no part.
type gfpgan struct {
	unet      unet
	generator generator
}

// smallest is the side at which the U-Net turns and the generator starts.
const smallest = 4

// unet halves a picture down to 4x4 and doubles it back.
type unet struct {
	first, final layer
	down, up     []resizing
	// code gives the latents of all layers from the 4x4 features.
	code linear
	// scale and shift read each size on the way up.
	scale, shift []condition
}

// resizing is a residual block that halves or doubles its picture between its
// convolutions, by bilinear interpolation. skip is 1x1 without a bias.
type resizing struct {
	before, after, skip layer
}

// condition is two convolutions with a LeakyReLU between them.
type condition [2]layer

// generator is StyleGAN2 without custom operators (Karras et al., arXiv
// 1912.04958).
type generator struct {
	constant weights.Tensor // [1, channels, 4, 4]
	// styles are the first layer and then two for each doubling, colours the
	// first picture and then one for each doubling.
	styles  []styled
	colours []modulated
}

// linear is a fully connected layer: weight is [out, in].
type linear struct {
	out, in      int
	weight, bias []float32
}

// modulated is a convolution whose input channels are scaled by a style, which
// is a linear function of a latent. The bias is added after everything else.
type modulated struct {
	conv  layer
	style linear
}

// styled is a modulated convolution that is demodulated and then gets noise:
// side x side numbers for all channels, with the learned strength multiplied
// in. Published code draws the numbers by chance at every run; these are the
// ones stored in the file, so that the same face always gives the same answer.
type styled struct {
	modulated
	noise []float32
	side  int
}

func (n *gfpgan) levels() int { return len(n.unet.down) }

func (n *gfpgan) side() int { return smallest << n.levels() }

// faceBytes is the peak memory for a pixel of the face without the weights,
// measured on ONNX Runtime 1.30 with arena and without memory pattern at
// 512x512 and full width.
const faceBytes = 3_100

func (n *gfpgan) info() Info {
	return Info{
		Architecture:  GFPGAN,
		Scale:         1,
		Multiple:      1,
		FixedWidth:    n.side(),
		FixedHeight:   n.side(),
		FlopsPerPixel: n.flops(),
		BytesPerPixel: faceBytes,
		Description: fmt.Sprintf("GFPGAN %dx%d, %d and %d features",
			n.side(), n.side(), n.unet.final.out, n.generator.constant.Shape[1]),
	}
}

// flops counts the published layers, for one pixel of the picture.
func (n *gfpgan) flops() float64 {
	var sum float64
	at := func(side int, layers ...layer) {
		for _, l := range layers {
			sum += float64(side) * float64(side) * l.flops()
		}
	}
	side := n.side()
	at(side, n.unet.first)
	for _, r := range n.unet.down {
		at(side, r.before)
		side /= 2
		at(side, r.after, r.skip)
	}
	at(side, n.unet.final, n.generator.styles[0].conv, n.generator.colours[0].conv)
	sum += 2 * float64(len(n.unet.code.weight))
	for i, r := range n.unet.up {
		at(side, r.before)
		side *= 2
		at(side, r.after, r.skip)
		at(side, n.unet.scale[i][:]...)
		at(side, n.unet.shift[i][:]...)
		at(side, n.generator.styles[2*i+1].conv, n.generator.styles[2*i+2].conv, n.generator.colours[i+1].conv)
	}
	return sum / float64(side*side)
}
