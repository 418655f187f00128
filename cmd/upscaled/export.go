package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"upscaled/models/network"
)

func newModelsExportCommand(a *app) *cobra.Command {
	var out, precision, sample string
	var gray, straightforward bool
	cmd := &cobra.Command{
		Use:   "export NAME",
		Short: "Write a model as an ONNX file for other programs",
		Long: `Writes the ONNX graph that this program runs: input and output are [1, height,
width, channels] (NHWC), and scaling to 0..1, rounding and clamping are in the
graph.`,
		Example: "  upscaled models export realesr-general-x4v3 --out general.onnx\n  upscaled models export realesrgan-x4plus --precision float16 --sample float32 --out x4plus.onnx",
		RunE: func(cmd *cobra.Command, arguments []string) error {
			options, err := exportOptions(precision, sample, gray, straightforward)
			if err != nil {
				return err
			}
			if out == "" {
				return usageError{fmt.Errorf("name the file to write with --out")}
			}
			store, err := a.openStore()
			if err != nil {
				return err
			}
			defer a.showFetches()()
			file, err := a.temporaries.Create(filepath.Dir(out))
			if err != nil {
				return err
			}
			defer a.temporaries.Discard(file)
			if err := store.Export(cmd.Context(), arguments[0], options, file); err != nil {
				return err
			}
			return a.temporaries.Publish(file, out, false)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&out, "out", "o", "", "file to write; an existing one is not replaced")
	flags.StringVar(&precision, "precision", string(network.Float32), "of weights and activations: float32 or float16")
	flags.StringVar(&sample, "sample", string(network.Uint8), "samples at input and output: uint8 (0..255), uint16 (0..65535) or float32 (0..1)")
	flags.BoolVar(&gray, "gray", false, "one channel in and out instead of red, green and blue")
	flags.BoolVar(&straightforward, "straightforward", false, "the operators as published, without the rewriting for ONNX Runtime's fast layout")
	return cmd
}

func exportOptions(precision, sample string, gray, straightforward bool) (network.Options, error) {
	o := network.Options{
		Precision: network.Precision(precision), Sample: network.Sample(sample), Channels: 3,
		Borders: network.AllBorders, Reference: straightforward,
	}
	if gray {
		o.Channels = 1
	}
	switch o.Precision {
	case network.Float32, network.Float16:
	default:
		return o, usageError{fmt.Errorf("--precision %q is not known; use float32 or float16", precision)}
	}
	switch o.Sample {
	case network.Uint8, network.Uint16, network.Float:
	default:
		return o, usageError{fmt.Errorf("--sample %q is not known; use uint8, uint16 or float32", sample)}
	}
	return o, nil
}
