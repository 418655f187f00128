package metadata_test

import (
	"strings"
	"testing"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/metadata"
)

func TestFitXMPExtras(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want, note string }{
		{"motion photo", `<r a="1" GCamera:MicroVideo="1" GCamera:MicroVideoOffset='620' GCamera:MotionPhoto="1"><Camera:MotionPhotoVersion>1</Camera:MotionPhotoVersion></r>`,
			`<r a="1"></r>`, "video"},
		{"gain map", `<r hdrgm:Version="1.0"><hdrgm:GainMapMax><s><l>1</l></s></hdrgm:GainMapMax><Container:Directory><s><l><Container:Item Item:Semantic="GainMap" Item:Length="684"/></l></s></Container:Directory></r>`,
			`<r></r>`, "gain map"},
		{"panorama, attributes", `<r GPano:CroppedAreaImageWidthPixels="64" GPano:CroppedAreaImageHeightPixels="48" GPano:FullPanoWidthPixels="128" GPano:FullPanoHeightPixels="64" GPano:CroppedAreaLeftPixels="10" GPano:CroppedAreaTopPixels="6" GPano:ProjectionType="equirectangular"/>`,
			`<r GPano:CroppedAreaImageWidthPixels="128" GPano:CroppedAreaImageHeightPixels="96" GPano:FullPanoWidthPixels="256" GPano:FullPanoHeightPixels="128" GPano:CroppedAreaLeftPixels="20" GPano:CroppedAreaTopPixels="12" GPano:ProjectionType="equirectangular"/>`, ""},
		{"panorama, elements", `<r><GPano:CroppedAreaImageWidthPixels>64</GPano:CroppedAreaImageWidthPixels><GPano:CroppedAreaLeftPixels>10</GPano:CroppedAreaLeftPixels></r>`,
			`<r><GPano:CroppedAreaImageWidthPixels>128</GPano:CroppedAreaImageWidthPixels><GPano:CroppedAreaLeftPixels>20</GPano:CroppedAreaLeftPixels></r>`, ""},
		{"motion photo of another prefix", `<r xmlns:c='http://ns.google.com/photos/1.0/camera/' c:MotionPhoto="1" c:BurstID="7"/>`,
			`<r xmlns:c='http://ns.google.com/photos/1.0/camera/' c:BurstID="7"/>`, "video"},
		{"OPPO's motion photo", `<r OpCamera:VideoLength="9" GCamera:MotionPhoto="1"><GContainer:Directory/></r>`, `<r></r>`, "video"},
		{"depth map in an extension", `<r xmpNote:HasExtendedXMP="00" GDepth:Format="RangeInverse" GDepth:Mime="image/png"/>`, `<r/>`, "extended XMP"},
		{"depth map in the packet", `<r GDepth:Mime="image/png" GDepth:Data="AAAA"/>`, `<r GDepth:Mime="image/png" GDepth:Data="AAAA"/>`, ""},
		{"regions", `<r><mwg-rs:Regions><mwg-rs:AppliedToDimensions stDim:w="64" stDim:h="48"/></mwg-rs:Regions></r>`,
			`<r><mwg-rs:Regions><mwg-rs:AppliedToDimensions stDim:w="128" stDim:h="96"/></mwg-rs:Regions></r>`, ""},
		{"orientation of another prefix", `<r xmlns:t="http://ns.adobe.com/tiff/1.0/" t:Orientation="6" t:ImageWidth="64"/>`,
			`<r xmlns:t="http://ns.adobe.com/tiff/1.0/" t:Orientation="1" t:ImageWidth="128"/>`, ""},
		{"panorama of another prefix", `<r xmlns:g="http://ns.google.com/photos/1.0/panorama/" g:CroppedAreaImageWidthPixels="64" g:FullPanoWidthPixels="100"/>`,
			`<r xmlns:g="http://ns.google.com/photos/1.0/panorama/" g:CroppedAreaImageWidthPixels="128" g:FullPanoWidthPixels="200"/>`, ""},
		{"panorama of unknown size", `<r GPano:FullPanoWidthPixels="128"/>`, `<r GPano:FullPanoWidthPixels="128"/>`, ""},
	} {
		got := metadata.Fit(imagedata.Metadata{XMP: []byte(c.in)}, 128, 96).XMP
		if string(got) != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if again := metadata.Fit(imagedata.Metadata{XMP: got}, 128, 96).XMP; string(again) != string(got) {
			t.Errorf("%s: fitted twice: %s", c.name, again)
		}
		notes := strings.Join(metadata.Lost([]byte(c.in), 1), " ")
		if (notes == "") != (c.note == "") || !strings.Contains(notes, c.note) || len(metadata.Lost(got, 1)) > 0 {
			t.Errorf("%s: notes %q", c.name, notes)
		}
	}
}
