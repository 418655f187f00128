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
	"strings"

	"github.com/gofrs/flock"

	"upscaled/engine"
	"upscaled/models/fault"
)

// work is the folder of a film that is being made: the video of its finished chunks, and
// a journal of them. Its name begins with a dot and the output's name, so that a later
// run with the same arguments finds it.
type work struct {
	folder         string
	lock           *flock.Flock
	video, journal *os.File
	done           []chunk
}

// chunk is a finished chunk. The journal has a line of these numbers for each.
type chunk struct {
	index, frames, computed int
	// first and last are the times of its frames, in units of Film.Base.
	first, last int64
	// next is the frame after the chunk; its Time is noTime at the film's end.
	next Frame
	// end is where the chunk ends in the video, in bytes.
	end int64
}

const (
	planName, videoName, journalName, lockName = "film.json", "video", "journal", "lock"
	workSuffix                                 = ".upscaled-film"
	journalLine                                = "%d %d %d %d %d %d %d %d\n"
)

func (c chunk) line() string {
	return fmt.Sprintf(journalLine, c.index, c.frames, c.computed, c.first, c.last, c.next.Time, c.next.Sum, c.end)
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
	w.lock = flock.New(filepath.Join(w.folder, lockName))
	if locked, err := w.lock.TryLock(); err != nil || !locked {
		return nil, fault.Wrap(fault.Busy, err, "Another process is upscaling a film to %s.", filepath.Base(output))
	}
	err := w.load(p)
	if err != nil {
		w.close()
	}
	return w, err
}

func (w *work) load(p plan) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write the film's plan: %w", err)
	}
	sum := sha256.Sum256(text)
	signature := hex.EncodeToString(sum[:]) + "\n"
	path := filepath.Join(w.folder, planName)
	before, _ := os.ReadFile(path)
	entries, err := os.ReadDir(w.folder)
	if err != nil {
		return unwritable(err)
	}
	known := []string{lockName}
	if string(before) == signature {
		known = append(known, planName, videoName, journalName)
	}
	for _, entry := range entries {
		if !slices.Contains(known, entry.Name()) {
			_ = os.Remove(filepath.Join(w.folder, entry.Name()))
		}
	}
	for name, file := range map[string]**os.File{videoName: &w.video, journalName: &w.journal} {
		if *file, err = os.OpenFile(filepath.Join(w.folder, name), os.O_RDWR|os.O_CREATE, 0o666); err != nil {
			return unwritable(err)
		}
	}
	if err := w.recall(); err != nil {
		return unwritable(err)
	}
	if string(before) != signature { // last: what is there now has this plan
		err = os.WriteFile(path, []byte(signature), 0o666)
	}
	return unwritable(errors.Join(err, w.sync()))
}

// recall reads the journal up to the last chunk that is whole, and drops what a killed
// process has left behind it.
func (w *work) recall() error {
	text, err := io.ReadAll(w.journal)
	if err != nil {
		return err
	}
	info, err := w.video.Stat()
	if err != nil {
		return err
	}
	read, end := int64(0), int64(0)
	for line := range strings.Lines(string(text)) {
		var c chunk
		_, err := fmt.Sscanf(line, journalLine, &c.index, &c.frames, &c.computed, &c.first, &c.last, &c.next.Time, &c.next.Sum, &c.end)
		//guard:film-journal TestTornJournal => false
		if err != nil || c.line() != line || c.index != len(w.done) || c.end <= end || c.end > info.Size() {
			break
		}
		w.done = append(w.done, c)
		read, end = read+int64(len(line)), c.end
	}
	for file, at := range map[*os.File]int64{w.journal: read, w.video: end} {
		if _, seeking := file.Seek(at, io.SeekStart); err == nil {
			err = errors.Join(file.Truncate(at), seeking)
		}
	}
	return err
}

// add appends a chunk to the video, durably.
func (w *work) add(c chunk, write func(io.Writer) error) error {
	err := write(w.video)
	if err == nil {
		c.end, err = w.video.Seek(0, io.SeekCurrent)
	}
	if err == nil {
		err = w.video.Sync()
	}
	if err == nil {
		_, err = w.journal.WriteString(c.line())
	}
	if err == nil {
		err = w.journal.Sync()
	}
	if err == nil {
		w.done = append(w.done, c)
	}
	return unwritable(err)
}

// sync makes the names in the folder durable.
func (w *work) sync() error {
	folder, err := os.Open(w.folder)
	if err == nil {
		_ = folder.Sync() // which some file systems cannot
		err = folder.Close()
	}
	return err
}

// frames returns the number of finished frames.
func (w *work) frames() (all, computed int64) {
	for _, c := range w.done {
		all, computed = all+int64(c.frames), computed+int64(c.computed)
	}
	return all, computed
}

// close lets the folder be opened again.
func (w *work) close() {
	_, _ = w.video.Close(), w.journal.Close()
	_ = w.lock.Close()
}

// remove removes the folder once the film is finished.
func (w *work) remove() {
	_, _ = w.video.Close(), w.journal.Close() // open files stay on some systems
	_ = os.RemoveAll(w.folder)
}

func unwritable(err error) error {
	if err == nil || fault.KindOf(err) != fault.Internal || errors.Is(err, context.Canceled) {
		return err
	}
	return fault.Wrap(fault.Invalid, err, "The film cannot be written; is the disk full, or the folder read-only?")
}
