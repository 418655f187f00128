//go:build linux

package onednn

// #cgo CFLAGS: -O3 -Wall
// #cgo LDFLAGS: -ldl
// #include <stdlib.h>
// #include "library.h"
import "C"

import (
	"fmt"
	"sync"
	"unsafe"

	"upscaled/models/fault"
)

// names are the library's, newest first: upstream's 3.x, Debian's 2.6 (the package
// libdnnl2).
var names = [...]string{"libdnnl.so.3", "libdnnl.so.2"}

// Bits of dnnl_cpu_isa_t.
const (
	isaAVX512     = 0x27
	isaAVX512BF16 = 0xe7
	isaAMX        = 0x3e7
)

// loaded holds the libraries of the process by the name asked for. They are never
// unloaded, as their threads live on.
var loaded struct {
	sync.Mutex
	libraries map[string]*C.od_library
}

// load opens a library, the first one found if path is "".
func load(path string) (*C.od_library, Library, error) {
	candidates := names[:]
	if path != "" {
		candidates = []string{path}
	}
	loaded.Lock()
	defer loaded.Unlock()
	var last error
	for _, name := range candidates {
		inner, err := loadOne(name)
		if err == nil {
			return inner, described(inner, name), nil
		}
		last = err
	}
	return nil, Library{}, fault.Wrap(fault.ModelMissing, last,
		"oneDNN is not installed; install libdnnl 2.6 or newer (Debian: libdnnl2), or use ONNX Runtime.")
}

func loadOne(name string) (*C.od_library, error) {
	if inner := loaded.libraries[name]; inner != nil {
		return inner, nil
	}
	path := C.CString(name)
	defer C.free(unsafe.Pointer(path))
	var reason [256]C.char
	inner := C.od_open(path, &reason[0], C.int(len(reason)))
	if inner == nil {
		return nil, fmt.Errorf("load %s: %s", name, C.GoString(&reason[0]))
	}
	if loaded.libraries == nil {
		loaded.libraries = map[string]*C.od_library{}
	}
	loaded.libraries[name] = inner
	return inner, nil
}

func described(inner *C.od_library, name string) Library {
	var major, minor, patch C.int
	C.od_version(inner, &major, &minor, &patch)
	isa := int(C.od_isa(inner))
	l := Library{
		Name: name, Version: fmt.Sprintf("%d.%d.%d", major, minor, patch),
		Instructions: "AVX2 or less", BFloat16: isa&isaAVX512BF16 == isaAVX512BF16,
		AMX: isa&isaAMX == isaAMX,
	}
	if isa&isaAVX512 == isaAVX512 {
		l.Instructions, l.AVX512 = "AVX-512", true
	}
	if l.BFloat16 {
		l.Instructions = "AVX-512 with bfloat16"
	}
	if !l.AVX512 {
		l.Reason = "This CPU has no AVX-512, without which oneDNN gains nothing over ONNX Runtime here."
	}
	return l
}

// failed turns a status of the library into an error.
func failed(status C.int, operation string) error {
	if status == 0 {
		return nil
	}
	err := fmt.Errorf("%s: oneDNN status %d", operation, int(status))
	if status == 1 {
		return fault.Wrap(fault.DeviceMemory, err, "There is not enough memory to run the model.")
	}
	return fault.Wrap(fault.Internal, err, "oneDNN reported an error.")
}
