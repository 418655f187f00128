package metadata

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strconv"
	"unicode/utf8"
)

// maxPacket bounds an XMP packet. Long edit histories reach about 1 MiB; a packet
// is parsed four times, which takes half a second per MiB.
const maxPacket = 4 << 20

// XMP returns a packet that is well-formed UTF-8 XML, otherwise nil. It rejects a
// document type, which can define entities that expand without end or name a file
// that the next reader would open; no writer of XMP uses one. Trailing zero bytes,
// which some writers leave, are cut.
func XMP(packet []byte) []byte {
	packet = bytes.TrimRight(packet, "\x00")
	packet = bytes.TrimPrefix(packet, []byte("\ufeff"))
	//guard:xmp-size TestHostileFiles/PNG_with_15_MiB_of_unclosed_thumbnails => len(packet) == 0 || !utf8.Valid(packet) || !wellFormed(packet)
	if len(packet) == 0 || len(packet) > maxPacket || !utf8.Valid(packet) || !wellFormed(packet) {
		return nil
	}
	return packet
}

func wellFormed(packet []byte) bool {
	decoder := xml.NewDecoder(bytes.NewReader(packet))
	elements := 0
	for {
		token, err := decoder.RawToken()
		if errors.Is(err, io.EOF) {
			return elements > 0
		}
		if err != nil {
			return false
		}
		switch token.(type) {
		case xml.StartElement:
			elements++
		case xml.Directive:
			//guard:xmp-entities TestMalformedXMPIsDropped
			return false
		}
	}
}

// fitXMP edits the text rather than the tree, so that everything it does not know
// stays as written. An edit that would break the packet drops it.
func fitXMP(packet []byte, width, height int) []byte {
	packet = XMP(packet)
	if packet == nil {
		return nil
	}
	edited, p := packet, prefixesOf(packet)
	for _, property := range []struct{ name, value string }{
		{"tiff:Orientation", "1"},
		{"tiff:ImageWidth", strconv.Itoa(width)},
		{"tiff:ImageLength", strconv.Itoa(height)},
		{"exif:PixelXDimension", strconv.Itoa(width)},
		{"exif:PixelYDimension", strconv.Itoa(height)},
	} {
		edited = setProperty(edited, p.name(property.name), property.value)
	}
	for _, name := range []string{"xmp:Thumbnails", "xap:Thumbnails"} {
		edited = dropElement(edited, p.name(name))
	}
	edited = fitPanorama(dropLost(edited, p), p, width, height)
	return XMP(fitRegions(edited, p, width, height))
}

// SetFormat returns a packet whose format, if it states one, is the content type.
func SetFormat(packet []byte, contentType string) []byte {
	if packet == nil {
		return nil
	}
	return setProperty(packet, prefixesOf(packet).name("dc:format"), contentType)
}

// setProperty replaces a simple property in both of its RDF spellings, attribute
// and element.
func setProperty(packet []byte, name, value string) []byte {
	if !bytes.Contains(packet, []byte(name)) {
		return packet
	}
	attribute := regexp.MustCompile(`(\s` + name + `\s*=\s*)("[^"<]*"|'[^'<]*')`)
	packet = attribute.ReplaceAll(packet, []byte(`${1}"`+value+`"`))
	element := regexp.MustCompile(`(<` + name + `\s*>)[^<]*(</` + name + `\s*>)`)
	return element.ReplaceAll(packet, []byte(`${1}`+value+`${2}`))
}

func dropAttribute(packet []byte, name string) []byte {
	if !bytes.Contains(packet, []byte(name)) {
		return packet
	}
	attribute := regexp.MustCompile(`\s` + name + `\s*=\s*("[^"<]*"|'[^'<]*')`)
	return attribute.ReplaceAll(packet, nil)
}

func dropElement(packet []byte, name string) []byte {
	if !bytes.Contains(packet, []byte("<"+name)) {
		return packet
	}
	element := regexp.MustCompile(`(?s)<` + name + `(\s[^>]*)?(/>|>.*?</` + name + `\s*>)`)
	return element.ReplaceAll(packet, nil)
}
