package doctor

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// nativeCode is a piece of code in this process that is not Go.
type nativeCode struct {
	Name string `json:"name"`
	// Version is empty if the file's name has none.
	Version string `json:"version,omitempty"`
	// Path is the library's file, or the Go module it was compiled from.
	Path string `json:"path"`
}

// loadedNativeCode returns the code compiled into the program, ONNX Runtime, which
// is unloaded by now, and on Linux the other shared libraries of this process.
func loadedNativeCode(onnxRuntime, version string) []nativeCode {
	var found []nativeCode
	if onnxRuntime != "" {
		found = append(found, nativeCode{Name: "libonnxruntime", Version: version, Path: onnxRuntime})
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/bep/gowebp" {
				found = append(found, nativeCode{Name: "libwebp", Version: libwebpVersion, Path: module.Path + "@" + module.Version})
			}
		}
	}
	maps, _ := os.ReadFile("/proc/self/maps") // other systems have none
	return append(found, libraries(string(maps))...)
}

// libwebpVersion is the version of the libwebp sources in the module, which does not
// export it.
const libwebpVersion = "1.4.0"

// libraries returns the shared libraries in the text of /proc/PID/maps.
func libraries(maps string) []nativeCode {
	var found []nativeCode
	for line := range strings.Lines(maps) {
		start := strings.IndexByte(line, '/')
		if start < 0 || !strings.Contains(line, ".so") {
			continue
		}
		path := strings.TrimSuffix(line[start:], "\n")
		name, version, _ := strings.Cut(filepath.Base(path), ".so")
		l := nativeCode{Name: name, Version: strings.TrimPrefix(version, "."), Path: path}
		if !slices.Contains(found, l) {
			found = append(found, l)
		}
	}
	return found
}
