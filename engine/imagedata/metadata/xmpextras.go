package metadata

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// prefixes maps the customary prefixes of namespaces to a packet's own.
type prefixes map[string]string

// prefixesOf returns the prefixes that differ from the customary ones.
func prefixesOf(packet []byte) prefixes {
	usual := map[string]string{
		"http://ns.adobe.com/tiff/1.0/":                        "tiff",
		"http://purl.org/dc/elements/1.1/":                     "dc",
		"http://ns.adobe.com/exif/1.0/":                        "exif",
		"http://ns.adobe.com/xap/1.0/":                         "xmp",
		"http://ns.adobe.com/xmp/note/":                        "xmpNote",
		"http://ns.google.com/photos/1.0/camera/":              "GCamera",
		"http://ns.google.com/photos/1.0/container/":           "Container",
		"http://ns.google.com/photos/1.0/panorama/":            "GPano",
		"http://ns.google.com/photos/1.0/depthmap/":            "GDepth",
		"http://ns.google.com/photos/1.0/image/":               "GImage",
		"http://ns.google.com/photos/1.0/audio/":               "GAudio",
		"http://ns.oplus.com/photos/1.0/camera/":               "OpCamera",
		"http://ns.adobe.com/hdr-gain-map/1.0/":                "hdrgm",
		"http://ns.apple.com/HDRGainMap/1.0/":                  "HDRGainMap",
		"http://www.metadataworkinggroup.com/schemas/regions/": "mwg-rs",
		"http://ns.adobe.com/xap/1.0/sType/Dimensions#":        "stDim",
		"http://ns.microsoft.com/photo/1.2/":                   "MP",
	}
	const most = 1000 // declarations; packets have some ten
	p := prefixes{}
	for _, found := range regexp.MustCompile(`\sxmlns:([\w-]+)\s*=\s*["']([^"'<]*)["']`).FindAllSubmatch(packet, most) {
		if prefix, ok := usual[string(found[2])]; ok {
			p[prefix] = string(found[1])
		}
	}
	return p
}

// name returns a customary name as the packet has it.
func (p prefixes) name(usual string) string {
	prefix, local, _ := strings.Cut(usual, ":")
	if own, ok := p[prefix]; ok {
		return own + ":" + local
	}
	return usual
}

// claim is data that an XMP packet claims to be in the file and that no output has.
type claim struct {
	note string
	// mark, unless empty, is the name that makes the others claims.
	mark  string
	names []string
}

// claims returns the known claims: of motion photos and Ultra HDR, whose data follows the
// image, and of the extended packet in JPEG, which holds depth maps.
func claims() []claim {
	video := []string{"OpCamera:MotionPhotoOwner", "OpCamera:MotionPhotoPrimaryPresentationTimestampUs", "OpCamera:OLivePhotoVersion", "OpCamera:VideoLength"}
	for _, name := range []string{
		"MicroVideo", "MicroVideoVersion", "MicroVideoOffset", "MicroVideoPresentationTimestampUs",
		"MotionPhoto", "MotionPhotoVersion", "MotionPhotoPresentationTimestampUs",
	} {
		video = append(video, "GCamera:"+name, "Camera:"+name)
	}
	return []claim{
		{Video, "", video},
		{GainMap, "", []string{
			"hdrgm:Version", "hdrgm:BaseRenditionIsHDR", "hdrgm:GainMapMin", "hdrgm:GainMapMax", "hdrgm:Gamma",
			"hdrgm:OffsetSDR", "hdrgm:OffsetHDR", "hdrgm:HDRCapacityMin", "hdrgm:HDRCapacityMax",
			"HDRGainMap:HDRGainMapVersion", "HDRGainMap:HDRGainMapHeadroom",
		}},
		{"The extended XMP data, such as a depth map, was not kept.", "xmpNote:HasExtendedXMP", []string{
			"GDepth:Format", "GDepth:Near", "GDepth:Far", "GDepth:Mime", "GDepth:Units", "GDepth:MeasureType",
			"GDepth:Confidence", "GDepth:ConfidenceMime", "GImage:Mime", "GAudio:Mime",
		}},
	}
}

