package metadata_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata"
	"upscaled/engine/imagedata/metadata/ifd"
)

func number(order binary.ByteOrder, tag, kind uint16, value int) ifd.Field {
	b := make([]byte, 4)
	order.PutUint32(b, uint32(value))
	if kind == ifd.Short {
		b = b[:2]
		order.PutUint16(b, uint16(value))
	}
	return ifd.Field{Tag: tag, Type: kind, Count: 1, Value: b}
}

// camera is a block as cameras write it: orientation 6, sizes, a maker note
// and, behind everything, a thumbnail.
func camera(order binary.ByteOrder) (block, thumbnail []byte) {
	note := ifd.Field{Tag: ifd.MakerNote, Type: ifd.Undefined, Count: 9, Value: []byte("makernote")}
	block = ifd.Build(order, []ifd.Field{
		{Tag: ifd.Make, Type: ifd.ASCII, Count: 7, Value: []byte("Camera\x00")},
		number(order, ifd.ImageWidth, ifd.Short, 300), number(order, ifd.ImageLength, ifd.Long, 200),
		number(order, ifd.Orientation, ifd.Short, 6),
	}, []ifd.Field{
		number(order, ifd.PixelXDimension, ifd.Short, 300), number(order, ifd.PixelYDimension, ifd.Short, 200), note,
	}, []ifd.Field{{Tag: 1, Type: ifd.ASCII, Count: 2, Value: []byte("N\x00")}})
	thumbnail = []byte("\xff\xd8 a small copy of the old picture \xff\xd9")
	file, _ := ifd.Parse(block)
	main, _ := file.Directory(file.First)
	start := len(block)
	order.PutUint32(block[main.End-4:], uint32(start))
	directory := make([]byte, 2+2*12+4)
	order.PutUint16(directory, 2)
	for i, field := range []ifd.Field{
		number(order, ifd.ThumbnailOffset, ifd.Long, start+len(directory)),
		number(order, ifd.ThumbnailLength, ifd.Long, len(thumbnail)),
	} {
		record := directory[2+12*i:]
		order.PutUint16(record, field.Tag)
		order.PutUint16(record[2:], field.Type)
		order.PutUint32(record[4:], 1)
		copy(record[8:12], field.Value)
	}
	return slices.Concat(block, directory, thumbnail), thumbnail
}

func TestFitEXIF(t *testing.T) {
	t.Parallel()
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		block, thumbnail := camera(order)
		if metadata.Orientation(block) != 6 {
			t.Fatalf("%v: orientation before = %d", order, metadata.Orientation(block))
		}
		before := slices.Clone(block)
		fitted := metadata.Fit(imagedata.Metadata{EXIF: block}, 800, 70000).EXIF
		if !bytes.Equal(block, before) {
			t.Errorf("%v: the argument was changed", order)
		}
		if metadata.Orientation(fitted) != 1 {
			t.Errorf("%v: orientation = %d", order, metadata.Orientation(fitted))
		}
		if bytes.Contains(fitted, thumbnail[4:20]) || len(fitted) >= len(block)-len(thumbnail) {
			t.Errorf("%v: the thumbnail is still there (%d of %d bytes)", order, len(fitted), len(block))
		}
		if at := bytes.Index(block, []byte("makernote")); at != bytes.Index(fitted, []byte("makernote")) {
			t.Errorf("%v: the maker note moved", order)
		}
		checkSizes(t, fitted, 800, 70000)
	}
}

func checkSizes(t *testing.T, block []byte, width, height uint64) {
	t.Helper()
	file, err := ifd.Parse(block)
	if err != nil {
		t.Fatal(err)
	}
	main, ok := file.Directory(file.First)
	if !ok || main.Next != 0 {
		t.Fatalf("main directory: %v, next at %d", ok, main.Next)
	}
	exif, ok := file.Directory(file.Number(main, ifd.EXIF, 0))
	if !ok {
		t.Fatal("no EXIF directory")
	}
	got := []uint64{
		file.Number(main, ifd.ImageWidth, 0), file.Number(main, ifd.ImageLength, 0),
		file.Number(exif, ifd.PixelXDimension, 0), file.Number(exif, ifd.PixelYDimension, 0),
	}
	if !slices.Equal(got, []uint64{width, height, width, height}) {
		t.Errorf("sizes = %v, want %d and %d twice", got, width, height)
	}
	if e, ok := main.Find(ifd.Make); !ok || string(file.Value(e)) != "Camera\x00" {
		t.Error("the maker was lost")
	}
}

