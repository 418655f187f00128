package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

const tuneHelp = `Measures how the GPU runs models fastest: the way of computing convolutions,
the size of tiles and how many run at once. The first use of a model on a GPU
does the same by itself, see --tune; 'upscaled doctor' shows what was found. A
new driver, card or ONNX Runtime is measured again.`

func newTuneCommand(a *app) *cobra.Command {
	var names []string
	cmd := &cobra.Command{
		Use: "tune", Short: "Measure how a GPU runs models fastest", Long: tuneHelp,
		Example: "  upscaled tune\n  upscaled tune --device cuda:1 --models realesrgan-x4plus,realesr-general-x4v3",
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.tune(cmd.Context(), names) },
	}
	cmd.Flags().StringSliceVar(&names, "models", nil, "models to measure (default: --model)")
	a.hasSettings(cmd, cmd.Flags(), false, a.settings.compute())
	return cmd
}

func (a *app) tune(ctx context.Context, names []string) error {
	o, err := a.engineOptions()
	if err != nil {
		return err
	}
	if len(names) == 0 {
		names = []string{o.Model}
	}
	o.Tune = "always"
	for _, o.Model = range names {
		u, err := a.open(ctx, o)
		if err != nil {
			return err
		}
		if !u.Runtime().Device().StaticShapes {
			return usageError{fmt.Errorf("the CPU needs no measuring; name a GPU with --device")}
		}
	}
	return nil
}
