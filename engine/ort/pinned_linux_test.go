package ort

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"upscaled/engine/imagedata"
)

// pretendCUDA has the two functions that pinned memory comes from; every third
// call finds no memory.
const pretendCUDA = `
#include <stdlib.h>
static int calls, out;
int cudaHostAlloc(void **p, size_t n, unsigned int flags) {
	if (flags != 1 || ++calls % 3 == 0) return 2;
	out++;
	*p = malloc(n);
	return 0;
}
int cudaFreeHost(void *p) { out--; free(p); return out; }
`

// Tiles come from the CUDA runtime's memory where that has some, from the heap
// where not, and each goes back to where it came from.
func TestPinnedTiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	source, library := filepath.Join(folder, "cuda.c"), filepath.Join(folder, "libcudart.so")
	if err := os.WriteFile(source, []byte(pretendCUDA), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-o", library, source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	r := &Runtime{}
	r.pinned.openFrom([]string{"nothing.so", library}, loadNow)
	if r.pinned.alloc == nil {
		t.Fatal("the library's functions were not found")
	}
	var tiles []imagedata.Raster
	for i := range 12 {
		tile := r.AllocateTile(33, 7, 3, 8+8*(i%2))
		if n := len(tile.Pix) + len(tile.Pix16); n != 33*7*3 {
			t.Fatalf("%d samples", n)
		}
		for k := range tile.Pix {
			tile.Pix[k] = uint8(i)
		}
		for k := range tile.Pix16 {
			tile.Pix16[k] = uint16(i)
		}
		tiles = append(tiles, tile)
	}
	if got := len(r.pinned.taken); got != 8 {
		t.Errorf("%d of 12 tiles are pinned, not 8", got)
	}
	for _, tile := range tiles {
		r.FreeTile(tile)
	}
	if got := len(r.pinned.taken); got != 0 {
		t.Errorf("%d tiles were not freed", got)
	}
}

// Without the CUDA runtime tiles are the heap's.
func TestPinnedTilesWithoutCUDA(t *testing.T) {
	t.Parallel()
	r := &Runtime{}
	r.pinned.openFrom([]string{"libnothing-of-this-name.so"}, loadNow)
	tile := r.AllocateTile(5, 5, 1, 8)
	if len(tile.Pix) != 25 {
		t.Fatalf("%d samples", len(tile.Pix))
	}
	r.FreeTile(tile)
}
