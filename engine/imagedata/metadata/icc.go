package metadata

import (
	"encoding/binary"
	"slices"
)

// ICC returns a profile if it is well-formed and describes images with that many
// channels (1 gray, 3 color), otherwise nil. A profile starts with its own size
// and has its data color space in bytes 16 to 19 and "acsp" at byte 36
// (ICC.1:2022, section 7.2).
func ICC(profile []byte, channels int) []byte {
	if len(profile) < 132 || len(profile) > maxBytes || string(profile[36:40]) != "acsp" {
		return nil
	}
	size := binary.BigEndian.Uint32(profile)
	if size < 132 || int64(size) > int64(len(profile)) {
		return nil
	}
	space := "RGB "
	if channels == 1 {
		space = "GRAY"
	}
	if string(profile[16:20]) != space {
		return nil
	}
	return profile[:size:size]
}

// JoinICC joins the segments of a profile that JPEG splits over APP2 markers.
// Each segment starts with its number from 1 and the total. A profile with a
// missing or repeated segment is dropped.
func JoinICC(segments [][]byte) []byte {
	ordered := make([][]byte, len(segments))
	for _, segment := range segments {
		if len(segment) < 2 {
			return nil
		}
		number, total := int(segment[0]), int(segment[1])
		if total != len(segments) || number < 1 || number > total || ordered[number-1] != nil {
			return nil
		}
		ordered[number-1] = segment[2:]
	}
	return slices.Concat(ordered...)
}
