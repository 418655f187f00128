package artifact

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"upscaled/models/fault"
)

// copyFromModule lets the ordinary go client download a module into its cache
// and stores one file of it. Nothing of the module is built or run.
func (f *Fetcher) copyFromModule(ctx context.Context, item Item, source Source, progress func(Progress)) error {
	progress(Progress{Label: "Go module " + source.Module, Total: source.PackedSize})
	folder, err := f.moduleFolder(ctx, source)
	if err != nil {
		return err
	}
	file, err := os.Open(filepath.Join(folder, filepath.FromSlash(source.Member)))
	if err != nil {
		return fault.Wrap(fault.FetchFailed, err, "The Go module %s has no file %s.", source.Module, source.Member)
	}
	defer file.Close()
	return store(item, file)
}

// moduleFolder returns the module's folder after "go mod download".
func (f *Fetcher) moduleFolder(ctx context.Context, source Source) (string, error) {
	name := cmp.Or(f.Go, "go")
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fault.Wrap(fault.FetchFailed, err, "Go is not installed.")
	}
	command := exec.CommandContext(ctx, path, "mod", "download", "-json", source.Module)
	command.Dir = cmp.Or(f.Scratch, os.TempDir()) // outside any module, whose settings would apply
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	command.WaitDelay = npmGrace
	var out bytes.Buffer
	messages := &head{limit: maxNPMOutput}
	command.Stdout, command.Stderr = &out, messages
	err = command.Run()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	var module struct{ Dir, Error string }
	if decoding := json.Unmarshal(out.Bytes(), &module); module.Dir != "" && decoding == nil {
		return module.Dir, nil
	}
	said := strings.TrimSpace(module.Error + " " + messages.String())
	return "", fault.Wrap(fault.FetchFailed, fmt.Errorf("go mod download: %w", err), "go mod download says %s.", oneLine(said))
}
