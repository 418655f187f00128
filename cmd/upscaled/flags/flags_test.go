package flags_test

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"upscaled/cmd/upscaled/flags"
)

// parse parses a command line that has --model and --device, too.
func parse(t *testing.T, line string) (f flags.Upscale, model, device string, err error) {
	t.Helper()
	set := pflag.NewFlagSet("upscale", pflag.ContinueOnError)
	set.StringVar(&model, "model", "", "")
	set.StringVar(&device, "device", "auto", "")
	f.Declare(set)
	err = set.Parse(strings.Fields(line))
	if err == nil {
		_, _, err = f.Request(set, model)
	}
	return f, model, device, err
}

// The command lines are those of realesrgan-ncnn-vulkan's own manual.
func TestForeignFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ line, inputs, model, device, notes string }{
		{"-i in.jpg -o out.png", "in.jpg", "", "auto", "-i in.jpg is an argument without a flag"},
		{"-i in.jpg -o out.png -n realesrgan-x4plus-anime -s 4", "in.jpg", "realesrgan-x4plus-anime-6b", "auto", "-n realesrgan-x4plus-anime is --model realesrgan-x4plus-anime-6b"},
		{"-i in -o out -n realesr-animevideov3 -s 2 -f jpg -g 0,1 -t 200 -x", "in", "realesr-animevideov3", "cuda:0,1", "-g 0,1 is --device cuda:0,1"},
		{"-i a.png -g -1", "a.png", "", "cpu", "-g -1 is --device cpu"},
		{"-i a.png -g auto", "a.png", "", "auto", ""},
	} {
		f, model, device, err := parse(t, c.line)
		if err != nil || strings.Join(f.Inputs, " ") != c.inputs || model != c.model || device != c.device || !strings.Contains(strings.Join(f.Foreign, ", "), c.notes) {
			t.Errorf("%s: %v, model %q, device %q, notes %v, %v", c.line, f.Inputs, model, device, f.Foreign, err)
		}
	}
	for _, wrong := range []string{"-g x", "-g 0,-1", "-g 0,"} {
		if _, _, _, err := parse(t, "-i a "+wrong); err == nil {
			t.Errorf("%s is accepted", wrong)
		}
	}
}

func TestClashes(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"--replace --out x", "--replace --format png", "--replace --skip-existing", "--replace --page 2", "--replace --pages each", "--replace --watch", "--dry-run --watch"} {
		if _, _, _, err := parse(t, line); err == nil || !strings.Contains(err.Error(), "exclude each other") {
			t.Errorf("%s: %v", line, err)
		}
	}
	if f, _, _, err := parse(t, "--replace --yes --dry-run"); err != nil || !f.Replace || !f.Yes || !f.DryRun {
		t.Errorf("%+v, %v", f, err)
	}
}
