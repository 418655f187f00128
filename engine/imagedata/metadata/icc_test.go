package metadata_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"upscaled/engine/imagedata/metadata"
)

// FuzzJoinICC puts segments of a profile together, as JPEG has them, and looks
// at what comes out: nothing, or the segments in their order; and of that a
// profile of the asked kind, no longer than it says itself.
func FuzzJoinICC(f *testing.F) {
	profile := make([]byte, 132)
	binary.BigEndian.PutUint32(profile, 132)
	copy(profile[16:], "RGB ")
	copy(profile[36:], "acsp")
	f.Add(append([]byte{2, 2}, profile[70:]...), append([]byte{1, 2}, profile[:70]...), []byte{}, 2, 3)
	f.Add(append([]byte{1, 1}, profile...), []byte{}, []byte{}, 1, 3)
	f.Add([]byte{1, 3}, []byte{3, 3}, []byte{2, 3}, 3, 1)
	f.Add([]byte{0, 255}, []byte{}, []byte{}, 1, 1)
	f.Fuzz(func(t *testing.T, a, b, c []byte, count, channels int) {
		segments := [][]byte{a, b, c}[:count&3]
		joined := metadata.JoinICC(segments)
		total := 0
		for _, segment := range segments {
			total += len(segment) - 2
			if joined != nil && !bytes.Contains(joined, segment[2:]) {
				t.Fatalf("%q is not in %q", segment, joined)
			}
		}
		if joined != nil && len(joined) != total {
			t.Fatalf("%d bytes of %d", len(joined), total)
		}
		out := metadata.ICC(joined, channels)
		if out == nil {
			return
		}
		if !bytes.HasPrefix(joined, out) || int(binary.BigEndian.Uint32(out)) != len(out) || string(out[36:40]) != "acsp" {
			t.Fatalf("%q became %q", joined, out)
		}
		if (channels == 1) != (string(out[16:20]) == "GRAY") {
			t.Fatalf("%q for %d channels", out[16:20], channels)
		}
	})
}
