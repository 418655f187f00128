package network

// What to do with a model that is not taken from its weights.
const (
	exportIt   = "export it to ONNX with free height and width (torch.onnx.export with dynamic_axes, or chaiNNer's Convert To ONNX) and import that file"
	restorerIt = "export it to ONNX and import that file with --restorer"
	fills      = "it fills holes in images, which this program does not do"
	paints     = "it colors gray images, which this program does not do"
)

// known lists architectures that are supported as ONNX files only, or not at all,
// more specific ones first.
func known() []architecture {
	all := []architecture{
		// Transformers that begin like SwinIR.
		{"ATD", "layers.0.residual_group.td", nil, exportIt},
		{"CRAFT", "layers.0.residual_group.hf_blocks.0.attn.temperature", nil, exportIt},
		{"Swin2SR", "layers.0.residual_group.blocks.0.attn.logit_scale", nil, exportIt},
		{"DRCT", "layers.0.swin1.norm1.weight", nil, exportIt},
		{"GRL", "layers.0.blocks.0.attn.window_attn.attn_transform.logit_scale", nil, exportIt},
		{"FDAT", "groups.0.blocks.0.inter.cg.1.weight", nil, exportIt},
		{"MM-RealSR", "am_list.0.fc.0.weight", nil, exportIt}, // RRDBNet in part
		// Other models that upscale.
		{"AuraSR", "mid_attn.layers.0.0.to_out.weight", nil, exportIt},
		{"DCTLSA", "B1.body.0.transformer_body.0.blocks.0.attn.qkv.weight", nil, exportIt},
		{"DITN", "UFONE.0.ITLs.0.attn.temperature", nil, exportIt},
		{"IPT", "body.encoder.layers.0.linear1.weight", nil, exportIt},
		{"MoESR", "blocks.0.blocks.0.gamma", nil, exportIt},
		{"PLKSR", "feats.1.channe_mixer.0.weight", nil, exportIt}, // as published
		{"SAFMN", "feats.0.safm.mfr.0.weight", nil, exportIt},
		{"SAFMN BCIE", "feats.0.layers.0.safm.mfr.0.weight", nil, exportIt},
		{"SeemoRe", "body.0.local_block.norm_1.weight", nil, exportIt},
		{"SwiftSRGAN", "initial.cnn.depthwise.weight", nil, exportIt},
		{"AdaCode", "weight_predictor.blocks.0.swin_blks.0.residual_group.blocks.0.norm1.weight", nil, exportIt},
		{"FeMaSR", "quantize_group.0.embedding.weight", nil, exportIt},
		// Models that restore, at the image's own size.
		{"FBCNN", "qf_pred.0.res.0.weight", nil, exportIt},
		{"DRUNet", "m_down1.0.res.0.weight", nil, exportIt},
		{"SCUNet", "m_head.0.weight", nil, exportIt},
		{"FFTformer", "encoder_level1.0.ffn.fft", nil, exportIt},
		{"Restormer", "encoder_level1.0.attn.temperature", nil, exportIt},
		{"KBNet", "encoders.0.0.attgamma", nil, exportIt},
		{"KBNet", "latent.0.ffn.qkv.weight", nil, exportIt},
		{"M3SNet", "middle_blks.0.qkv_dwconv.weight", nil, exportIt},
		{"NAFNet", "middle_blks.0.beta", nil, exportIt},
		{"MIRNet2", "body.0.body.0.dau_top.body.0.weight", nil, exportIt},
		{"MPRNet", "shallow_feat1.0.weight", nil, exportIt},
		{"MixDehazeNet", "layer1.blocks.0.conv3_19.weight", nil, exportIt},
		{"RetinexFormer", "body.0.estimator.conv1.weight", nil, exportIt},
		{"Uformer", "encoderlayer_0.blocks.0.norm1.weight", nil, exportIt},
		{"HVI-CIDNet", "HVE_block0.1.weight", nil, exportIt},
		// Faces, and what is no upscaling.
		{"CodeFormer", "idx_pred_layer.1.weight", nil, restorerIt},
		{"RestoreFormer", "quantize.embedding.weight", nil, restorerIt},
		{"RestoreFormer", "vqvae.quantize.embedding.weight", nil, restorerIt},
		{"GPEN", "generator.input.input", nil, restorerIt},
		{"GFPGAN of version 1", "conv_body_first.0.weight", nil, "use version 1.3 or 1.4"},
		{"DDColor", "refine_net.0.0.weight_orig", nil, paints},
	}
	for _, prefix := range []string{"", "model.", "generator."} {
		all = append(all, architecture{"LaMa", prefix + "model.1.bn_l.running_mean", nil, fills},
			architecture{"MAT", prefix + "synthesis.first_stage.conv_first.conv.resample_filter", nil, fills})
	}
	return all
}
