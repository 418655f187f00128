package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/complete"
	"upscaled/engine/upscaler"
	"upscaled/models"
)

const rootHelp = `upscaled upscales images with Real-ESRGAN.

  upscaled photo.jpg                      makes photo.upscaled.jpg, four times as wide and high
  upscaled upscale --scale 2 --out big/ *.png
  upscaled models list                    shows the models and what is installed
  upscaled serve                          a web page and HTTP APIs on 127.0.0.1:8080

Models, and ONNX Runtime for GPUs and some models, are downloaded on first use.`

// checksItself annotates commands that report a.problems together with problems
// that they find themselves.
const checksItself = "checks itself"

// newRootCommand returns the tree of all commands.
func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "upscaled",
		Short:         "Upscale images with Real-ESRGAN",
		Long:          rootHelp,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			a.problems = a.loadSettings(cmd, a.lookupEnv)
			a.parsed = true
			if cmd.Annotations[checksItself] != "" {
				return nil
			}
			return mistaken(a.problems)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	a.hasSettings(root, root.PersistentFlags(), false, a.settings.store())
	root.AddCommand(newUpscaleCommand(a), newModelsCommand(a), newBenchCommand(a), newDoctorCommand(a), newTuneCommand(a),
		newServeCommand(a), newWorkerCommand(a), newVersionCommand(a),
		newHealthCommand(a), newConfigCommand(a), newReferenceCommand(a), newEngineCommand(a))
	root.AddCommand(newOperateCommands(a)...)
	explainMistakes(root, a.knownSettings)
	complete.Everywhere(root, complete.Program{Settings: a.knownSettings(), Devices: upscaler.DeviceNames, OpenStore: func() (*models.Store, error) {
		a.loadSettings(root, a.lookupEnv)
		return a.openStore()
	}})
	return root
}

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the program's version",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(a.stdout, version())
			return err
		},
	}
}

// release is set by the linker (-X main.release=v1.2.3) in builds without a git
// folder, such as a container's.
var release string

// version returns program, version, Go version and platform.
func version() string {
	return fmt.Sprintf("upscaled %s (%s, %s/%s)", build(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// build returns the version set at link time, or else the module's.
func build() string {
	build := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		build = info.Main.Version
	}
	if release != "" {
		build = release
	}
	return build
}
