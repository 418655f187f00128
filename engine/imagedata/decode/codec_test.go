package decode

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/codec"
	"upscaled/models/fault"
)

// codecFixture reads a file that scripts/codec-fixtures made.
func codecFixture(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/codec", name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// TestCodecFixtures reads files of other writers: the kind of samples is kept, and
// colors and alpha are those that were drawn.
func TestCodecFixtures(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		channels, depth int
		alpha           bool
		tolerance       int // of 255
	}{
		"color.heic": {3, 8, false, 12}, "alpha.heic": {3, 8, true, 12}, "gray.heic": {1, 8, false, 12}, "wide.heic": {3, 16, false, 12},
		"color.avif": {3, 8, false, 12}, "alpha.avif": {3, 8, true, 12}, "gray.avif": {1, 8, false, 12}, "wide.avif": {3, 16, false, 12},
		"limited.avif": {1, 8, false, 12}, "limited-alpha.avif": {1, 16, true, 12},
		"color.jxl": {3, 8, false, 0}, "alpha.jxl": {3, 8, true, 0}, "gray.jxl": {1, 8, false, 0}, "wide.jxl": {3, 16, false, 0},
		"color.jp2": {3, 8, false, 0}, "alpha.jp2": {3, 8, true, 0}, "gray.jp2": {1, 8, false, 0}, "wide.jp2": {3, 16, false, 0},
		"color.j2k": {3, 8, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := codecFixture(t, name)
			needLibrary(t, data)
			d, err := Open(data, imagedata.DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			i := d.Info()
			if i.Width != 48 || i.Height != 32 || i.Channels != want.channels || i.Depth != want.depth || i.Alpha != want.alpha || len(d.Notes()) > 0 {
				t.Fatalf("read as %+v, %q", i, d.Notes())
			}
			frame, err := d.Next()
			if err != nil {
				t.Fatal(err)
			}
			at := func(r imagedata.Raster, sample int) int {
				if r.Pix16 != nil {
					return int(r.Pix16[sample]+128) / 257
				}
				return int(r.Pix[sample])
			}
			near := func(what string, x, y, got, drawn int) {
				if d := got - drawn; d > want.tolerance || d < -want.tolerance {
					t.Errorf("%s of %d, %d is %d, want %d", what, x, y, got, drawn)
				}
			}
			for _, p := range [][2]int{{0, 0}, {47, 0}, {0, 31}, {47, 31}, {20, 10}} {
				x, y := p[0], p[1]
				drawn := [3]int{5*x + 10, min(7*y+20, 255), 240 - 4*x}
				if i.Channels == 1 {
					near("gray", x, y, at(frame.Color, y*48+x), drawn[1])
					continue
				}
				for c, v := range drawn {
					near("color", x, y, at(frame.Color, (y*48+x)*3+c), v)
				}
				if i.Alpha {
					near("alpha", x, y, at(*frame.Alpha, y*48+x), drawn[0])
				}
			}
		})
	}
}

