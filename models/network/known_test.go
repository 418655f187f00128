package network_test

import (
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/models/network"
	"upscaled/models/weights"
)

// Weights of a well-known architecture that is not taken are refused by its name, though
// many have conv_first or body.0 like the supported ones; the sentence says what to do.
func TestRefusalsNameTheArchitecture(t *testing.T) {
	t.Parallel()
	const (
		swin  = "layers.0.residual_group."
		first = "conv_first.weight"
	)
	for architecture, names := range map[string][]string{
		"ATD":                 {first, swin + "td", swin + "layers.0.norm1.weight"},
		"AdaCode":             {"multiscale_encoder.in_conv.weight", "out_conv.weight", "quantize_group.0.embedding.weight", "weight_predictor.blocks.0.swin_blks.0.residual_group.blocks.0.norm1.weight"},
		"AuraSR":              {"mid_attn.layers.0.0.to_out.weight", "final_res_block.block1.proj.weights"},
		"CRAFT":               {first, swin + "hf_blocks.0.attn.temperature"},
		"CodeFormer":          {"position_emb", "idx_pred_layer.1.weight", "quantize.embedding.weight", "encoder.blocks.0.weight"},
		"DCTLSA":              {"fea_conv.weight", "B1.body.0.transformer_body.0.blocks.0.attn.qkv.weight"},
		"DDColor":             {"mean", "std", "refine_net.0.0.weight_orig", "encoder.arch.norm.weight"},
		"DITN":                {"sft.weight", "UFONE.0.ITLs.0.attn.temperature", "upsample.0.weight", "conv_after_body.weight"},
		"DRCT":                {first, "layers.0.swin1.norm1.weight", "layers.0.swin1.attn.relative_position_bias_table"},
		"DRUNet":              {"m_head.weight", "m_down1.0.res.0.weight", "m_tail.weight"},
		"DnCNN":               {"model.0.weight", "model.2.weight", "model.4.weight", "model.6.weight"},
		"FBCNN":               {"m_head.weight", "m_down1.0.res.0.weight", "qf_pred.0.res.0.weight"},
		"FDAT":                {first, "groups.0.blocks.0.attn.bias", "groups.0.blocks.0.inter.cg.1.weight"},
		"FFTformer":           {"patch_embed.proj.weight", "encoder_level1.0.ffn.fft", "encoder_level1.0.norm2.body.weight"},
		"FeMaSR":              {"multiscale_encoder.in_conv.weight", "out_conv.weight", "quantize_group.0.embedding.weight"},
		"GFPGAN of version 1": {"conv_body_first.0.weight", "toRGB.0.weight"},
		"GRL":                 {first, "norm_start.weight", "layers.0.blocks.0.attn.window_attn.attn_transform.logit_scale"},
		"HVI-CIDNet":          {"HVE_block0.1.weight", "HVE_block1.prelu.weight"},
		"IPT":                 {"sub_mean.weight", "head.0.0.weight", "body.encoder.layers.0.linear1.weight"},
		"KBNet":               {"intro.weight", "encoders.0.0.attgamma", "middle_blks.0.w"},
		"LaMa":                {"generator.model.1.bn_l.running_mean"},
		"M3SNet":              {"intro.weight", "encoders.0.0.beta", "middle_blks.0.temperature", "middle_blks.0.qkv_dwconv.weight"},
		"MAT":                 {"model.synthesis.first_stage.conv_first.conv.resample_filter"},
		"MIRNet2":             {"conv_in.weight", "body.0.body.0.dau_top.body.0.weight"},
		"MM-RealSR":           {first, "conv_body.weight", "body.0.rdb1.conv1.weight", "am_list.0.fc.0.weight"},
		"MPRNet":              {"shallow_feat1.0.weight", "shallow_feat1.1.CA.conv_du.0.weight"},
		"MixDehazeNet":        {"patch_embed.proj.weight", "layer1.blocks.0.norm1.weight", "layer1.blocks.0.conv3_19.weight"},
		"MoESR":               {"in_to_dim.weight", "blocks.0.blocks.0.gamma", "blocks.0.blocks.0.fc1.weight"},
		"NAFNet":              {"intro.weight", "encoders.0.0.beta", "middle_blks.0.beta", "middle_blks.0.conv1.weight"},
		"PLKSR":               {"feats.0.weight", "feats.1.channe_mixer.0.weight", "feats.1.refine.weight"},
		"RestoreFormer":       {"quantize.embedding.weight", "encoder.conv_in.weight"},
		"Restormer":           {"patch_embed.proj.weight", "encoder_level1.0.attn.temperature"},
		"RetinexFormer":       {"body.0.estimator.conv1.weight", "body.0.denoiser.embedding.weight"},
		"SAFMN":               {"to_feat.weight", "feats.0.norm1.weight", "feats.0.safm.mfr.0.weight"},
		"SAFMN BCIE":          {"to_feat.1.weight", "feats.0.layers.0.safm.mfr.0.weight", "feats.0.conv.weight"},
		"SCUNet":              {"m_head.0.weight", "m_tail.0.weight"},
		"SeemoRe":             {"conv_1.weight", "body.0.local_block.norm_1.weight"},
		"SwiftSRGAN":          {"initial.cnn.depthwise.weight", "final_conv.pointwise.weight"},
		"Swin2SR":             {first, swin + "blocks.0.norm1.weight", swin + "blocks.0.attn.logit_scale"},
		"Uformer":             {"input_proj.proj.0.weight", "encoderlayer_0.blocks.0.norm1.weight"},
	} {
		for _, prefix := range []string{"", "module."} {
			tensors := weights.Tensors{}
			for _, name := range names {
				tensors[prefix+name] = weights.Tensor{Shape: []int{1}, Data: []float32{1}}
			}
			_, err := network.Recognize(tensors)
			said := fault.Sentence(err)
			if fault.KindOf(err) != fault.Unsupported || !strings.Contains(said, "architecture is "+architecture+",") {
				t.Errorf("%s: %v", architecture, err)
			}
			switch architecture {
			case "LaMa", "MAT", "DDColor", "GFPGAN of version 1":
			default:
				if !strings.Contains(said, "ONNX") {
					t.Errorf("%s: %s", architecture, said)
				}
			}
		}
	}
}