// Sentences about data that follows an image in its file and was left out.
const (
	Video   = "The video of the motion photo was not kept."
	GainMap = "The HDR gain map was not kept; the image is the one for other screens."
)

// made reports whether a packet makes the claim.
func (c claim) made(packet []byte, p prefixes) bool {
	has := func(name string) bool { return bytes.Contains(packet, []byte(p.name(name))) }
	if c.mark != "" {
		return has(c.mark)
	}
	return slices.ContainsFunc(c.names, has)
}

// Lost returns sentences for the user about data that an XMP packet claims and
// that the output does not have. orientation belongs to the stored pixels.
func Lost(packet []byte, orientation int) []string {
	var notes []string
	p := prefixesOf(packet)
	for _, claim := range claims() {
		if claim.made(packet, p) {
			notes = append(notes, claim.note)
		}
	}
	if orientation > 1 && slices.ContainsFunc(regions(), func(name string) bool { return bytes.Contains(packet, []byte(p.name(name))) }) {
		notes = append(notes, "The marked regions, such as faces, were not kept, because the image was rotated.")
	}
	return notes
}

// dropLost removes the claims that Lost is about and the list of the file's parts.
func dropLost(packet []byte, p prefixes) []byte {
	names := []string{"Container:Directory", "GContainer:Directory"}
	for _, claim := range claims() {
		if claim.made(packet, p) {
			names = append(append(names, claim.mark), claim.names...)
		}
	}
	for _, name := range names {
		if name != "" {
			packet = dropElement(dropAttribute(packet, p.name(name)), p.name(name))
		}
	}
	return packet
}

// regions are lists of places in an image, which a rotation moves.
func regions() []string { return []string{"mwg-rs:Regions", "MP:RegionInfo"} }

// DropRegions returns the packet of an image that is rotated.
func DropRegions(packet []byte) []byte {
	p := prefixesOf(packet)
	for _, name := range regions() {
		packet = dropElement(packet, p.name(name))
	}
	return packet
}

// fitRegions writes the size that regions apply to.
func fitRegions(packet []byte, p prefixes, width, height int) []byte {
	if bytes.Contains(packet, []byte(p.name("mwg-rs:AppliedToDimensions"))) {
		packet = setProperty(packet, p.name("stDim:w"), strconv.Itoa(width))
		packet = setProperty(packet, p.name("stDim:h"), strconv.Itoa(height))
	}
	return packet
}

// fitPanorama scales the sizes of a panorama by the ratio of the image's new size to
// the size that the packet records, so that fitting twice changes nothing.
func fitPanorama(packet []byte, p prefixes, width, height int) []byte {
	for _, side := range []struct {
		size   int
		own    string
		others []string
	}{
		{width, "GPano:CroppedAreaImageWidthPixels", []string{
			"GPano:FullPanoWidthPixels", "GPano:CroppedAreaLeftPixels", "GPano:LargestValidInteriorRectLeft", "GPano:LargestValidInteriorRectWidth",
		}},
		{height, "GPano:CroppedAreaImageHeightPixels", []string{
			"GPano:FullPanoHeightPixels", "GPano:CroppedAreaTopPixels", "GPano:LargestValidInteriorRectTop", "GPano:LargestValidInteriorRectHeight",
		}},
	} {
		before, ok := property(packet, p.name(side.own))
		if !ok || before < 1 || before == float64(side.size) {
			continue
		}
		for _, name := range side.others {
			if value, ok := property(packet, p.name(name)); ok {
				packet = setProperty(packet, p.name(name), strconv.FormatInt(int64(value*float64(side.size)/before+0.5), 10))
			}
		}
		packet = setProperty(packet, p.name(side.own), strconv.Itoa(side.size))
	}
	return packet
}

// property returns a number in either spelling. Values up to 2^31 are accepted.
func property(packet []byte, name string) (float64, bool) {
	if !bytes.Contains(packet, []byte(name)) {
		return 0, false
	}
	found := regexp.MustCompile(`(?:\s` + name + `\s*=\s*["']|<` + name + `\s*>\s*)([0-9.]+)`).FindSubmatch(packet)
	if found == nil {
		return 0, false
	}
	value, err := strconv.ParseFloat(string(found[1]), 64)
	return value, err == nil && value < 1<<31
}
