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
