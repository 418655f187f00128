package decode_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image/color"
	"image/png"
	"io"
	"math/rand"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/models/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pngOf is an RGB file whose deflated rows are cut into chunks of a size.
func pngOf(width, height int, deflated []byte, chunk int) []byte {
	var out bytes.Buffer
	put := func(kind string, payload []byte) {
		body := append([]byte(kind), payload...)
		_ = binary.Write(&out, binary.BigEndian, uint32(len(payload)))
		out.Write(body)
		_ = binary.Write(&out, binary.BigEndian, crc32.ChecksumIEEE(body))
	}
	out.WriteString("\x89PNG\r\n\x1a\n")
	head := binary.BigEndian.AppendUint32(nil, uint32(width))
	put("IHDR", append(binary.BigEndian.AppendUint32(head, uint32(height)), 8, 2, 0, 0, 0))
	for len(deflated) > 0 {
		n := min(chunk, len(deflated))
		put("IDAT", deflated[:n])
		deflated = deflated[n:]
	}
	put("IEND", nil)
	return out.Bytes()
}

// deflatedRows are rows of noise, of all filters, some blocks of 64 KiB long.
func deflatedRows(width, height, level int) []byte {
	var out bytes.Buffer
	z, _ := zlib.NewWriterLevel(&out, level)
	random := rand.New(rand.NewSource(int64(width)))
	for y := range height {
		row := make([]byte, 1+3*width)
		random.Read(row[1:])
		row[0] = byte(y % 5)
		_, _ = z.Write(row)
	}
	_ = z.Close()
	return out.Bytes()
}

func first(data []byte) (imagedata.Frame, error) {
	d, err := decode.Open(data, imagedata.Limits{})
	if err != nil {
		return imagedata.Frame{}, err
	}
	return d.Next()
}

// The pixels equal the standard library's, however they are packed.
func TestPNGPacking(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{1, 1}, {211, 103}, {331, 400}, {21845, 1}, {21844, 1}, {21844, 3}} {
		for _, level := range []int{zlib.NoCompression, zlib.HuffmanOnly, zlib.BestCompression} {
			for _, chunk := range []int{1 << 13, 1 << 30} {
				data := pngOf(size[0], size[1], deflatedRows(size[0], size[1], level), chunk)
				want, err := png.Decode(bytes.NewReader(data))
				if err != nil {
					t.Fatal(err)
				}
				got, err := first(data)
				if err != nil {
					t.Fatalf("%v at level %d in %d: %v", size, level, chunk, err)
				}
				for i := range size[0] * size[1] {
					w := color.NRGBAModel.Convert(want.At(i%size[0], i/size[0])).(color.NRGBA)
					if [3]uint8{w.R, w.G, w.B} != [3]uint8(got.Color.Pix[3*i:3*i+3]) {
						t.Fatalf("%v at level %d: pixel %d differs", size, level, i)
					}
				}
			}
		}
	}
}

// A stream with no end or with spare data has all pixels.
func TestPNGOddEnds(t *testing.T) {
	t.Parallel()
	const width, height = 200, 300
	whole := deflatedRows(width, height, zlib.HuffmanOnly)
	want, err := first(pngOf(width, height, whole, 1<<13))
	if err != nil {
		t.Fatal(err)
	}
	z, err := zlib.NewReader(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	var spare bytes.Buffer
	w := zlib.NewWriter(&spare)
	_, _ = w.Write(append(rows, 0))
	_ = w.Close()
	for note, deflated := range map[string][]byte{
		"lacks its end": whole[:len(whole)-4], "more pixel data": spare.Bytes(),
	} {
		d, err := decode.Open(pngOf(width, height, deflated, 1<<13), imagedata.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Next()
		if err != nil || !bytes.Equal(got.Color.Pix, want.Color.Pix) {
			t.Errorf("%s: %v", note, err)
		}
		if len(d.Notes()) != 1 || !strings.Contains(d.Notes()[0], note) {
			t.Errorf("notes = %q, want %q", d.Notes(), note)
		}
	}
}

// Damaged pixels are rejected wherever the damage is, and no goroutine is left
// behind (goleak).
func TestPNGDamagedPixels(t *testing.T) {
	t.Parallel()
	const width, height = 200, 300
	whole := deflatedRows(width, height, zlib.HuffmanOnly)
	refused := func(name string, deflated []byte) {
		if _, err := first(pngOf(width, height, deflated, 1<<13)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for cut := 0; cut < len(whole); cut += 1 + len(whole)/15 {
		refused("cut off", whole[:cut])
	}
	wrong := bytes.Clone(whole)
	wrong[len(wrong)-1]++
	refused("wrong checksum", wrong)
	wrong = bytes.Clone(whole)
	wrong[0] = 0
	refused("no zlib", wrong)
	refused("too few rows", deflatedRows(width, height-1, zlib.HuffmanOnly))
	sums := pngOf(width, height, whole, 1<<13)
	sums[len(sums)-13]++ // the last IDAT's
	if _, err := first(sums); err != nil {
		t.Errorf("wrong checksum of a chunk: %v", err)
	}
	for _, odd := range [][]byte{whole[:len(whole)-4], deflatedRows(width, height*4, zlib.HuffmanOnly)} {
		file := pngOf(width, height, odd, 1<<13)
		file[len(file)-13]++
		if _, err := first(file); fault.KindOf(err) != fault.Invalid {
			t.Errorf("no right checksum: %v", err)
		}
	}
}
