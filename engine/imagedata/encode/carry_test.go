package encode_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"reflect"
	"strings"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
	"upscaled/engine/imagedata/metadata/ifd"
)

// everything is metadata of every kind, a part per name.
func everything() map[string]imagedata.Metadata {
	copyright := ifd.Field{Tag: ifd.Copyright, Type: ifd.ASCII, Count: 8, Value: []byte("someone\x00")}
	return map[string]imagedata.Metadata{
		"EXIF data": {EXIF: ifd.Build(binary.LittleEndian, []ifd.Field{copyright}, nil, nil)},
		"maker notes in EXIF data": {EXIF: ifd.Build(binary.LittleEndian, nil, []ifd.Field{
			{Tag: ifd.MakerNote, Type: ifd.Undefined, Count: 12, Value: []byte("from someone")}}, nil)},
		"XMP data":                {XMP: []byte("<a/>")},
		"IPTC captions":           {IPTC: []byte("\x1c\x02\x78\x00\x05hello")},
		"PNG text":                {Text: []imagedata.Chunk{{Kind: "tEXt", Data: []byte("parameters\x00a cat")}, {Kind: "iTXt", Data: []byte("workflow\x00\x00\x00\x00\x00{}")}}},
		"a comment":               {Comment: []byte(strings.Repeat("Grüße ", 100))},
		"the resolution (dpi)":    {Resolution: imagedata.Resolution{X: 300, Y: 240}},
		"HDR color coding (cICP)": {HDR: []imagedata.Chunk{{Kind: "cICP", Data: []byte{9, 16, 0, 1}}}},
		"HDR mastering data (mDCV, cLLI)": {HDR: []imagedata.Chunk{
			{Kind: "mDCV", Data: []byte("\x8a\x48\x39\x08\x21\x34\x9b\xaa\x19\x96\x08\xfc\x3d\x13\x40\x42\x00\x98\x96\x80\x00\x00\x01\xf4")},
			{Kind: "cLLI", Data: []byte("\x00\x98\x96\x80\x00\x3d\x09\x00")},
		}},
		"color profile (ICC)": {},
	}
}

// TestCarryOver writes each part in each format and reads it again: what the table
// says is kept comes back, anything else is said to be lost.
func TestCarryOver(t *testing.T) {
	t.Parallel()
	image := gradient(8, 8, 3, 8)
	for _, part := range encode.Parts() {
		meta, ok := everything()[part.Name]
		if !ok {
			t.Errorf("%q is not tested", part.Name)
		}
		for _, format := range outputs() {
			if part.Name == "color profile (ICC)" {
				if can := encode.Capabilities(format); can.Profile != (part.Fate(format) == encode.Kept) {
					t.Errorf("%s: the capability says profile %v, the table %s", format, can.Profile, part.Fate(format))
				}
				continue
			}
			h := header(image, nil)
			h.Meta = meta
			var out bytes.Buffer
			write(t, &out, h, encode.Options{Format: format, Lossless: true}, image, nil)
			info, _ := read(t, out.Bytes())
			note := encode.Lost(meta, format)
			switch fate := part.Fate(format); fate {
			case encode.Kept:
				if got := present(info.Meta, meta); note != "" || !got {
					t.Errorf("%s, %s: kept %v, note %q", format, part.Name, got, note)
				}
			case encode.Dropped:
				if !strings.Contains(note, part.Name) || present(info.Meta, meta) {
					t.Errorf("%s, %s: note %q", format, part.Name, note)
				}
			case encode.Converted:
				if strings.HasPrefix(part.Name, "HDR") { // by package engine, before the encoder
					if note != "" || info.Meta.HDR != nil {
						t.Errorf("%s: note %q, %v", format, note, info.Meta.HDR)
					}
					continue
				}
				if note != "" || len(info.Meta.Text) != 1 || !bytes.HasSuffix(info.Meta.Text[0].Data, meta.Comment) {
					t.Errorf("%s, %s: %q, note %q", format, part.Name, info.Meta.Text, note)
				}
			}
		}
	}
}

// present reports whether every part of want is in got.
func present(got, want imagedata.Metadata) bool {
	for i := range reflect.TypeFor[imagedata.Metadata]().NumField() {
		a, b := reflect.ValueOf(got).Field(i), reflect.ValueOf(want).Field(i)
		if b.IsZero() {
			continue
		}
		if name := reflect.TypeFor[imagedata.Metadata]().Field(i).Name; name == "EXIF" {
			if !bytes.Contains(got.EXIF, []byte("someone")) {
				return false
			}
		} else if !reflect.DeepEqual(a.Interface(), b.Interface()) {
			return false
		}
	}
	return true
}

// TestCarryOverTable checks the user's guide.
func TestCarryOverTable(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../../server/docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	row := func(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }
	head, line := []string{"metadata"}, []string{"---"}
	for _, format := range imagedata.Outputs() {
		head, line = append(head, string(format)), append(line, "---")
	}
	table := row(head...) + row(line...)
	for _, part := range encode.Parts() {
		cells := []string{part.Name}
		for _, format := range imagedata.Outputs() {
			cell := string(part.Fate(format))
			if cell == string(encode.Converted) {
				cell = part.How
			}
			cells = append(cells, cell)
		}
		table += row(cells...)
	}
	if !bytes.Contains(guide, []byte(table)) {
		t.Errorf("the guide lacks this table:\n%s", table)
	}
}
