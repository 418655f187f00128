package network

import (
	"cmp"
	"fmt"

	"upscaled/models/fault"
)

// architecture is a family of models in PyTorch's names.
type architecture struct {
	name Architecture
	// marker is a floating-point tensor that its files have and files of later
	// entries of the list lack.
	marker string
	// read takes the tensors; nil for those that are supported as ONNX files only.
	read func(*reader) model
	// instead is what to do without read; "" is to use an ONNX file.
	instead string
}

// model is a recognized model with its weights. Those that are a sequence of
// convolutions also implement sequencer.
type model interface {
	info() Info
	build(*builder)
}

type sequencer interface {
	sequential(Options) *Sequential
}

// architectures lists those that are recognized, more specific ones first.
func architectures() []architecture {
	return []architecture{
		{HAT, "layers.0.residual_group.overlap_attn.relative_position_bias_table", readHAT, ""},
		{"SRFormer", "layers.0.residual_group.blocks.0.attn.q.weight", nil, ""},
		{"Swin2SR", "layers.0.residual_group.blocks.0.attn.logit_scale", nil, ""},
		{SwinIR, "layers.0.residual_group.blocks.0.norm1.weight", readSwinIR, ""},
		{"DRCT", "layers.0.swin1.norm1.weight", nil, ""},
		{RGT, "layers.0.blocks.0.gamma", readRGT, ""},
		{DAT, "before_RG.1.weight", readDAT, ""},
		{OmniSR, "residual_layer.0.residual_layer.0.layer.0.fn.0.weight", readOmniSR, ""},
		{SPAN, "block_1.c1_r.sk.weight", readSPAN, ""},
		{RealPLKSR, "feats.1.channel_mixer.0.weight", readPLKSR, ""},
		{"PLKSR", "feats.1.channe_mixer.0.weight", nil, ""}, // as published
		{"MoSR", "gblocks.1.fc1.weight", nil, ""},
		{RCAN, "body.0.body.0.body.3.conv_du.0.weight", readRCAN, ""},
		{"Real-CUGAN or waifu2x (UpCunet)", "unet1.conv1.conv.0.weight", nil, ""},
		{"DITN", "UFONE.0.ITLs.0.attn.temperature", nil, ""},
		{RRDBNet, "conv_first.weight", func(r *reader) model { return readResidual(r) }, ""},
		{SRVGGNetCompact, "body.0.weight", func(r *reader) model { return readCompact(r) }, ""},
		{"GFPGAN of version 1", "conv_body_first.0.weight", nil, "use version 1.3 or 1.4"},
		{GFPGAN, "conv_body_first.weight", func(r *reader) model { return r.gfpgan() }, ""},
	}
}

// architectureOf finds the architecture of tensors. One that is only known by name
// is an error that says so.
func (r *reader) architectureOf() (architecture, error) {
	var names []string
	for _, a := range architectures() {
		if a.read != nil {
			names = append(names, fmt.Sprintf("%s (%s)", a.name, a.marker))
		}
		switch {
		case !r.has(a.marker):
		case a.read == nil:
			return a, fault.New(fault.Unsupported, "The architecture is %s, which cannot be imported as weights; %s.", a.name, cmp.Or(a.instead, "export the model to ONNX and import that"))
		default:
			return a, nil
		}
	}
	return architecture{}, fault.New(fault.Unsupported,
		"The file is of no known architecture: it has none of the tensors of %s; export the model to ONNX and import that.", joined(names))
}

func joined(names []string) string {
	text := names[0]
	for i, name := range names[1:] {
		if i == len(names)-2 {
			text += " or " + name
		} else {
			text += ", " + name
		}
	}
	return text
}
