package main

import (
	"context"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/doctor"
	"upscaled/cmd/upscaled/report"
	"upscaled/models/fault"
)

const doctorHelp = `Shows the program, ONNX Runtime, devices and models, what is missing and the
command that fixes it. Downloads nothing. The exit code is 0 when upscaling
would work without any download.`

func newDoctorCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check this machine and the installation", Long: doctorHelp,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write one JSON object to standard output")
	a.hasSettings(cmd, cmd.Flags(), false, a.settings.compute())
	return cmd
}

func (a *app) doctor(ctx context.Context, asJSON bool) error {
	o, err := a.engineOptions()
	if err != nil {
		return err
	}
	d := doctor.Examine(ctx, version(), o, optionUsage)
	if asJSON {
		err = report.WriteJSON(a.stdout, d)
	} else {
		err = d.Write(a.stdout)
	}
	if problem := d.Fatal(); err == nil && problem != "" {
		err = codedError{fault.New(fault.ModelMissing, "%s", problem), exitMissing}
	}
	return err
}
