package tune

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"upscaled/models/artifact"
)

// Key identifies the conditions of a measurement. With another driver or library another
// algorithm may be best.
type Key struct {
	// Device is its name, such as "NVIDIA H200"; Library is ONNX Runtime's version,
	// Network the model's ID.
	Device    string `json:"device"`
	Kind      string `json:"kind"`
	Library   string `json:"library"`
	Network   string `json:"network"`
	Precision string `json:"precision"`
}

// Record is a stored measurement.
type Record struct {
	Key   Key       `json:"key"`
	Model string    `json:"model"` // for people
	Made  time.Time `json:"made"`
	Result
}

// Cache stores records as JSON files in a folder. It may be used concurrently and
// by several processes.
type Cache struct{ Folder string }

func (c Cache) path(k Key) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{k.Device, k.Kind, k.Library, k.Network, k.Precision}, "\x00")))
	return filepath.Join(c.Folder, hex.EncodeToString(sum[:12])+".json")
}

// Limits of a record's values, the side in input pixels. Larger ones were never
// measured.
const (
	MaxSide     = 1 << 14
	MaxParallel = 64
)

var errDamaged = errors.New("this is no measurement")

// Load returns a record; false if there is none. A damaged file is none.
func (c Cache) Load(k Key) (Record, bool) {
	r, err := read(c.path(k))
	return r, err == nil && r.Key == k
}

func read(path string) (Record, error) {
	var r Record
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	best := r.Best
	//guard:tuning-file FuzzLoad => err == nil && (best.Side < 1 || best.Parallel < 1 || best.Parallel > MaxParallel)
	if err == nil && (best.Side < 1 || best.Side > MaxSide || best.Parallel < 1 || best.Parallel > MaxParallel) {
		err = errDamaged
	}
	return r, err
}

// Save replaces a record atomically.
func (c Cache) Save(r Record) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write measurement: %w", err)
	}
	if err := artifact.WriteFile(c.path(r.Key), data); err != nil {
		return fmt.Errorf("keep measurement: %w", err)
	}
	return nil
}

// All returns the readable records, in no order.
func (c Cache) All() ([]Record, error) {
	entries, err := os.ReadDir(c.Folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list measurements: %w", err)
	}
	var all []Record
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".json" {
			continue
		}
		if r, err := read(filepath.Join(c.Folder, e.Name())); err == nil {
			all = append(all, r)
		}
	}
	return all, nil
}
