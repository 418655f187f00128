package main

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
)

// images returns files of about a size that are expensive to check; none is valid, so
// that no job comes of it.
func images() map[string]func(size int) []byte {
	return map[string]func(size int) []byte{
		"APNG of tiny frames":      tinyAPNG,
		"GIF of tiny frames":       tinyGIF,
		"WebP of tiny frames":      tinyWebP,
		"PNG of empty chunks":      func(n int) []byte { return pngOf(7, bytes.Repeat(chunk("IDAT"), n/12), nil) },
		"PNG with a large profile": func(n int) []byte { return pngOf(7, chunk("iCCP", []byte("p\x00\x00"), packed(100*n)), nil) },
		"PNG with large metadata": func(n int) []byte {
			return pngOf(7, chunk("iTXt", []byte("XML:com.adobe.xmp\x00\x01\x00\x00\x00"), packed(100*n)), nil)
		},
		"PNG of too many pixels": func(int) []byte { return pngOf(30_000, nil, packed(1<<20)) },
		"PNG of zeroes, cut":     func(int) []byte { return pngOf(999, nil, packed(999*3*900)) },
		"JPEG of empty segments": func(n int) []byte { return jpegWith(bytes.Repeat([]byte{0xff, 0xe1, 0, 2}, n/4)) },
		"JPEG of tables": func(n int) []byte {
			return jpegWith(bytes.Repeat(append([]byte{0xff, 0xdb, 0, 67, 0}, make([]byte, 64)...), n/69))
		},
		"JPEG with large metadata": func(n int) []byte { return jpegWith(exif(n)) },
	}
}

func number(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

// chunk returns a chunk of a PNG file.
func chunk(kind string, parts ...[]byte) []byte {
	body := append([]byte(kind), bytes.Join(parts, nil)...)
	return append(append(number(len(body)-4), body...), number(int(crc32.ChecksumIEEE(body)))...)
}

// packed returns zeroes, compressed.
func packed(size int) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, _ = w.Write(make([]byte, min(size, 256<<20)))
	_ = w.Close()
	return out.Bytes()
}

// pngOf returns a PNG file of RGB pixels with chunks before them.
func pngOf(side int, chunks, pixels []byte) []byte {
	return bytes.Join([][]byte{
		[]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", number(side), number(side), []byte{8, 2, 0, 0, 0}), chunks,
		chunk("IDAT", pixels), chunk("IEND"),
	}, nil)
}

// canvas is the side of animations, in pixels.
const canvas = 50

// tinyAPNG returns frames of one pixel, of which the last is damaged.
func tinyAPNG(size int) []byte {
	control := func(side int) []byte {
		return chunk("fcTL", number(0), number(side), number(side), number(0), number(0), []byte{0, 1, 0, 10, 0, 0})
	}
	frame := append(control(1), chunk("fdAT", number(0), packed(4))...)
	frames := min(size/len(frame), 19_990)
	return bytes.Join([][]byte{
		[]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", number(canvas), number(canvas), []byte{8, 2, 0, 0, 0}), chunk("acTL", number(frames), number(0)),
		control(canvas), chunk("IDAT", packed(canvas*(1+3*canvas))), bytes.Repeat(frame, frames), control(1), chunk("fdAT", number(0), []byte("no deflate")), chunk("IEND"),
	}, nil)
}

func tinyGIF(size int) []byte {
	frame := []byte("\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00")
	head := []byte("GIF89a\x32\x00\x32\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff")
	file := append(head, bytes.Repeat(frame, min(size/len(frame), 19_990))...)
	return append(file, frame[:11]...) // cut in its last frame
}

// tinyWebP returns lossless frames of one pixel, of which the last is damaged.
func tinyWebP(size int) []byte {
	riff := func(kind string, parts ...[]byte) []byte {
		body := bytes.Join(parts, nil)
		if len(body)%2 == 1 {
			body = append(body, 0)
		}
		return append(binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(body))), body...)
	}
	frame := func(pixels []byte) []byte {
		return riff("ANMF", make([]byte, 12), []byte{1, 0, 0, 0}, riff("VP8L", []byte{0x2f, 0, 0, 0, 0}, pixels))
	}
	sound := frame([]byte{0x88, 0x88, 0x08, 0, 0, 0, 0})
	return riff("RIFF", []byte("WEBP"), riff("VP8X", []byte{2, 0, 0, 0, canvas - 1, 0, 0, canvas - 1, 0, 0}), riff("ANIM", make([]byte, 6)),
		bytes.Repeat(sound, min(size/len(sound), 19_990)), frame([]byte{0xff}))
}

// jpegWith returns the beginning of a JPEG file after segments.
func jpegWith(segments []byte) []byte {
	var out bytes.Buffer
	_ = jpeg.Encode(&out, image.NewGray(image.Rect(0, 0, 64, 64)), nil)
	whole := out.Bytes()
	return bytes.Join([][]byte{whole[:2], segments, whole[2 : len(whole)/2]}, nil)
}

// exif returns segments of metadata with directories that refer to each other.
func exif(size int) []byte {
	const length = 65_000
	directory := append([]byte("Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff"), bytes.Repeat([]byte{0x69, 0x87, 4, 0, 1, 0, 0, 0, 8, 0, 0, 0}, (length-20)/12)...)
	return bytes.Repeat(append([]byte{0xff, 0xe1, byte((len(directory) + 2) >> 8), byte(len(directory) + 2)}, directory...), max(1, size/length))
}

// noise returns a valid image whose result is large.
func noise(side int) []byte {
	img, state := image.NewNRGBA(image.Rect(0, 0, side, side)), uint32(1)
	for i := range img.Pix {
		state = state*1664525 + 1013904223
		img.Pix[i] = byte(state>>24) | 0x80*byte((i+1)%4/3)
	}
	var out bytes.Buffer
	_ = png.Encode(&out, img)
	return out.Bytes()
}
