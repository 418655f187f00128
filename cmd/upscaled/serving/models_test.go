package serving

import (
	"errors"
	"os/exec"
	"runtime"
	"slices"
	"testing"

	"upscaled/models/fault"
	"upscaled/server/worker/child"
)

// Operators read the importer's sentences without flags, commands and folders.
func TestImportErrors(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	ended := func(script string) error { return exec.Command("sh", "-c", script).Run() }
	for name, c := range map[string]struct {
		err        error
		said, want string
		kind       fault.Kind
	}{
		"sentence": {ended("exit 1"), "upscaled: x.pth is no model.\n", "x.pth is no model.", fault.Invalid},
		"noted":    {ended("exit 1"), "downloading onnxruntime\nupscaled: x.pth is no model.\n", "x.pth is no model.", fault.Invalid},
		"taken": {ended("exit 1"), "upscaled: The model a exists already; choose another name with --name, or run 'upscaled models rm a' first.",
			"The model a exists already; choose another name with name, or remove that one.", fault.Invalid},
		"usage":   {ended("exit 2"), "upscaled: --scale is wrong.\nSee 'upscaled models import --help'.", "scale is wrong.", fault.Invalid},
		"archive": {ended("exit 1"), "/x/home/staging/download-123/a.pth is no model.\nb.pth is no model.\n", "a.pth is no model.", fault.Invalid},
		"missing": {ended("exit 3"), "upscaled: No library.", "No library.", fault.ModelMissing},
		"killed":  {ended("kill -9 $$"), "", "The file cannot be read as a model: it takes too much memory, or it is made to do harm.", fault.Invalid},
		"greedy":  {child.ErrMemory, "x", "The file cannot be read as a model: it takes too much memory, or it is made to do harm.", fault.Invalid},
		"broken":  {errors.New("no such program"), "", "The importer did not run.", fault.Internal},
	} {
		if got := importError(c.err, c.said); fault.KindOf(got) != c.kind || c.kind != fault.Internal && fault.Sentence(got) != c.want {
			t.Errorf("%s: %v %q", name, fault.KindOf(got), fault.Sentence(got))
		}
	}
	for out, want := range map[string][]string{
		`{"name":"a"}`: {"a"}, `[{"name":"a"},{"name":"b"}]`: {"a", "b"}, "[]": nil, "": nil, "nonsense": nil,
	} {
		if got := importedNames(out); !slices.Equal(got, want) {
			t.Errorf("%q: %q", out, got)
		}
	}
}
