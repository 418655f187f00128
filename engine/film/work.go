package film

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/gofrs/flock"

	"upscaled/engine"
	"upscaled/models/fault"
)

// work is the folder of a film's finished chunks. Its name begins with a dot and the
// output's name, so that a later run with the same arguments finds it.
type work struct {
	folder string
	lock   *flock.Flock
	done   []chunk
}

// chunk is a finished chunk, whose file's name holds these numbers.
type chunk struct {
	index, frames, computed int
	// first and last are the times of its frames, in units of Film.Base.
	first, last int64
	// next is the frame after the chunk; its Time is noTime at the film's end.
	next Frame
}

const (
	chunkName  = "%06d_%d_%d_%d_%d_%d_%d.chunk"
	planName   = "film.json"
	workSuffix = ".upscaled-film"
)

func (c chunk) name() string {
	return fmt.Sprintf(chunkName, c.index, c.frames, c.computed, c.first, c.last, c.next.Time, c.next.Sum)
}

// plan is everything that the bytes of a chunk depend on. Chunks of another plan are
// of no use.
type plan struct {
	Version       int
	Path          string
	Bytes         int64
	Changed       int64
	From, To      int64
	Request       engine.Request
	Codec, Preset string
	Quality       int
	Pixels        string
	Encoder       string
	Chunk         int
}

// openWork opens the work folder of an output and removes what another plan or a
// killed process has left in it.
func openWork(output string, p plan) (*work, error) {
	w := &work{folder: filepath.Join(filepath.Dir(output), "."+filepath.Base(output)+workSuffix)}
	if err := os.MkdirAll(w.folder, 0o777); err != nil {
		return nil, unwritable(err)
	}
	w.lock = flock.New(filepath.Join(w.folder, "lock"))
	if locked, err := w.lock.TryLock(); err != nil || !locked {
		return nil, fault.Wrap(fault.Busy, err, "Another process is upscaling a film to %s.", filepath.Base(output))
	}
	err := w.load(p)
	if err != nil {
		_ = w.lock.Close()
	}
	return w, err
}

func (w *work) load(p plan) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write the film's plan: %w", err)
	}
	sum := sha256.Sum256(text)
	signature := []byte(hex.EncodeToString(sum[:]) + "\n")
	path := filepath.Join(w.folder, planName)
	before, _ := os.ReadFile(path)
	entries, err := os.ReadDir(w.folder)
	if err != nil {
		return unwritable(err)
	}
	for _, entry := range entries {
		var c chunk
		if _, err := fmt.Sscanf(entry.Name(), chunkName, &c.index, &c.frames, &c.computed, &c.first, &c.last, &c.next.Time, &c.next.Sum); err == nil && string(before) == string(signature) {
			w.done = append(w.done, c)
			continue
		}
		if name := entry.Name(); name != planName && name != "lock" {
			_ = os.Remove(filepath.Join(w.folder, name))
		}
	}
	slices.SortFunc(w.done, func(a, b chunk) int { return a.index - b.index })
	for i, c := range w.done {
		if c.index != i {
			return fault.New(fault.Invalid, "The folder %s is damaged: a part of the film is missing. Remove the folder to start again.", w.folder)
		}
	}
	if string(before) == string(signature) {
		return nil
	}
	return w.store(planName, func(file io.Writer) error {
		_, err := file.Write(signature)
		return err
	})
}

// store writes a file that is in the folder whole and durable, or not at all.
func (w *work) store(name string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(w.folder, "unfinished-*")
	if err != nil {
		return unwritable(err)
	}
	defer os.Remove(file.Name())
	err = write(file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), filepath.Join(w.folder, name))
	}
	if err != nil {
		return unwritable(err)
	}
	if folder, err := os.Open(w.folder); err == nil {
		_ = folder.Sync() // which some file systems cannot
		_ = folder.Close()
	}
	return nil
}

// frames returns the number of finished frames.
func (w *work) frames() (all, computed int64) {
	for _, c := range w.done {
		all, computed = all+int64(c.frames), computed+int64(c.computed)
	}
	return all, computed
}

// close lets the folder be opened again.
func (w *work) close() { _ = w.lock.Close() }

// remove removes the folder once the film is finished.
func (w *work) remove() { _ = os.RemoveAll(w.folder) }

func unwritable(err error) error {
	if fault.KindOf(err) != fault.Internal || errors.Is(err, context.Canceled) {
		return err
	}
	return fault.Wrap(fault.Invalid, err, "The film cannot be written; is the disk full, or the folder read-only?")
}
