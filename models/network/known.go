package network

import (
	"upscaled/models/fault"
	"upscaled/models/weights"
)

// refuseKnown returns an error that names the architecture if tensors are of a
// well-known one that is supported as an ONNX file only, otherwise nil. A single
// tensor identifies each architecture; more specific ones come first. It must hold
// floating-point numbers: integer tensors are not read.
func refuseKnown(t weights.Tensors) error {
	for _, known := range [][2]string{
		{"HAT", "layers.0.residual_group.overlap_attn.relative_position_bias_table"},
		{"SRFormer", "layers.0.residual_group.blocks.0.attn.q.weight"},
		{"Swin2SR", "layers.0.residual_group.blocks.0.attn.logit_scale"},
		{"SwinIR", "layers.0.residual_group.blocks.0.norm1.weight"},
		{"DRCT", "layers.0.swin1.norm1.weight"},
		{"RGT", "layers.0.blocks.0.gamma"},
		{"DAT", "before_RG.1.weight"},
		{"OmniSR", "residual_layer.0.residual_layer.0.layer.0.fn.0.weight"},
		{"SPAN", "block_1.c1_r.sk.weight"},
		{"RealPLKSR", "feats.1.channel_mixer.0.weight"},
		{"PLKSR", "feats.1.channe_mixer.0.weight"}, // as published
		{"MoSR", "gblocks.1.fc1.weight"},
		{"RCAN", "body.0.body.0.body.3.conv_du.0.weight"},
		{"Real-CUGAN or waifu2x (UpCunet)", "unet1.conv1.conv.0.weight"},
		{"DITN", "UFONE.0.ITLs.0.attn.temperature"},
		{"ESRGAN+", "model.1.sub.0.RDB1.conv1x1.weight"},
	} {
		if _, found := t[known[1]]; found {
			return fault.New(fault.Unsupported, "The architecture is %s, which cannot be imported as weights; export the model to ONNX and import that.", known[0])
		}
	}
	return nil
}
