package ort

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

typedef int (*upscaled_host_alloc)(void **, size_t, unsigned int);
typedef int (*upscaled_host_free)(void *);

static int upscaled_call_alloc(void *f, void **p, size_t n, unsigned int flags) {
	return ((upscaled_host_alloc)f)(p, n, flags);
}
static int upscaled_call_free(void *f, void *p) { return ((upscaled_host_free)f)(p); }
*/
import "C"

import (
	"sync"
	"unsafe"

	"upscaled/engine/imagedata"
)

// pinnedMemory allocates page-locked host memory, which the GPU copies at the full
// speed of the bus. It uses the CUDA runtime library that ONNX Runtime's provider
// has loaded, else the heap. It may be used concurrently.
type pinnedMemory struct {
	alloc, free unsafe.Pointer

	mutex sync.Mutex
	taken map[uintptr]struct{} // addresses to free
}

// cudaRuntimes are the library's names, that of the provider's CUDA version first.
var cudaRuntimes = []string{"libcudart.so.13", "libcudart.so.12", "libcudart.so"}

// loadNow is for libraries that are not loaded yet.
const loadNow = C.RTLD_NOW

// portable memory is pinned for all GPUs (CUDA Runtime API, cudaHostAllocPortable).
const portable = 1

// open finds the functions in loaded libraries.
func (m *pinnedMemory) open() { m.openFrom(cudaRuntimes, C.RTLD_LAZY|C.RTLD_NOLOAD) }

func (m *pinnedMemory) openFrom(names []string, flags C.int) {
	for _, name := range names {
		text := C.CString(name)
		library := C.dlopen(text, flags)
		C.free(unsafe.Pointer(text))
		if library == nil {
			continue
		}
		m.alloc, m.free = symbol(library, "cudaHostAlloc"), symbol(library, "cudaFreeHost")
		if m.alloc != nil && m.free != nil {
			m.taken = map[uintptr]struct{}{}
			return
		}
	}
	m.alloc, m.free = nil, nil
}

func symbol(library unsafe.Pointer, name string) unsafe.Pointer {
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	return C.dlsym(library, text)
}

// allocate returns pinned bytes, or nil.
func (m *pinnedMemory) allocate(bytes int) unsafe.Pointer {
	if m.alloc == nil || bytes == 0 {
		return nil
	}
	var address unsafe.Pointer
	if C.upscaled_call_alloc(m.alloc, &address, C.size_t(bytes), portable) != 0 || address == nil {
		return nil
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.taken[uintptr(address)] = struct{}{}
	return address
}

// release frees memory of allocate and ignores any other.
func (m *pinnedMemory) release(address unsafe.Pointer) {
	m.mutex.Lock()
	_, ours := m.taken[uintptr(address)]
	delete(m.taken, uintptr(address))
	m.mutex.Unlock()
	if ours {
		C.upscaled_call_free(m.free, address)
	}
}

// AllocateTile implements engine.TileMemory.
func (r *Runtime) AllocateTile(width, height, channels, depth int) imagedata.Raster {
	samples := width * height * channels
	address := r.pinned.allocate(samples * depth / 8)
	if address == nil {
		return imagedata.NewRaster(width, height, channels, depth)
	}
	out := imagedata.Raster{Width: width, Height: height, Channels: channels}
	if depth == 16 {
		out.Pix16 = unsafe.Slice((*uint16)(address), samples)
	} else {
		out.Pix = unsafe.Slice((*uint8)(address), samples)
	}
	return out
}

// FreeTile implements engine.TileMemory.
func (r *Runtime) FreeTile(tile imagedata.Raster) {
	if tile.Pix16 != nil {
		r.pinned.release(unsafe.Pointer(unsafe.SliceData(tile.Pix16)))
		return
	}
	r.pinned.release(unsafe.Pointer(unsafe.SliceData(tile.Pix)))
}
