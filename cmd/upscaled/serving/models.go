package serving

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"upscaled/models"
	"upscaled/models/fault"
	"upscaled/server/dialect/native"
	"upscaled/server/worker/child"
)

// modelStore implements native.ModelStore on the store of this machine. A worker that
// shares the store sees changes with its next job.
type modelStore struct {
	store *models.Store
	log   *slog.Logger
	// importer returns the command that imports a model; it prints JSON.
	importer func(arguments ...string) *exec.Cmd
	// one import runs at a time: each may take importMemory.
	one *sync.Mutex
}

const (
	// importMemory and importLimit bound the process that reads a stranger's file; the
	// largest restorers take 1.5 GB.
	importMemory = 4 << 30
	importLimit  = 10 * time.Minute
)

// models returns the store that operators may change, or nil if this process runs no
// models.
func (p *Program) models(noWorker bool, log *slog.Logger) (native.ModelStore, error) {
	if noWorker || p.Process == nil {
		return nil, nil
	}
	store, err := p.Store()
	importer := func(arguments ...string) *exec.Cmd {
		return p.Process(append(append([]string{"models", "import", "--json"}, p.StoreArguments...), arguments...))
	}
	return modelStore{store, log, importer, &sync.Mutex{}}, err
}

// Pull implements native.ModelStore.
func (m modelStore) Pull(ctx context.Context, name string, progress func(done, total int64)) error {
	if m.store.Offline() {
		return fault.New(fault.ModelMissing, "This server does not download models; add %s as a file.", name)
	}
	entry, err := m.store.Pull(ctx, name, func(p models.Progress) { progress(p.Done, p.Total) })
	if err == nil {
		m.log.Info("model installed", "model", entry.Name)
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	m.log.Error("the model cannot be installed", "model", name, "error", err)
	if fault.KindOf(err) == fault.ModelMissing {
		return fault.Wrap(fault.ModelMissing, err, "%s cannot be downloaded now: none of its sources answers. The server's log has the reasons.", name)
	}
	return err
}

// Remove implements native.ModelStore.
func (m modelStore) Remove(name string) error {
	err := m.store.Remove(name)
	switch {
	case err == nil:
		m.log.Info("model removed", "model", name)
	case fault.KindOf(err) == fault.NotFound:
		return fault.Wrap(fault.NotFound, err, "The model %s is not installed on this machine, but on another worker's.", name)
	}
	return err
}

// Stage implements native.ModelStore.
func (m modelStore) Stage() (string, func(), error) { return m.store.Stage() }

// Import implements native.ModelStore. A stranger's file is read in a process of its
// own, with bounds.
func (m modelStore) Import(ctx context.Context, u native.ModelUpload) ([]string, error) {
	var arguments []string
	for _, flag := range [][2]string{{"name", u.Name}, {"license", u.Licence}, {"author", u.Author}, {"source", u.Source}} {
		if flag[1] != "" {
			arguments = append(arguments, "--"+flag[0]+"="+flag[1])
		}
	}
	if u.Scale > 0 {
		arguments = append(arguments, "--scale="+strconv.Itoa(u.Scale))
	}
	m.one.Lock()
	defer m.one.Unlock()
	ctx, stop := context.WithTimeout(ctx, importLimit)
	defer stop()
	command := m.importer(append(arguments, "--", u.File)...)
	command.Dir = u.Folder
	out, said, err := child.Output(ctx, command, importMemory)
	names := importedNames(out)
	switch {
	case len(names) > 0: // of an archive, some may have failed
		m.log.Info("models imported", "models", names, "error", err, "said", said)
		return names, nil
	case ctx.Err() != nil:
		return nil, fault.Wrap(fault.Canceled, ctx.Err(), "The import was interrupted.")
	}
	m.log.Warn("a model file was refused", "file", u.File, "error", err, "said", said)
	return nil, importError(err, said)
}

// importedNames reads the importer's output: an entry or a list of them.
func importedNames(out string) (names []string) {
	var entries []models.Entry
	if !strings.HasPrefix(out, "[") {
		out = "[" + out + "]"
	}
	if json.Unmarshal([]byte(out), &entries) == nil {
		for _, e := range entries {
			names = append(names, e.Name)
		}
	}
	return names
}

// stagedIn matches the folder of an unpacked archive.
var stagedIn = regexp.MustCompile(`\S*staging[/\\]download-\d+[/\\]`)

// importError returns the error of a failed import for an operator: the importer's
// last sentence, whose flags are the fields of the form.
func importError(err error, said string) error {
	var exit *exec.ExitError
	if errors.Is(err, child.ErrMemory) || errors.As(err, &exit) && !exit.Exited() {
		return fault.Wrap(fault.Invalid, err, "The file cannot be read as a model: it takes too much memory, or it is made to do harm.")
	}
	if exit == nil || said == "" {
		return fault.Wrap(fault.Internal, err, "The importer did not run.")
	}
	said = stagedIn.ReplaceAllString(strings.TrimSpace(said), "")
	_, sentence, _ := strings.Cut("\n"+said, "\nupscaled: ")
	if sentence == "" { // of an archive whose files were refused one by one
		sentence, _, _ = strings.Cut(said, "\n")
	}
	sentence, _, _ = strings.Cut(sentence, "\nSee '")
	kind := fault.Invalid
	switch exit.ExitCode() {
	case exitMissing:
		kind = fault.ModelMissing
	case exitInternal:
		kind = fault.Internal
	}
	//guard:import-words TestImportErrors
	if i := strings.Index(sentence, ", or run 'upscaled"); i >= 0 {
		sentence = sentence[:i] + ", or remove that one."
	}
	return fault.New(kind, "%s", strings.ReplaceAll(sentence, "--", ""))
}

// Exit codes of the importer, as the guide lists them.
const exitMissing, exitInternal = 3, 70
