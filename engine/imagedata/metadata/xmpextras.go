package metadata

import (
	"bytes"
	"regexp"
	"strconv"
)

// videoProperties and gainMapProperties claim data that follows the image in the
// file of a motion photo or an Ultra HDR image, and that no output has.
func videoProperties() []string {
	var names []string
	for _, name := range []string{
		"MicroVideo", "MicroVideoVersion", "MicroVideoOffset", "MicroVideoPresentationTimestampUs",
		"MotionPhoto", "MotionPhotoVersion", "MotionPhotoPresentationTimestampUs",
	} {
		names = append(names, "GCamera:"+name, "Camera:"+name)
	}
	return names
}

func gainMapProperties() []string {
	return []string{
		"hdrgm:Version", "hdrgm:BaseRenditionIsHDR", "hdrgm:GainMapMin", "hdrgm:GainMapMax", "hdrgm:Gamma",
		"hdrgm:OffsetSDR", "hdrgm:OffsetHDR", "hdrgm:HDRCapacityMin", "hdrgm:HDRCapacityMax",
	}
}

// Lost returns sentences for the user about data that an XMP packet claims and
// that the output does not have.
func Lost(packet []byte) []string {
	var notes []string
	claims := func(names []string) bool {
		for _, name := range names {
			if bytes.Contains(packet, []byte(name)) {
				return true
			}
		}
		return false
	}
	if claims(videoProperties()) {
		notes = append(notes, "The video of the motion photo was not kept.")
	}
	if claims(gainMapProperties()) {
		notes = append(notes, "The HDR gain map was not kept.")
	}
	return notes
}

// dropLost removes the claims that Lost is about and the list of the file's parts.
func dropLost(packet []byte) []byte {
	for _, names := range [][]string{videoProperties(), gainMapProperties(), {"Container:Directory", "GContainer:Directory"}} {
		for _, name := range names {
			packet = dropElement(dropAttribute(packet, name), name)
		}
	}
	return packet
}

// fitPanorama scales the sizes of a panorama by the ratio of the image's new size to
// the size that the packet records, so that fitting twice changes nothing.
func fitPanorama(packet []byte, width, height int) []byte {
	for _, side := range []struct {
		size   int
		own    string
		others []string
	}{
		{width, "GPano:CroppedAreaImageWidthPixels", []string{"GPano:FullPanoWidthPixels", "GPano:CroppedAreaLeftPixels"}},
		{height, "GPano:CroppedAreaImageHeightPixels", []string{"GPano:FullPanoHeightPixels", "GPano:CroppedAreaTopPixels"}},
	} {
		before, ok := property(packet, side.own)
		if !ok || before < 1 || before == float64(side.size) {
			continue
		}
		for _, name := range side.others {
			if value, ok := property(packet, name); ok {
				packet = setProperty(packet, name, strconv.FormatInt(int64(value*float64(side.size)/before+0.5), 10))
			}
		}
		packet = setProperty(packet, side.own, strconv.Itoa(side.size))
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
