package tune_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"upscaled/engine/enginetest"
	"upscaled/engine/tune"
	"upscaled/models/fault"
	"upscaled/models/network"
)

func options(variants ...tune.Variant) tune.Options {
	return tune.Options{
		Net: enginetest.Net(2, 3), Precision: network.Float32, Variants: variants,
		Sides: []int{128, 192}, Parallel: []int{1, 2}, Budget: time.Minute,
	}
}

// The fastest variant that fits the memory wins, with as many tiles at once as pay.
func TestMeasureChooses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, measureChooses)
}

func measureChooses(t *testing.T) {
	slower := &enginetest.Runtime{Static: true, Speed: enginetest.Speed{Tile: 60 * time.Millisecond}}
	faster := &enginetest.Runtime{
		Static: true, Memory: 150 * 150 * 1000, Speed: enginetest.Speed{Tile: time.Millisecond, Copy: 4 * time.Millisecond},
	}
	result, err := tune.Measure(t.Context(), options(tune.Variant{Name: "slower", Runtime: slower}, tune.Variant{Name: "faster", Runtime: faster}))
	if err != nil {
		t.Fatal(err)
	}
	// A tile keeps 32x32 pixels and is computed in a millisecond, in which another one
	// is copied; alone it takes two.
	if best := result.Best; best.Variant != "faster" || best.Side != 128 || best.Parallel != 2 ||
		best.MegapixelsPerSecond < 0.95*1.024 || best.MegapixelsPerSecond > 1.024 {
		t.Errorf("got %+v", best)
	}
	if problem := result.Trials[2].Problem; result.Trials[2].Side != 192 || problem == "" {
		t.Errorf("the trial that does not fit: %+v", result.Trials[2])
	}
	for _, r := range []*enginetest.Runtime{slower, faster} {
		if r.Opened.Load() != r.Closed.Load() {
			t.Errorf("%d sessions opened, %d closed", r.Opened.Load(), r.Closed.Load())
		}
	}
}

func TestMeasureStops(t *testing.T) {
	t.Parallel()
	r := &enginetest.Runtime{Static: true}
	o := options(tune.Variant{Name: "a", Runtime: r}, tune.Variant{Name: "b", Runtime: r})
	o.Budget = 0
	want := tune.Trial{Variant: "a", Side: 128, Parallel: 1}
	if result, err := tune.Measure(t.Context(), o); err != nil || result.Best != want || len(result.Trials) != 0 {
		t.Errorf("with no time: %+v, %v", result, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tune.Measure(ctx, o); fault.KindOf(err) != fault.Canceled {
		t.Errorf("canceled: %v", err)
	}
	broken := &enginetest.Runtime{Before: func(context.Context) error { return errors.New("broken") }}
	if _, err := tune.Measure(t.Context(), options(tune.Variant{Name: "broken", Runtime: broken})); err == nil {
		t.Error("a device that runs nothing was measured")
	}
}

// The budget ends a trial that is under way, and the others are not begun.
func TestBudgetEndsATrial(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := &enginetest.Runtime{Static: true, Speed: enginetest.Speed{Tile: time.Hour}}
		fast := &enginetest.Runtime{Static: true}
		o := options(tune.Variant{Name: "fast", Runtime: fast}, tune.Variant{Name: "slow", Runtime: slow}, tune.Variant{Name: "late", Runtime: fast})
		o.Sides, o.Budget = []int{128}, 10*time.Second
		began := time.Now()
		result, err := tune.Measure(t.Context(), o)
		if spent := time.Since(began); err != nil || spent != o.Budget || result.Best.Variant != "fast" || len(result.Trials) != 2 {
			t.Errorf("%v, %+v, %v", spent, result, err)
		}
		o.Variants = o.Variants[1:]
		if result, err := tune.Measure(t.Context(), o); err != nil || result.Best != (tune.Trial{Variant: "slow", Side: 128, Parallel: 1}) {
			t.Errorf("a device that is too slow: %+v, %v", result, err)
		}
	})
}

func TestCache(t *testing.T) {
	t.Parallel()
	cache := tune.Cache{Folder: filepath.Join(t.TempDir(), "tuning")}
	key := tune.Key{Device: "card", Kind: "cuda", Library: "1.29.0", Network: "abc", Precision: "float16"}
	if _, found := cache.Load(key); found {
		t.Error("an empty cache has a record")
	}
	record := tune.Record{Key: key, Model: "x4plus", Made: time.Unix(1, 0).UTC(), Result: tune.Result{Best: tune.Trial{Variant: "v", Side: 512, Parallel: 2}}}
	if err := cache.Save(record); err != nil {
		t.Fatal(err)
	}
	if got, found := cache.Load(key); !found || !reflect.DeepEqual(got, record) {
		t.Errorf("%+v, %v", got, found)
	}
	other := key
	other.Library = "1.30.0"
	if _, found := cache.Load(other); found {
		t.Error("another library's record was taken")
	}
	all, err := cache.All()
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	entries, _ := os.ReadDir(cache.Folder)
	if err := os.WriteFile(filepath.Join(cache.Folder, entries[0].Name()), []byte("{"), 0o600); err != nil || len(entries) != 1 {
		t.Fatal(entries, err)
	}
	if _, found := cache.Load(key); found {
		t.Error("a damaged record was taken")
	}
}
