// Package icc converts the colors of ICC profiles to sRGB: of gray, RGB and CMYK, by
// tone curves and a matrix or by lookup tables, with the relative colorimetric intent.
package icc

import (
	"encoding/binary"
	"math"
	"slices"

	"upscaled/engine/imagedata"
	"upscaled/engine/parallel"
)

// SRGB converts samples of a color profile to sRGB (ICC.1:2022, annex F). Colors
// outside sRGB are clipped.
type SRGB struct {
	curves   [3]toneCurve
	matrix   [3][3]float64 // linear samples of the profile to linear sRGB
	encoding [srgbSteps + 2]float32
	gray     bool
	// lut, unless nil, replaces curves and matrix.
	lut *lut
	// compress reduces HDR; scene marks light of the scene and not of the display.
	compress, scene bool
}

// srgbSteps is the resolution of the table of sRGB's curve: interpolation errs by
// less than 2 of 65535.
const srgbSteps = 4096

// fromD50 returns the matrix from the profile connection space to linear sRGB: the
// inverse of sRGB's primaries adapted to D50.
func fromD50() [3][3]float64 {
	return [3][3]float64{
		{3.1341122, -1.6173925, -0.4906334},
		{-0.9787873, 1.9162796, 0.0334547},
		{0.0719830, -0.2289859, 1.4053851},
	}
}

// NewSRGB returns the conversion from a profile. It reports false for a profile that is
// damaged or of another kind.
func NewSRGB(profile []byte) (*SRGB, bool) {
	if len(profile) < 132 {
		return nil, false
	}
	tags := Tags(profile)
	space, connection := string(profile[16:20]), string(profile[20:24])
	c := &SRGB{gray: space == "GRAY"}
	c.fillEncoding()
	if table := tags["A2B1"]; table != nil || tags["A2B0"] != nil {
		if table == nil {
			table = tags["A2B0"]
		}
		channels := map[string]int{"GRAY": 1, "RGB ": 3, "CMYK": 4}[space]
		var ok bool
		c.lut, ok = parseLUT(table, channels, connection)
		return c, ok
	}
	return c, connection == "XYZ " && space != "CMYK" && c.parseMatrix(tags)
}

// parseMatrix reads tone curves and, of color, a matrix.
func (c *SRGB) parseMatrix(tags map[string][]byte) bool {
	names := []string{"rTRC", "gTRC", "bTRC"}
	if c.gray {
		names = []string{"kTRC"}
	}
	for i, name := range names {
		var ok bool
		if c.curves[i], ok = parseCurve(tags[name]); !ok {
			return false
		}
	}
	if c.gray {
		return true
	}
	toSRGB := fromD50()
	for column, name := range []string{"rXYZ", "gXYZ", "bXYZ"} {
		value := tags[name]
		if len(value) < 20 {
			return false
		}
		for row := range 3 {
			for i := range 3 {
				c.matrix[row][column] += toSRGB[row][i] * fixed(value[8+4*i:])
			}
		}
	}
	return true
}

// fillEncoding makes the table of sRGB's curve.
func (c *SRGB) fillEncoding() {
	for i := range c.encoding {
		v := min(float64(i)/srgbSteps, 1)
		if v <= 0.0031308 {
			v *= 12.92
		} else {
			v = 1.055*math.Pow(v, 1/2.4) - 0.055
		}
		c.encoding[i] = float32(v)
	}
}

// CMYK reports whether the profile describes inks.
func (c *SRGB) CMYK() bool { return c.lut != nil && c.lut.channels == 4 }

// fixed reads an s15Fixed16Number.
func fixed(b []byte) float64 { return float64(int32(binary.BigEndian.Uint32(b))) / 65536 }

// Identity reports whether 8-bit colors stay the same within one step, as with sRGB's
// own profile.
func (c *SRGB) Identity() bool {
	probe := imagedata.NewRaster(9*9*9, 1, 3, 8)
	if c.gray {
		probe.Channels = 1
	}
	for i := range 9 * 9 * 9 {
		probe.Pix[3*i], probe.Pix[3*i+1], probe.Pix[3*i+2] = uint8(i%9*31), uint8(i/9%9*31), uint8(i/81*31)
	}
	before := slices.Clone(probe.Pix)
	c.Convert(probe)
	for i, v := range probe.Pix {
		if d := int(v) - int(before[i]); d < -1 || d > 1 {
			return false
		}
	}
	return true
}

// Convert converts samples in place. It fits rasters of the profile's channels, which
// are not inks.
func (c *SRGB) Convert(r imagedata.Raster) {
	switch {
	case c.lut != nil && r.Pix16 != nil:
		convertLUT(c, r.Pix16, r.Width, r.Height, r.Channels)
	case c.lut != nil:
		convertLUT(c, r.Pix, r.Width, r.Height, r.Channels)
	case r.Pix16 != nil:
		convertSRGB(c, r.Pix16, r.Width*r.Channels, r.Height)
	default:
		convertSRGB(c, r.Pix, r.Width*r.Channels, r.Height)
	}
}

func convertSRGB[T uint8 | uint16](c *SRGB, samples []T, stride, rows int) {
	full := int(^T(0))
	var linear [3][]float32
	for i, curve := range c.curves {
		if curve == nil {
			continue
		}
		linear[i] = make([]float32, full+1)
		for v := range linear[i] {
			linear[i][v] = float32(curve(float64(v) / float64(full)))
		}
	}
	parallel.For(rows, func(y int) {
		row := samples[y*stride : (y+1)*stride]
		if c.gray {
			for i, v := range row {
				light := linear[0][v]
				if c.compress {
					light, _, _ = c.toned(light, light, light)
				}
				row[i] = T(c.encode(light)*float32(full) + 0.5)
			}
			return
		}
		for i := 0; i+3 <= len(row); i += 3 {
			red, green, blue := linear[0][row[i]], linear[1][row[i+1]], linear[2][row[i+2]]
			if c.compress {
				red, green, blue = c.toned(red, green, blue)
			}
			for k := range 3 {
				m := &c.matrix[k]
				v := float32(m[0])*red + float32(m[1])*green + float32(m[2])*blue
				row[i+k] = T(c.encode(v)*float32(full) + 0.5)
			}
		}
	})
}

// encode applies sRGB's curve.
func (c *SRGB) encode(linear float32) float32 {
	at := min(max(linear, 0), 1) * srgbSteps
	i := int(at)
	return c.encoding[i] + (at-float32(i))*(c.encoding[i+1]-c.encoding[i])
}

// Tags returns the tags' data (ICC.1:2022, section 7.3), without damaged
// tags.
func Tags(profile []byte) map[string][]byte {
	tags := map[string][]byte{}
	if len(profile) < 132 {
		return tags
	}
	count := int64(binary.BigEndian.Uint32(profile[128:]))
	for i := range min(count, int64(len(profile)-132)/12) {
		entry := profile[132+12*i:]
		start := int64(binary.BigEndian.Uint32(entry[4:]))
		end := start + int64(binary.BigEndian.Uint32(entry[8:]))
		if start >= 132 && end > start && end <= int64(len(profile)) {
			tags[string(entry[:4])] = profile[start:end]
		}
	}
	return tags
}
