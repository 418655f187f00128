package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// settings are what several verbs share. Each value comes from its flag, else
// from its environment variable, else it is the default shown in --help.
type settings struct {
	home        string
	offline     bool
	onnxruntime string
	device      string
	model       string
	precision   string
	cpuEngine   string
	cpuKernels  string
	threads     int
	tune        string
}

// environmentKey annotates flags that an environment variable can set.
const environmentKey = "environment"

// addStoreFlags declares the settings of every verb.
func (a *app) addStoreFlags(flags *pflag.FlagSet) {
	s := &a.settings
	flags.StringVar(&s.home, "home", "", "folder for models and ONNX Runtime (default: upscaled in the user's cache folder)")
	flags.BoolVar(&s.offline, "offline", false, "never download; say what is missing instead")
	flags.StringVar(&s.onnxruntime, "onnxruntime", "", "ONNX Runtime library file to use (default: the one in --home, fetched on first use)")
	fromEnvironment(flags, "home", "offline", "onnxruntime")
}

// addComputeFlags declares the settings of verbs that run networks.
func (a *app) addComputeFlags(flags *pflag.FlagSet) {
	s := &a.settings
	flags.StringVar(&s.device, "device", "auto", "where to compute: auto, cpu, cuda:N with N the number of the GPU (several: cuda:0,1), tensorrt:N or webgpu")
	flags.StringVar(&s.precision, "precision", "auto", "numbers that networks compute with: auto, float32, float16 (GPUs) or bfloat16 (CPUs); auto is the fastest without visible loss")
	flags.StringVar(&s.cpuEngine, "cpu-engine", "auto", "what runs models on the CPU: auto (the built-in engine where it can) or onnxruntime")
	flags.StringVar(&s.cpuKernels, "cpu-kernels", "", "instruction set of the built-in CPU engine, such as avx2 (default: the fastest, measured)")
	flags.StringVar(&s.tune, "tune", "auto", "measure how a GPU runs the network fastest: auto (once, some seconds), off or always")
	flags.IntVar(&s.threads, "threads", 0, "processor threads for the network (default 0: one for each core)")
	flags.StringVar(&s.model, "model", "", "network to use, see 'upscaled models list' (default: realesr-general-x4v3 on a CPU, realesrgan-x4plus on a GPU)")
	fromEnvironment(flags, "device", "threads", "model", "precision", "cpu-engine", "cpu-kernels", "tune")
}

// fromEnvironment lets UPSCALED_<NAME> set each of the named flags.
func fromEnvironment(flags *pflag.FlagSet, names ...string) {
	for _, name := range names {
		variable := "UPSCALED_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		flags.Lookup(name).Annotations = map[string][]string{environmentKey: {variable}}
	}
}

// applyEnvironment sets flags that the command line left alone, and gives
// everything that is wrong. A variable that is set and empty counts as not
// set.
func (a *app) applyEnvironment(cmd *cobra.Command) (problems []string) {
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		variables := flag.Annotations[environmentKey]
		if flag.Changed || len(variables) == 0 {
			return
		}
		value, _ := a.lookupEnv(variables[0])
		if value == "" {
			return
		}
		if err := cmd.Flags().Set(flag.Name, value); err != nil {
			problems = append(problems, fmt.Sprintf("%s: %q is no value for --%s", variables[0], value, flag.Name))
		}
	})
	return problems
}
