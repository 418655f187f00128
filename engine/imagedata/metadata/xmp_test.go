package metadata_test

import (
	"strings"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata"
)

func TestFitXMP(t *testing.T) {
	t.Parallel()
	const packet = `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmpNote="http://ns.adobe.com/xmp/note/"
 tiff:Orientation="6" tiff:ImageWidth = '300' exif:PixelYDimension="200" xmpNote:HasExtendedXMP="0123">
 <tiff:ImageLength>200</tiff:ImageLength><exif:PixelXDimension>300</exif:PixelXDimension>
 <dc:title>tiff:Orientation is "6"</dc:title>
 <xmp:Thumbnails><rdf:Alt><rdf:li>OLD</rdf:li></rdf:Alt></xmp:Thumbnails>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>`
	want := strings.NewReplacer(
		`tiff:Orientation="6"`, `tiff:Orientation="1"`,
		`tiff:ImageWidth = '300'`, `tiff:ImageWidth = "1200"`,
		`exif:PixelYDimension="200"`, `exif:PixelYDimension="800"`,
		` xmpNote:HasExtendedXMP="0123"`, ``,
		`<tiff:ImageLength>200<`, `<tiff:ImageLength>800<`,
		`<exif:PixelXDimension>300<`, `<exif:PixelXDimension>1200<`,
		`<xmp:Thumbnails><rdf:Alt><rdf:li>OLD</rdf:li></rdf:Alt></xmp:Thumbnails>`, ``,
	).Replace(packet)
	got := metadata.Fit(imagedata.Metadata{XMP: []byte(packet)}, 1200, 800).XMP
	if string(got) != want {
		t.Errorf("fitted:\n%s\nwant:\n%s", got, want)
	}
}

func TestMalformedXMPIsDropped(t *testing.T) {
	t.Parallel()
	for name, packet := range map[string]string{
		"empty": "", "text": "hello", "not closed": "<a", "not UTF-8": "<a>\xff</a>",
		"entities":      `<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>`,
		"document type": `<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>`,
	} {
		if got := metadata.Fit(imagedata.Metadata{XMP: []byte(packet)}, 1, 1).XMP; got != nil {
			t.Errorf("%s: kept %q", name, got)
		}
	}
	if got := metadata.XMP([]byte("\ufeff<a/>\x00\x00")); string(got) != "<a/>" {
		t.Errorf("mark and zeroes: %q", got)
	}
}

// TestFormatOfXMP: a packet from a JPEG does not say in a PNG that it is in a JPEG.
func TestFormatOfXMP(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`<r dc:format="image/jpeg" a="1"/>`:                                                 `<r dc:format="image/png" a="1"/>`,
		`<r xmlns:d="http://purl.org/dc/elements/1.1/"><d:format>image/heic</d:format></r>`: `<r xmlns:d="http://purl.org/dc/elements/1.1/"><d:format>image/png</d:format></r>`,
		`<r dc:title="a"/>`: `<r dc:title="a"/>`,
	} {
		if got := metadata.SetFormat([]byte(in), "image/png"); string(got) != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}
