package main

import "slices"

const decodePackage = "./engine/imagedata/decode"

// hostile names files of TestHostileFiles.
func hostile(files ...string) []test {
	tests := make([]test, len(files))
	for i, file := range files {
		tests[i] = test{pkg: decodePackage, name: "TestHostileFiles/" + file}
	}
	return tests
}

// pictures is what bounds the decoders.
func pictures() []protection {
	const (
		decoding  = "engine/imagedata/decode/"
		metadata  = "engine/imagedata/metadata/"
		damaged   = "damaged, cut or hostile pictures"
		headers   = "headers that claim more than the file holds (PNG, JPEG, TIFF, BMP, WebP)"
		bombs     = "compressed bombs in iCCP, zTXt, XMP or behind the last pixel of a PNG"
		animation = "animations of a hundred thousand frames, or of frames outside the canvas"
		pages     = "TIFF pages, fields or strips that lie over each other"
		circles   = "EXIF directories in a circle, thumbnails over each other"
		largest   = "the largest pictures that `--max-pixels` lets in"
	)
	limits := out(decoding+"decode.go", `if err := checkLimits(s.info, limits); err != nil {`, `if err := checkLimits(s.info, picture.Limits{}); err != nil {`)
	// A frame outside is found twice: by its place, else by the panic.
	outside := []edit{
		{decoding + "gif.go", `if !f.frames[i].inside(f.width, f.height) {`, `if false {`},
		{decoding + "decode.go", `if cause := recover(); cause != nil {`, `if cause := any(nil); cause != nil {`},
	}
	memory := out(decoding+"memory.go", `if limits.Memory <= 0 || need <= limits.Memory {`, `if limits.Memory <= 0 || need > 0 {`)
	return []protection{
		{row: damaged, without: limits, tests: in(decodePackage, "TestBadInputIsOneSentence", "TestGIFLimitsCountFrames")},
		{row: damaged, without: outside, tests: in(decodePackage, "FuzzOpen")},
		{
			row: damaged,
			// The end of a file shows in its blocks, else in its pixels.
			without: []edit{
				{decoding + "gifblocks.go", `return nil, nil, errTruncated`, `return rest, nil, nil`},
				{decoding + "gif.go", "_, err := io.ReadFull(reader, indices)\n\t\treturn indices, err", "_, _ = io.ReadFull(reader, indices)\n\t\treturn indices, nil"},
			},
			tests: in(decodePackage, "TestTruncatedAnywhere"),
		},
		{
			row:     headers,
			without: out(decoding+"png.go", `if needed > 0 {`, `if false {`),
			tests:   hostile("PNG 6999x6999, 16 bits, of 3 bytes"),
		},
		{
			row:     headers,
			without: out(decoding+"jpeg.go", `if header.exceeds(len(data)) {`, `if false {`),
			tests:   hostile("JPEG 9999x9999 of 300 bytes", "progressive JPEG 6999x6999 of 300 bytes"),
		},
		{
			row: headers,
			without: out(decoding+"bmp.go",
				"int64(f.height-1)*stride+(rowBits+7)/8 > int64(len(f.pixels)) {\n\t\treturn errTruncated", "int64(f.height-1)*stride+(rowBits+7)/8 > int64(len(f.pixels)) {\n\t\treturn nil"),
			tests: hostile("BMP 9999x9999 of 4 bytes"),
		},
		{
			row:     headers,
			without: out(decoding+"webp.go", `if f.extended && !single.covers(f.width, f.height) {`, `if false {`),
			tests:   hostile("WebP whose canvas claims 2^24 a side"),
		},
		{
			row:     bombs,
			without: out(metadata+"png.go", `io.ReadAll(io.LimitReader(reader, maxBytes+1))`, `io.ReadAll(reader)`),
			tests:   hostile("PNG with an iCCP bomb of 64 MiB", "PNG with an XMP bomb of 64 MiB"),
		},
		{
			row:     bombs,
			without: out(metadata+"xmp.go", `len(packet) > maxPacket || `, ``),
			tests:   hostile("PNG with 15 MiB of unclosed thumbnails"),
		},
		{
			row: bombs,
			without: out(decoding+"pngpixels.go", "sum := adler32.New()\n",
				"whole, _ := io.ReadAll(pixels)\n\tpixels = io.NopCloser(bytes.NewReader(whole))\n\tsum := adler32.New()\n"),
			tests: hostile("PNG 1x1, 128 MiB behind its pixel"),
		},
		{
			row:     animation,
			without: out(decoding+"canvas.go", `if frames > maxFrames {`, `if false {`),
			tests:   hostile("APNG of 100000 frames", "GIF of 700000 frames of a pixel", "animated WebP of 100000 frames"),
		},
		{row: animation, without: outside, tests: hostile("GIF with a frame outside the canvas")},
		{
			row:     pages,
			without: out(decoding+"tiff.go", ` && fields < maxPageFields; next = page.Next {`, `; next = page.Next {`),
			tests:   []test{{pkg: decodePackage, name: "TestHostileFiles/TIFF whose 65536 pages of 65535 fields overlap", hangs: 2 * soon}},
		},
		{
			row:     pages,
			without: out(decoding+"tiff.go", `if compressedBytes(file, page) > maxCompressed+4*int64(len(data)) {`, `if compressedBytes(file, page) < 0 {`),
			tests:   []test{{pkg: decodePackage, name: "TestHostileFiles/TIFF whose strips share 10 MiB", hangs: 2 * soon}},
		},
		{
			row:     "progressive JPEG of many scans",
			without: out(decoding+"jpeg.go", `bytes.Count(data, []byte{0xff, markerSOS}) > maxScans {`, `bytes.Count(data, []byte{0xff, markerSOS}) > 1000*maxScans {`),
			tests:   []test{{pkg: decodePackage, name: "TestHostileFiles/progressive JPEG of 1000 scans", hangs: 2 * soon}},
		},
		{
			row:     largest,
			without: memory,
			tests:   hostile("progressive JPEG 9999x9999 cut off, inside the limit"),
		},
		{
			row:     largest,
			without: slices.Concat(memory, limits),
			tests:   hostile("PNG 60000x60000 of 3 bytes"),
		},
		{
			row: "pictures that are also HTML or ZIP",
			without: out(decoding+"sniff.go",
				`case at(0, "\x89PNG\r\n\x1a\n"):`, `case bytes.Contains(data, []byte("\x89PNG\r\n\x1a\n")):`),
			tests: hostile("HTML with a PNG inside"),
		},
		{
			row:     circles,
			without: out(metadata+"exif.go", `if !ok || len(e.used)+len(d.Entries) > maxFields || e.overlaps(span{d.Start, d.Start + 1}) {`, `if !ok {`),
			tests:   hostile("PNG with EXIF directories in a circle"),
		},
	}
}
