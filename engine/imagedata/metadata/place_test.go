package metadata_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata"
	"upscaled/engine/imagedata/metadata/ifd"
)

// photo is a block of an image of 400x300 stored pixels with places in it.
func photo(order binary.ByteOrder, orientation int) []byte {
	shorts := func(tag uint16, values ...int) ifd.Field {
		f := ifd.Field{Tag: tag, Type: ifd.Short, Count: uint32(len(values)), Value: make([]byte, 2*len(values))}
		for i, v := range values {
			order.PutUint16(f.Value[2*i:], uint16(v))
		}
		return f
	}
	density := func(tag uint16, v int) ifd.Field {
		f := ifd.Field{Tag: tag, Type: ifd.Rational, Count: 1, Value: make([]byte, 8)}
		order.PutUint32(f.Value, uint32(2*v))
		order.PutUint32(f.Value[4:], 2)
		return f
	}
	return ifd.Build(order, []ifd.Field{shorts(ifd.Orientation, orientation)}, []ifd.Field{
		shorts(ifd.SubjectArea, 100, 60, 40, 20), shorts(ifd.PixelXDimension, 400), shorts(ifd.PixelYDimension, 300),
		density(ifd.FocalPlaneX, 5000), density(ifd.FocalPlaneY, 5000), shorts(ifd.SubjectLocation, 100, 60),
	}, nil)
}

// TestPlaces checks that a camera's subject stays where it is in the picture, and its
// sensor as large as it is.
func TestPlaces(t *testing.T) {
	t.Parallel()
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for orientation, want := range [][4]int{
			1: {200, 120, 80, 40}, 2: {600, 120, 80, 40}, 3: {600, 480, 80, 40}, 4: {200, 480, 80, 40},
			5: {120, 200, 40, 80}, 6: {480, 200, 40, 80}, 7: {480, 600, 40, 80}, 8: {120, 600, 40, 80},
		} {
			if orientation == 0 {
				continue
			}
			width, height := 800, 600
			if orientation >= 5 {
				width, height = height, width
			}
			m := metadata.Fit(imagedata.Metadata{EXIF: photo(order, orientation)}, width, height)
			file, main, _ := ifd.ParseFirst(m.EXIF)
			exif, _ := file.Directory(file.Number(main, ifd.EXIF, 0))
			numbers := func(tag uint16, count int) string {
				e, _ := exif.Find(tag)
				out := ""
				for i := range count {
					v, _ := file.Uint(e, i)
					out += fmt.Sprint(v, " ")
				}
				return out
			}
			if got := numbers(ifd.SubjectArea, 4); got != fmt.Sprintf("%d %d %d %d ", want[0], want[1], want[2], want[3]) {
				t.Errorf("orientation %d: area %s, want %v", orientation, got, want)
			}
			if got := numbers(ifd.SubjectLocation, 2); got != fmt.Sprintf("%d %d ", want[0], want[1]) {
				t.Errorf("orientation %d: location %s, want %v", orientation, got, want)
			}
			for _, tag := range []uint16{ifd.FocalPlaneX, ifd.FocalPlaneY} {
				e, _ := exif.Find(tag)
				if v, ok := file.Rational(e, 0); v != 10000 || !ok {
					t.Errorf("orientation %d: %v pixels a unit, want 10000", orientation, v)
				}
			}
			if again := metadata.Fit(m, width, height); string(again.EXIF) != string(m.EXIF) {
				t.Errorf("orientation %d: fitted twice differs", orientation)
			}
		}
	}
}

// TestPlacesOfSharedBytes checks that a field whose value is also something else's is
// left alone.
func TestPlacesOfSharedBytes(t *testing.T) {
	t.Parallel()
	order := binary.LittleEndian
	block := photo(order, 1)
	file, main, _ := ifd.ParseFirst(block)
	exif, _ := file.Directory(file.Number(main, ifd.EXIF, 0))
	area, _ := exif.Find(ifd.SubjectArea)
	order.PutUint32(block[area.At+8:], uint32(main.Start))
	m := metadata.Fit(imagedata.Metadata{EXIF: block}, 800, 600)
	if _, again, ok := ifd.ParseFirst(m.EXIF); !ok || len(again.Entries) != len(main.Entries) {
		t.Error("the directory was overwritten")
	}
}
