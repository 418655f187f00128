package network

import (
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
	// instead is what to do without read.
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
	return append(known(), []architecture{
		{HAT, "layers.0.residual_group.overlap_attn.relative_position_bias_table", readHAT, ""},
		{SRFormer, "layers.0.residual_group.blocks.0.attn.q.weight", readSRFormer, ""},
		{SwinIR, "layers.0.residual_group.blocks.0.norm1.weight", readSwinIR, ""},
		{RGT, "layers.0.blocks.0.gamma", readRGT, ""},
		{DAT, "before_RG.1.weight", readDAT, ""},
		{OmniSR, "residual_layer.0.residual_layer.0.layer.0.fn.0.weight", readOmniSR, ""},
		{SPAN, "block_1.c1_r.sk.weight", readSPAN, ""},
		{RealPLKSR, "feats.1.channel_mixer.0.weight", readPLKSR, ""},
		{MoSR, "gblocks.1.fc1.weight", readMoSR, ""},
		{MoSR, "gblocks.2.fc1.weight", readMoSR, ""},
		{RCAN, "body.0.body.0.body.3.conv_du.0.weight", readRCAN, ""},
		{UpCunet, "unet1.conv1.conv.0.weight", readUpcunet, ""},
		{UpConv, "net.0.weight", readUpconv, ""},
		{SPSR, "f_HR_conv1.0.weight", readSPSR, ""},
		{RRDBNet, "conv_first.weight", func(r *reader) model { return readResidual(r) }, ""},
		{SRVGGNetCompact, "body.0.weight", func(r *reader) model { return readCompact(r) }, ""},
		{GFPGAN, "conv_body_first.weight", func(r *reader) model { return r.gfpgan() }, ""},
		{"DnCNN", "model.2.weight", nil, exportIt}, // after the original ESRGAN's names
	}...)
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
			return a, fault.New(fault.Unsupported, "The architecture is %s, which cannot be imported as weights; %s.", a.name, a.instead)
		default:
			return a, nil
		}
	}
	return architecture{}, fault.New(fault.Unsupported,
		"The file is of no known architecture: it has none of the tensors of %s; if it is another architecture, %s.", joined(names), exportIt)
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

// Supported returns the architectures whose weights are read.
func Supported() []Architecture {
	var all []Architecture
	for _, a := range architectures() {
		if a.read != nil {
			all = append(all, a.name)
		}
	}
	return all
}
