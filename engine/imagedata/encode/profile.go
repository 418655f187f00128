package encode

import (
	"encoding/binary"
	"slices"

	"upscaled/engine/imagedata/icc"
)

// colorProfile converts the profile of a gray image that is written as color with
// three equal samples: the same tone curve for each channel and the primaries of
// sRGB, so that every gray keeps its meaning. It returns nil for profiles that are
// more than a curve.
func colorProfile(gray []byte) []byte {
	const header, xyz = 128, 20
	tags := icc.Tags(gray)
	curve := tags["kTRC"]
	if curve == nil || string(gray[20:24]) != "XYZ " {
		return nil
	}
	out := slices.Clone(gray[:header])
	copy(out[16:], "RGB ")
	clear(out[84:100]) // the old profile's checksum
	names := []string{"desc", "cprt", "wtpt", "chad", "rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC"}
	// The primaries of sRGB adapted to D50, in 1/65536 (IEC 61966-2-1).
	for i, primary := range [3][3]uint32{{28578, 14581, 912}, {25241, 46981, 6362}, {9376, 3972, 46799}} {
		value := append(make([]byte, 0, xyz), "XYZ \x00\x00\x00\x00"...)
		for _, v := range primary {
			value = binary.BigEndian.AppendUint32(value, v)
		}
		tags[names[4+i]], tags[names[7+i]] = value, curve
	}
	names = slices.DeleteFunc(names, func(n string) bool { return tags[n] == nil })
	out = binary.BigEndian.AppendUint32(out, uint32(len(names)))
	at := uint32(len(out) + 12*len(names))
	var data []byte
	for i, name := range names {
		// The curves are the last three and share their bytes.
		if i < len(names)-2 {
			for len(data)%4 != 0 {
				data = append(data, 0)
			}
			at = uint32(header + 4 + 12*len(names) + len(data))
			data = append(data, tags[name]...)
		}
		out = append(out, name...)
		out = binary.BigEndian.AppendUint32(out, at)
		out = binary.BigEndian.AppendUint32(out, uint32(len(tags[name])))
	}
	out = append(out, data...)
	for len(out)%4 != 0 {
		out = append(out, 0)
	}
	binary.BigEndian.PutUint32(out, uint32(len(out)))
	return out
}
