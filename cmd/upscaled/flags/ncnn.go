package flags

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// foreign is a flag of realesrgan-ncnn-vulkan that sets one of ours.
type foreign struct {
	set func(value string) error
}

func (f foreign) Set(value string) error { return f.set(value) }
func (foreign) String() string           { return "" }
func (foreign) Type() string             { return "string" }

// declareForeign adds the flags of realesrgan-ncnn-vulkan that are not ours by the
// same letter. The settings --model and --device must be declared before they are
// used.
func (f *Upscale) declareForeign(flags *pflag.FlagSet) {
	add := func(letter, usage string, set func(value string) (ours string, err error)) {
		flag := flags.VarPF(foreign{func(value string) error {
			ours, err := set(value)
			if err == nil {
				f.Foreign = append(f.Foreign, fmt.Sprintf("-%s %s is %s", letter, value, ours))
			}
			return err
		}}, "ncnn-"+letter, letter, usage)
		flag.Hidden = true
	}
	instead := func(name string, translate func(string) (string, error)) func(string) (string, error) {
		return func(value string) (string, error) {
			own, err := translate(value)
			if err != nil {
				return "", err
			}
			return "--" + name + " " + own, flags.Set(name, own)
		}
	}
	add("i", "an image or folder", func(value string) (string, error) {
		f.Inputs = append(f.Inputs, value)
		return "an argument without a flag", nil
	})
	add("n", "a model of realesrgan-ncnn-vulkan or of this program", instead("model", ownModel))
	add("g", "-1 for the CPU, or numbers of GPUs such as 0,1", instead("device", ownDevice))
}

// ownModel returns the name of a model by its name in realesrgan-ncnn-vulkan, which
// has files of their own for each scale of one of them.
func ownModel(name string) (string, error) {
	switch name {
	case "realesrgan-x4plus-anime":
		return "realesrgan-x4plus-anime-6b", nil
	case "realesr-animevideov3-x2", "realesr-animevideov3-x3", "realesr-animevideov3-x4":
		return "realesr-animevideov3", nil
	}
	return name, nil
}

// ownDevice returns the value of --device.
func ownDevice(gpus string) (string, error) {
	if gpus == "auto" {
		return gpus, nil
	}
	for gpu := range strings.SplitSeq(gpus, ",") {
		n, err := strconv.Atoi(gpu)
		switch {
		case err == nil && n == -1 && gpu == gpus:
			return "cpu", nil
		case err != nil || n < 0:
			return "", fmt.Errorf("%q is no number of a GPU", gpu)
		}
	}
	return "cuda:" + gpus, nil
}
