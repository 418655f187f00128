package doctor

import (
	"slices"
	"testing"
)

func TestLibraries(t *testing.T) {
	t.Parallel()
	const maps = `55d0-55d1 r--p 00000000 fe:00 12 /usr/bin/upscaled
7f00-7f01 r--p 00000000 fe:00 13 /home/a b/lib/libonnxruntime.so.1.22.0
7f01-7f02 r-xp 00001000 fe:00 13 /home/a b/lib/libonnxruntime.so.1.22.0
7f02-7f03 r-xp 00001000 fe:00 14 /usr/lib/libm.so.6
7f03-7f04 rw-p 00000000 00:00 0
7fff-8000 r-xp 00000000 00:00 0 [vdso]
`
	want := []nativeCode{
		{"libonnxruntime", "1.22.0", "/home/a b/lib/libonnxruntime.so.1.22.0"},
		{"libm", "6", "/usr/lib/libm.so.6"},
	}
	if got := libraries(maps); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
