package film

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/engine/imagedata"
)

// The parts of common films are read without decoding all that comes before them.
func TestPartsAreSought(t *testing.T) {
	t.Parallel()
	found, err := Find(t.Context(), "")
	if err != nil {
		t.Skip(err)
	}
	if testing.Short() {
		t.Skip("it makes many films")
	}
	for name, arguments := range map[string]string{
		"a.mp4": "-c:v libx264 -g 50 -bf 3", "b.mkv": "-c:v libx264 -x264-params open-gop=1:keyint=30", "c.webm": "-c:v libvpx-vp9 -deadline realtime",
		"d.mkv": "-c:v libx265 -x265-params log-level=error:keyint=25", "e.mov": "-c:v prores_ks -vendor apl0",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			input := filepath.Join(t.TempDir(), name)
			made := exec.CommandContext(t.Context(), "ffmpeg", strings.Fields("-v error -f lavfi -i testsrc2=s=32x32:r=4 -t 30 "+arguments+" "+input)...)
			if said, err := made.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			o := Options{Tools: found, Input: input, Output: "a.mkv", Coding: Coding{Quality: -1}, Limits: imagedata.DefaultLimits(), Chunk: 30}
			parts, _, err := Split(t.Context(), o)
			if err != nil || len(parts) != 4 {
				t.Fatalf("%d parts, %v", len(parts), err)
			}
			r := newRun(o)
			if err := r.prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
			last := parts[len(parts)-1]
			frames, err := r.readFrom(t.Context(), last.Before, last.Frames, last.End)
			if err != nil {
				t.Fatal(err)
			}
			defer frames.close()
			for range last.Frames {
				if p, err := frames.peek(); err != nil || p == nil {
					t.Fatalf("%v, %v", p, err)
				}
				frames.next = nil
			}
			if frames.again == nil {
				t.Error("the film was decoded from its beginning")
			}
		})
	}
}
