package engine

import "upscaled/models/network"

const (
	// mostStaticPixels bounds a tile on devices with one shape a session:
	// beyond it nothing gets faster, and 64 features at four times the side
	// must not exceed 2^31 elements, which cuDNN counts in 32 bits.
	mostStaticPixels = 1 << 20
	// halfBytes is the share of Info.BytesPerPixel, measured in float32 on
	// the processor, that float16 needs with its workspace.
	halfBytes = 0.7
	// staticShare of the free memory is what one session may take: several are
	// open at once, and other programs want some.
	staticShare = 0.3
)

// staticPixels is how many input pixels a tile may see on devices with one
// shape a session: what was measured to be fastest, as far as memory allows.
func (e *Engine) staticPixels(net *network.Network) int {
	pixels := mostStaticPixels
	if e.options.Tuning != nil {
		if tuned := e.options.Tuning(net).TilePixels; tuned > 0 {
			pixels = tuned
		}
	}
	if free := e.free(); free > 0 {
		bytes := halfBytes * float64(max(net.Info().BytesPerPixel, 1))
		pixels = min(pixels, int(staticShare*float64(free)/bytes))
	}
	return max(minTilePixels, pixels)
}
