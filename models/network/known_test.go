package network_test

import (
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/weights"
)

// Weights of a well-known architecture are refused by its name, though many have
// conv_first or body.0 like the supported ones.
func TestRefusalsNameTheArchitecture(t *testing.T) {
	t.Parallel()
	const attention = "layers.0.residual_group.blocks.0."
	for architecture, names := range map[string][]string{
		"SRFormer":   {"conv_first.weight", attention + "norm1.weight", attention + "attn.q.weight"},
		"Swin2SR":    {"conv_first.weight", attention + "norm1.weight", attention + "attn.logit_scale"},
		"Real-CUGAN": {"unet1.conv1.conv.0.weight"},
	} {
		for _, prefix := range []string{"", "module."} {
			tensors := weights.Tensors{}
			for _, name := range names {
				tensors[prefix+name] = weights.Tensor{Shape: []int{1}, Data: []float32{1}}
			}
			_, err := network.Recognize(tensors)
			said := fault.Sentence(err)
			if fault.KindOf(err) != fault.Unsupported || !strings.Contains(said, architecture) || !strings.Contains(said, "ONNX") {
				t.Errorf("%s: %v", architecture, err)
			}
		}
	}
}