// TestHostileCodecs: headers that lie about their size are refused before a pixel is
// decoded, or fail within the bounds of a child.
func TestHostileCodecs(t *testing.T) {
	t.Parallel()
	limits := imagedata.Limits{Pixels: 100_000_000, Side: 30_000, Memory: 4 << 30}
	size := func(name, mark string, skip int, width, height uint32) []byte {
		data := codecFixture(t, name)
		at := bytes.Index(data, []byte(mark))
		if at < 0 {
			t.Fatalf("%s has no %q", name, mark)
		}
		for i, v := range []uint32{width, height} {
			copy(data[at+len(mark)+skip+4*i:], []byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
		}
		return data
	}
	edited := func(name, from, to string) []byte {
		data := codecFixture(t, name)
		if !bytes.Contains(data, []byte(from)) {
			t.Fatalf("%s has no %q", name, from)
		}
		return bytes.ReplaceAll(data, []byte(from), []byte(to))
	}
	deep := func(kind string) []byte { // boxes within boxes
		const levels = 200_000
		data := []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic")
		for i := range levels {
			data = append(binary.BigEndian.AppendUint32(data, uint32(12*(levels-i))), kind+"\x00\x00\x00\x00"...)
		}
		return data
	}
	many := append([]byte("\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a\x00\x00\x00\x14ftypjxl \x00\x00\x00\x00jxl "), bytes.Repeat([]byte("\x00\x00\x00\x08Exif"), 500_000)...)
	const ispe, siz = "ispe\x00\x00\x00\x00", "\xff\x51"
	tiles := size("color.j2k", siz, 4, 1000, 1000)
	copy(tiles[bytes.Index(tiles, []byte(siz))+len(siz)+20:], "\x00\x00\x00\x01\x00\x00\x00\x01")
	for name, c := range map[string]struct {
		data []byte
		kind fault.Kind
	}{
		"AVIF 60000x60000":                    {size("color.avif", ispe, 0, 60000, 60000), fault.TooLarge},
		"HEIC 60000x60000":                    {size("color.heic", ispe, 0, 60000, 60000), fault.TooLarge},
		"AVIF 9000x9000":                      {size("color.avif", ispe, 0, 9000, 9000), fault.Invalid},
		"JPEG 2000 30000^2":                   {size("color.j2k", siz, 4, 30000, 30000), fault.Invalid},
		"JPEG 2000 3000^2":                    {size("color.j2k", siz, 4, 3000, 3000), fault.Invalid},
		"JPEG 2000 of 0x0":                    {size("color.j2k", siz, 4, 0, 0), fault.Invalid},
		"AVIF, grid without tiles":            {edited("color.avif", "av01\x00", "grid\x00"), fault.Unsupported},
		"HEIC, grid without tiles":            {edited("color.heic", "hvc1\x00", "grid\x00"), fault.Unsupported},
		"HEIC, derived from itself":           {edited("color.heic", "hvc1\x00", "iden\x00"), fault.Unsupported},
		"AVIF of a property twice too long":   {edited("color.avif", "\x00\x00\x00\x14ispe", "\x7f\xff\xff\xfeispe"), fault.Invalid},
		"HEIC, 200000 boxes deep":             {deep("meta"), fault.Invalid},
		"HEIC, 200000 lists deep":             {deep("iprp"), fault.Invalid},
		"JPEG XL, 2^30 x 2^30":                {append([]byte("\xff\x0a\xfe\xff\xff\xff\xe1\xff\xff\xff\x1f"), make([]byte, 64)...), fault.Invalid},
		"JPEG XL, 500000 boxes":               {many, fault.Invalid},
		"JPEG 2000, 10^6 tiles":               {tiles, fault.Invalid},
		"JPEG 2000, 16384 colors":             {edited("color.j2k", "\x00\x03\x07\x01\x01", "\x40\x00\x07\x01\x01"), fault.Invalid},
		"JPEG XL, 48 megapixels of one color": {codecFixture(t, "flat.jxl"), ""},
		"HEIC, half":                          {codecFixture(t, "color.heic")[:500], fault.Invalid},
		"AVIF, half":                          {codecFixture(t, "color.avif")[:300], fault.Invalid},
		"JPEG XL, half":                       {codecFixture(t, "color.jxl")[:70], fault.Invalid},
		"JPEG 2000, a third":                  {codecFixture(t, "color.jp2")[:150], fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needLibrary(t, c.data)
			if testing.Short() && c.kind == "" {
				t.Skip("takes long under the race detector")
			}
			if err := decodeAll(c.data, limits); fault.KindOf(err) != c.kind {
				t.Errorf("%v (%s), want %s", err, fault.KindOf(err), c.kind)
			}
		})
	}
}

// FuzzCodec checks what FuzzOpen does of the formats that children decode.
func FuzzCodec(f *testing.F) {
	files, err := filepath.Glob("testdata/codec/*.[hajr]*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		seed := codecFixture(f, filepath.Base(file))
		if format, err := Sniff(seed); err == nil && fuzzed(format) && filepath.Base(file) != "flat.jxl" {
			f.Add(seed)
		}
	}
	f.Fuzz(fuzzOpen)
}

// TestCodings: code points that change how colors look are kept; those of sRGB and of
// cameras, which all viewers show alike, are not, nor those beside a profile.
func TestCodings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		primaries, transfer int
		profile, kept       bool
	}{
		{1, 13, false, false}, {1, 1, false, false}, {2, 2, false, false}, {1, 6, false, false},
		{1, 4, false, true}, {1, 5, false, true}, {1, 8, false, true}, {12, 13, false, true}, {9, 1, false, true},
		{1, 8, true, false}, {12, 13, true, false}, {9, 16, true, true}, {9, 18, false, true},
	} {
		s := &source{}
		if c.profile {
			s.info.Meta.ICC = []byte("profile")
		}
		s.takeCoding(codec.Image{Primaries: c.primaries, Transfer: c.transfer})
		if s.info.Meta.Coded() != c.kept {
			t.Errorf("%+v: %v", c, s.info.Meta.HDR)
		}
	}
}

// TestSparseComponents: of components that all have every second point of the reference
// grid, each sample is a pixel.
func TestSparseComponents(t *testing.T) {
	t.Parallel()
	plain := codecFixture(t, "color.j2k")
	_, want := all(t, plain)
	sparse := bytes.Replace(plain, []byte("\x07\x01\x01\x07\x01\x01\x07\x01\x01"), []byte("\x07\x02\x02\x07\x02\x02\x07\x02\x02"), 1)
	siz := sparse[bytes.Index(sparse, []byte("\xff\x51")):]
	for _, at := range []int{6, 10, 22, 26} { // sides of the grid and of its tiles
		binary.BigEndian.PutUint32(siz[at:], 2*binary.BigEndian.Uint32(siz[at:])-1)
	}
	_, got := all(t, sparse)
	if got[0].Color.Width != want[0].Color.Width || !bytes.Equal(got[0].Color.Pix, want[0].Color.Pix) {
		t.Errorf("%dx%d differs", got[0].Color.Width, got[0].Color.Height)
	}
}
