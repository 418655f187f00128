package decode

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/models/fault"
)

// TestJPEGCodings compares with the pixels of djpeg, which are equal; see
// testdata/make.sh.
func TestJPEGCodings(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.jpg")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(file[:len(file)-3] + "ppm")
			if err != nil {
				t.Fatal(err)
			}
			_, frames := all(t, data)
			got := frames[0].Color.Pix
			if !bytes.Equal(got, want[len(want)-len(got):]) {
				t.Errorf("pixels differ from libjpeg's")
			}
			cut := data[:len(data)/2]
			if err := decodeAll(cut, imagedata.Limits{}); fault.KindOf(err) != fault.Invalid {
				t.Errorf("cut in the middle: %v", err)
			}
		})
	}
}

// TestJPEGWithoutTables is a frame of a webcam: its Huffman tables are the standard
// ones, as those of our own files are.
func TestJPEGWithoutTables(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/sampling.jpg")
	if err != nil {
		t.Fatal(err)
	}
	_, want := all(t, data)
	bare := data[:0:0]
	for at := 2; ; {
		size := 2 + int(data[at+2])<<8 + int(data[at+3])
		if data[at+1] != 0xc4 {
			bare = append(bare, data[at:at+size]...)
		}
		if at += size; data[at-size+1] == 0xda {
			bare = append(append(data[:2:2], bare...), data[at:]...)
			break
		}
	}
	if len(bare) > len(data)-400 {
		t.Fatal("the tables are still there")
	}
	if _, got := all(t, bare); !bytes.Equal(got[0].Color.Pix, want[0].Color.Pix) {
		t.Error("pixels differ")
	}
}