// TestThumbnailInside checks that a thumbnail followed by something else is
// erased without moving what follows.
func TestThumbnailInside(t *testing.T) {
	t.Parallel()
	block, thumbnail := camera(binary.LittleEndian)
	file, _ := ifd.Parse(block)
	main, _ := file.Directory(file.First)
	maker, _ := main.Find(ifd.Make)
	// Point the maker behind the thumbnail.
	binary.LittleEndian.PutUint32(block[maker.At+8:], uint32(len(block)))
	block = append(block, "Camera\x00"...)
	fitted := metadata.Fit(imagedata.Metadata{EXIF: block}, 5, 6).EXIF
	if len(fitted) != len(block) || bytes.Contains(fitted, thumbnail[4:20]) {
		t.Errorf("%d bytes of %d, thumbnail erased: %v", len(fitted), len(block), !bytes.Contains(fitted, thumbnail[4:20]))
	}
	checkSizes(t, fitted, 5, 6)
}

func TestHostileEXIF(t *testing.T) {
	t.Parallel()
	order := binary.LittleEndian
	loop := ifd.Build(order, []ifd.Field{number(order, ifd.EXIF, ifd.Long, 8), number(order, ifd.Orientation, ifd.Short, 3)}, nil, nil)
	for name, block := range map[string][]byte{
		"empty": {}, "short": []byte("II*\x00"), "text": []byte("not a TIFF structure"),
		"directory outside": []byte("II*\x00\xff\xff\xff\xff"),
		"directory cut":     append([]byte("II*\x00\x08\x00\x00\x00"), 200, 0, 1, 2, 3),
	} {
		if got := metadata.Fit(imagedata.Metadata{EXIF: block}, 1, 1).EXIF; got != nil {
			t.Errorf("%s: %d bytes kept", name, len(got))
		}
		if metadata.Orientation(block) != 1 {
			t.Errorf("%s: orientation = %d", name, metadata.Orientation(block))
		}
	}
	if got := metadata.Fit(imagedata.Metadata{EXIF: loop}, 1, 1).EXIF; metadata.Orientation(got) != 1 || len(got) != len(loop) {
		t.Errorf("directory that contains itself: %v", got)
	}
}

func TestICC(t *testing.T) {
	t.Parallel()
	profile := make([]byte, 140)
	binary.BigEndian.PutUint32(profile, 136)
	copy(profile[16:], "GRAY")
	copy(profile[36:], "acsp")
	if got := metadata.ICC(profile, 1); len(got) != 136 {
		t.Errorf("gray profile for gray: %d bytes, want its own 136", len(got))
	}
	if metadata.ICC(profile, 3) != nil || metadata.ICC(profile[:100], 1) != nil {
		t.Error("a profile that does not fit was kept")
	}
	binary.BigEndian.PutUint32(profile, 1<<31)
	if metadata.ICC(profile, 1) != nil {
		t.Error("a profile longer than its bytes was kept")
	}
	segments := [][]byte{{2, 3, 'b'}, {3, 3, 'c'}, {1, 3, 'a'}}
	if got := metadata.JoinICC(segments); string(got) != "abc" {
		t.Errorf("joined = %q", got)
	}
	for _, broken := range [][][]byte{segments[:2], {{1, 2, 'a'}, {1, 2, 'a'}}, {{0, 1}}, {{1}}} {
		if got := metadata.JoinICC(broken); got != nil {
			t.Errorf("%v joined to %q", broken, got)
		}
	}
}

// An orientation of a type or count that is none is not followed, since it could
// not be set upright either.
func TestOrientationOfNoNumber(t *testing.T) {
	t.Parallel()
	for _, field := range [][]byte{{7, 0, 1, 0, 0, 0}, {3, 0, 2, 0, 0, 0}} {
		block := append([]byte("II*\x00\x08\x00\x00\x00\x01\x00\x12\x01"), field...)
		block = append(block, 6, 0, 6, 0, 0, 0, 0, 0)
		if got := metadata.Orientation(block); got != 1 {
			t.Errorf("%v: orientation %d", field, got)
		}
	}
}
