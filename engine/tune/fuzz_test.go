package tune_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"upscaled/engine/tune"
)

// FuzzLoad puts any bytes where a measurement is kept: they are none, or one
// of this key that a device can be run by.
func FuzzLoad(f *testing.F) {
	cache := tune.Cache{Folder: f.TempDir()}
	key := tune.Key{Device: "card", Kind: "cuda", Library: "1.29.0", Network: "abc", Precision: "float16"}
	record := tune.Record{Key: key, Made: time.Unix(1, 0).UTC(), Result: tune.Result{
		Best: tune.Trial{Variant: "v", Side: 512, Parallel: 2}, Trials: []tune.Trial{{Problem: "none"}},
	}}
	if err := cache.Save(record); err != nil {
		f.Fatal(err)
	}
	entries, err := os.ReadDir(cache.Folder)
	if err != nil || len(entries) != 1 {
		f.Fatal(entries, err)
	}
	path := filepath.Join(cache.Folder, entries[0].Name())
	genuine, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(genuine)
	f.Add(genuine[:len(genuine)/2])
	f.Add(bytes.ReplaceAll(genuine, []byte("512"), []byte("4611686018427387904")))
	f.Add(bytes.ReplaceAll(genuine, []byte(`"parallel": 2`), []byte(`"parallel": -1`)))
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		found, ok := cache.Load(key)
		if ok && (found.Key != key || found.Best.Side < 1 || found.Best.Side > tune.MaxSide || found.Best.Parallel < 1 || found.Best.Parallel > tune.MaxParallel) {
			t.Fatalf("%+v is no measurement", found)
		}
		all, err := cache.All()
		if err != nil || ok && len(all) != 1 {
			t.Fatalf("%d records, %v", len(all), err)
		}
	})
}
