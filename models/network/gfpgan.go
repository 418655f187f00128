package network

import (
	"fmt"

	"upscaled/models/weights"
)

// gfpgan is the "clean" GFPGAN of versions 1.3 and 1.4 (Wang et al., arXiv
// 2101.04061; gfpganv1_clean_arch.py and stylegan2_clean_arch.py of
// TencentARC/GFPGAN) with one latent per layer, used directly: a U-Net reads a
// square face, and its features at every size modulate a StyleGAN2 generator
// that redraws the face.
//
// The file's toRGB (training losses) and style_mlp (random latents) are unused.
type gfpgan struct {
	unet      unet
	generator generator
}

// smallest is the side at the U-Net's bottleneck and of the generator's start.
const smallest = 4

// unet halves an image down to 4x4 and doubles it back.
type unet struct {
	first, final layer
	down, up     []resBlock
	// code computes the latents of all layers from the 4x4 features.
	code linear
	// scale and shift read each size on the way up.
	scale, shift []condition
}

// resBlock is a residual block that halves or doubles its image between its
// convolutions, by bilinear interpolation. skip is 1x1 without a bias.
type resBlock struct {
	before, after, skip layer
}

// condition is two convolutions with a LeakyReLU between them.
type condition [2]layer

// generator is StyleGAN2 without custom operators (Karras et al., arXiv
// 1912.04958).
type generator struct {
	constant weights.Tensor // [1, channels, 4, 4]
	// styleConvs are the first layer and two per doubling, toRGB the first image
	// and one per doubling.
	styleConvs []styled
	toRGB      []modulated
}

// linear is a fully connected layer: weight is [out, in].
type linear struct {
	out, in      int
	weight, bias []float32
	// The first scaled outputs are multiplied by factor, see project.
	scaled int
	factor float64
}

// modulated is a convolution whose input channels are scaled by a style, a
// linear function of a latent. The bias is added last.
type modulated struct {
	conv  layer
	style linear
}

// styled is a modulated convolution that is demodulated and then gets noise:
// side x side numbers shared by all channels, with the learned strength already
// multiplied in. The published code draws the noise at every run; this is the
// noise stored in the file, so that equal faces have equal results.
type styled struct {
	modulated
	noise []float32
	side  int
}

func (n *gfpgan) levels() int { return len(n.unet.down) }

func (n *gfpgan) side() int { return smallest << n.levels() }

// faceBytes is the peak memory per pixel of the face without the weights,
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

// flops counts the published layers, per pixel of the image.
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
	at(side, n.unet.final, n.generator.styleConvs[0].conv, n.generator.toRGB[0].conv)
	sum += 2 * float64(len(n.unet.code.weight))
	for i, r := range n.unet.up {
		at(side, r.before)
		side *= 2
		at(side, r.after, r.skip)
		at(side, n.unet.scale[i][:]...)
		at(side, n.unet.shift[i][:]...)
		at(side, n.generator.styleConvs[2*i+1].conv, n.generator.styleConvs[2*i+2].conv, n.generator.toRGB[i+1].conv)
	}
	return sum / float64(side*side)
}
