package encode_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/engine/imagedata/encode"
	"upscaled/engine/imagedata/metadata/ifd"
	"upscaled/models/fault"
)

// page is one page's image and what is known of it.
type page struct {
	color imagedata.Raster
	alpha *imagedata.Raster
	meta  imagedata.Metadata
}

const exposureTime = 0x829a

// photo is an EXIF block with a value of each size, and an exposure of a second's part.
func photo(order binary.ByteOrder, part uint32) []byte {
	rating, exposure := make([]byte, 2), make([]byte, 8)
	order.PutUint16(rating, 5)
	order.PutUint32(exposure, 1)
	order.PutUint32(exposure[4:], part)
	return ifd.Build(order,
		[]ifd.Field{{Tag: ifd.Make, Type: ifd.ASCII, Count: 8, Value: []byte("AcmeCam\x00")}, {Tag: ifd.Rating, Type: ifd.Short, Count: 1, Value: rating}},
		[]ifd.Field{{Tag: exposureTime, Type: ifd.Rational, Count: 1, Value: exposure}}, nil)
}

func somePages(order, other binary.ByteOrder) []page {
	alpha := gradient(31, 700, 1, 8)
	return []page{
		{color: gradient(40, 30, 3, 8), meta: imagedata.Metadata{EXIF: photo(order, 10), ICC: profile(), Resolution: imagedata.Resolution{X: 300, Y: 300}}},
		{color: gradient(33, 1001, 1, 16), meta: imagedata.Metadata{EXIF: photo(other, 20), Resolution: imagedata.Resolution{X: 150, Y: 72}}},
		{color: gradient(31, 700, 3, 8), alpha: &alpha},
	}
}

func (p page) header() encode.Header {
	h := header(p.color, p.alpha)
	h.Meta = p.meta
	return h
}

// exif returns the values of photo in a decoded page.
func exif(t *testing.T, block []byte) (rating uint64, exposure float64) {
	t.Helper()
	file, err := ifd.Parse(block)
	if err != nil {
		t.Fatal(err)
	}
	main, _ := file.Directory(file.First)
	sub, _ := file.Directory(file.Number(main, ifd.EXIF, 0))
	if e, ok := sub.Find(exposureTime); ok {
		exposure, _ = file.Rational(e, 0)
	}
	return file.Number(main, ifd.Rating, 0), exposure
}

// TestPages writes pages of both byte orders behind other bytes of a file; the attempts
// at a page that fail are not part of it.
func TestPages(t *testing.T) {
	t.Parallel()
	for _, orders := range [][2]binary.ByteOrder{{binary.LittleEndian, binary.BigEndian}, {binary.BigEndian, binary.LittleEndian}} {
		path := filepath.Join(t.TempDir(), "a.tif")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		const before = "behind"
		_, _ = f.WriteString(before)
		pages := somePages(orders[0], orders[1])
		o := encode.Options{Format: imagedata.TIFF, Pages: new(encode.Pages)}
		for i, p := range pages {
			abandoned := gradient(64, 2000, 3, 8)
			if e, err := encode.New(f, header(abandoned, nil), o); i > 0 && errors.Join(err, e.BeginFrame(0), e.WriteBand(abandoned.Rows(0, 1900), nil)) != nil {
				t.Fatal("the page to abandon was not begun")
			}
			if i == 0 {
				_, _ = f.Seek(int64(len(before)), 0)
			}
			write(t, f, p.header(), o, p.color, p.alpha, 7, 20)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		checkPages(t, data[len(before):], pages)
	}
}

// checkPages compares each page with a file of its own.
func checkPages(t *testing.T, data []byte, pages []page) {
	t.Helper()
	if got := decode.Pages(data); got != len(pages) {
		t.Fatalf("%d pages, want %d", got, len(pages))
	}
	for i, p := range pages {
		var alone bytes.Buffer
		write(t, &alone, p.header(), encode.Options{Format: imagedata.TIFF}, p.color, p.alpha)
		want, wantFrame := read(t, alone.Bytes())
		d, err := decode.OpenPage(data, i+1, imagedata.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		frame, err := d.Next()
		if err != nil || !reflect.DeepEqual(frame, wantFrame) {
			t.Errorf("page %d has other pixels than alone, %v", i+1, err)
		}
		got := d.Info()
		if p.meta.EXIF != nil {
			rating, exposure := exif(t, got.Meta.EXIF)
			if rating != 5 || exposure != 1/float64(10*(i+1)) {
				t.Errorf("page %d: rating %d, exposure %v", i+1, rating, exposure)
			}
		}
		got.Meta.EXIF, want.Meta.EXIF = nil, nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("page %d: %+v, want %+v", i+1, got, want)
		}
	}
}

func TestPagesNeedASeeker(t *testing.T) {
	t.Parallel()
	h := header(gradient(4, 4, 1, 8), nil)
	_, err := encode.New(new(bytes.Buffer), h, encode.Options{Format: imagedata.TIFF, Pages: new(encode.Pages)})
	if fault.KindOf(err) != fault.Internal {
		t.Error(err)
	}
}
