package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"upscaled/cmd/upscaled/settings"
)

// engineSettings are the settings of all commands (home, onnxruntime, offline) and
// of commands that run models (the rest).
type engineSettings struct {
	home, onnxruntime           string
	offline                     bool
	device, model, precision    string
	cpuEngine, cpuKernels, tune string
	threads                     int
}

// store declares the settings of all commands.
func (s *engineSettings) store() []settings.Setting {
	return []settings.Setting{
		{Key: "home", Into: &s.home, Flag: true, Help: "folder for models and ONNX Runtime (default: upscaled-home beside the program if it exists, or else upscaled in the user's cache folder)"},
		{Key: "offline", Into: &s.offline, Flag: true, Help: "never download; report what is missing instead"},
		{Key: "onnxruntime", Into: &s.onnxruntime, Flag: true, Help: "ONNX Runtime library file to use (default: the one in --home, downloaded when it is needed)"},
	}
}

// compute declares the settings of commands that run models.
func (s *engineSettings) compute() []settings.Setting {
	return []settings.Setting{
		{Key: "device", Into: &s.device, Default: "auto", Flag: true, Help: "where to compute: auto, cpu, cuda:N with N the number of the GPU (several: cuda:0,1), tensorrt:N, webgpu, directml:N, coreml, openvino:N or migraphx:N"},
		{Key: "precision", Into: &s.precision, Default: "auto", Flag: true, Help: "numbers to compute with: auto, float32, float16 (GPUs) or bfloat16 (CPUs); auto is the fastest without visible loss"},
		{Key: "cpu-engine", Into: &s.cpuEngine, Default: "auto", Flag: true, Help: "what runs models on the CPU: auto (the built-in engine if it can) or onnxruntime"},
		{Key: "cpu-kernels", Into: &s.cpuKernels, Flag: true, Help: "instruction set of the built-in CPU engine, such as avx2 (default: the fastest, measured)"},
		{Key: "tune", Into: &s.tune, Default: "auto", Flag: true, Help: "measure how a GPU runs the model fastest: auto (once, some seconds), off or always"},
		{Key: "threads", Into: &s.threads, Flag: true, Help: "CPU threads for the model (default 0: one for each core)"},
		{Key: "model", Into: &s.model, Flag: true, Help: "model to use, see 'upscaled models list' (default: realesr-general-x4v3 on a CPU, realesrgan-x4plus on a GPU)"},
	}
}

// configFlag is the flag of the settings file; the file cannot set it.
const configFlag = "config"

// commandSettings holds the settings of all commands.
type commandSettings struct {
	declared map[*cobra.Command]*settings.Set
	assigned []string // the values of --set
	// problems lists mistakes in the environment and the settings file.
	problems []string
}

// hasSettings declares a command's own settings as flags and environment
// variables and, if file is set, also in the file of --config and with --set.
func (c *commandSettings) hasSettings(cmd *cobra.Command, flags *pflag.FlagSet, file bool, declared ...[]settings.Setting) *settings.Set {
	set := settings.New(declared...)
	set.AddFlags(flags)
	if file {
		flags.StringArrayVar(&c.assigned, "set", nil, "set `KEY=VALUE`, such as queue.lease=1m; 'upscaled config' prints all keys")
		flags.String(configFlag, "", "TOML file with settings; 'upscaled config' writes one. Flags and environment win over it")
		flags.Lookup(configFlag).Annotations = map[string][]string{settings.EnvironmentKey: {"UPSCALED_CONFIG"}}
	}
	c.declared[cmd] = set
	return set
}

// loadSettings loads the settings that the command line has not set and returns
// all problems.
func (c *commandSettings) loadSettings(cmd *cobra.Command, lookupEnv func(string) (string, bool)) (problems []string) {
	from := settings.Sources{Assigned: c.assigned, LookupEnv: lookupEnv, Known: c.knownSettings()}
	if flag := cmd.Flags().Lookup(configFlag); flag != nil {
		if from.File = flag.Value.String(); from.File == "" {
			from.File, _ = lookupEnv("UPSCALED_CONFIG")
		}
	}
	var sets []*settings.Set
	for at := cmd; at != nil; at = at.Parent() {
		if set := c.declared[at]; set != nil {
			sets = append(sets, set)
			from.Own = append(from.Own, set.All()...)
		}
	}
	for _, set := range sets {
		problems = slices.Concat(problems, set.Load(from), set.Problems())
	}
	return problems
}

// knownSettings returns the settings of all commands.
func (c *commandSettings) knownSettings() (all []settings.Setting) {
	for _, set := range c.declared {
		all = append(all, set.All()...)
	}
	return all
}

// mistaken returns a usageError of all problems, or nil.
func mistaken(problems []string) error {
	slices.Sort(problems)
	problems = slices.Compact(problems)
	switch len(problems) {
	case 0:
		return nil
	case 1:
		return usageError{errors.New(problems[0])}
	}
	return usageError{fmt.Errorf("the settings have these problems:\n  %s", strings.Join(problems, "\n  "))}
}
