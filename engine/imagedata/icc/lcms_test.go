package icc

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// lutProfile is a profile of one lookup table for colors of count channels.
func lutProfile(space string, version byte, table []byte) []byte {
	out := profileFixture(space, []string{"A2B0", "wtpt"}, [][]byte{table, numbers("XYZ ", 0xf6d6, 0x10000, 0xd32d)})
	out[8] = version
	copy(out[12:], "prtr")
	copy(out[20:], "Lab ")
	copy(out[68:], numbers("", 0, 0xf6d6, 0x10000, 0xd32d)[8:])
	return out
}

// fixtureLab is some smooth color of a device, L* 0 to 1 and a* and b* around a half.
func fixtureLab(device []float64) [3]float64 {
	light, a, b := 1.0, 0.5, 0.5
	for i, v := range device {
		if len(device) != 4 {
			v = 1 - v
		}
		light *= 1 - v*[]float64{0.4, 0.5, 0.15, 0.9}[i%4]
		a += []float64{-0.12, 0.25, 0, 0}[i%4] * v
		b += []float64{-0.15, -0.02, 0.3, 0}[i%4] * v
	}
	if len(device) == 1 {
		a, b = 0.5, 0.5
	}
	return [3]float64{light, a, b}
}

// gridOf returns the colors of a grid, in 8 or 16 bits of a Lab encoding whose full L*
// is most.
func gridOf(channels, points int, wide bool, most float64) []byte {
	var out []byte
	total := 1
	for range channels {
		total *= points
	}
	for i := range total {
		device := make([]float64, channels)
		for k, rest := channels-1, i; k >= 0; k, rest = k-1, rest/points {
			device[k] = float64(rest%points) / float64(points-1)
		}
		for _, v := range fixtureLab(device) {
			if wide {
				out = binary.BigEndian.AppendUint16(out, uint16(v*most))
			} else {
				out = append(out, uint8(v*255))
			}
		}
	}
	return out
}

// tables is a table of an older type; its input curves are gamma 1.3.
func tables(channels, points int, wide bool) []byte {
	kind, entries := "mft1", 256
	if wide {
		kind, entries = "mft2", 33
	}
	out := append(numbers(kind), byte(channels), 3, byte(points), 0)
	for i := range 9 {
		out = binary.BigEndian.AppendUint32(out, uint32(map[int]int{0: 1, 4: 1, 8: 1}[i])<<16)
	}
	if wide {
		out = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(out, uint16(entries)), 2)
	}
	for range channels {
		for i := range entries {
			v := math.Pow(float64(i)/float64(entries-1), 1.3)
			if wide {
				out = binary.BigEndian.AppendUint16(out, uint16(v*65535))
			} else {
				out = append(out, uint8(v*255))
			}
		}
	}
	out = append(out, gridOf(channels, points, wide, 65280)...)
	for range 3 {
		if wide {
			out = append(out, 0, 0, 0xff, 0xff)
			continue
		}
		for i := range 256 {
			out = append(out, uint8(i))
		}
	}
	return out
}

// stages is a table of version 4 with all its parts.
func stages() []byte {
	const points, one = 9, 1 << 16
	curve := func(gamma uint32) []byte { return bytes.Repeat(numbers("para", 0, gamma), 3) }
	clut := append(append(bytes.Repeat([]byte{points}, 3), make([]byte, 13)...), 2, 0, 0, 0)
	clut = append(clut, gridOf(3, points, true, 65535)...)
	clut = append(clut, make([]byte, -len(clut)&3)...)
	matrix := numbers("", 0, one, 0, 0, 0, one*9/10, one/20, 0, 0, one, 0, one/40, 0)[8:]
	parts := [][]byte{curve(one), matrix, curve(one), clut, curve(one * 14 / 10)}
	out := append(numbers("mAB "), 3, 3, 0, 0)
	at := uint32(32)
	for _, part := range parts {
		out = binary.BigEndian.AppendUint32(out, at)
		at += uint32(len(part))
	}
	return append(out, bytes.Join(parts, nil)...)
}

// TestAgainstLittleCMS compares random colors with littlecms' relative colorimetric
// intent.
func TestAgainstLittleCMS(t *testing.T) {
	t.Parallel()
	profiles := map[string][]byte{
		"CMYK of 8 bits":  lutProfile("CMYK", 2, tables(4, 7, false)),
		"CMYK of 16 bits": lutProfile("CMYK", 2, tables(4, 9, true)),
		"RGB of 8 bits":   lutProfile("RGB ", 2, tables(3, 9, false)),
		"RGB of 16 bits":  lutProfile("RGB ", 2, tables(3, 17, true)),
		"RGB in stages":   lutProfile("RGB ", 4, stages()),
		"gray":            lutProfile("GRAY", 2, tables(1, 17, true)),
	}
	if press, err := os.ReadFile("/usr/share/color/icc/ghostscript/default_cmyk.icc"); err == nil {
		profiles["CMYK of Ghostscript"] = press
	}
	for name, profile := range profiles {
		c, ok := NewSRGB(profile)
		if !ok {
			t.Errorf("%s was not read", name)
			continue
		}
		transicc, err := exec.LookPath("transicc")
		if err != nil {
			continue // all profiles were read at least
		}
		random := rand.New(rand.NewPCG(3, 4))
		path := filepath.Join(t.TempDir(), "profile.icc")
		if err := os.WriteFile(path, profile, 0o600); err != nil {
			t.Fatal(err)
		}
		most := 255.0
		if c.CMYK() {
			most = 100
		}
		var in strings.Builder
		var got [][3]float32
		for range 500 {
			device := make([]float64, c.lut.channels)
			for i := range device {
				device[i] = random.Float64()
				fmt.Fprintf(&in, "%.6f ", device[i]*most)
			}
			in.WriteByte('\n')
			got = append(got, c.fromXYZ(c.lut.xyz(device)))
		}
		command := exec.CommandContext(t.Context(), transicc, "-i", path, "-o", "*sRGB", "-t1", "-n", "-s")
		command.Stdin = strings.NewReader(in.String())
		out, err := command.Output()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		sum, worst, answers := 0.0, 0.0, bytes.NewReader(out)
		for _, color := range got {
			var want [3]float64
			if _, err := fmt.Fscan(answers, &want[0], &want[1], &want[2]); err != nil {
				t.Fatalf("%s: %v in %.200s", name, err, out)
			}
			d := difference([3]float64{float64(color[0]), float64(color[1]), float64(color[2])}, [3]float64{want[0] / 255, want[1] / 255, want[2] / 255})
			sum, worst = sum+d, max(worst, d)
		}
		if t.Logf("%s: mean difference %.3f, worst %.3f", name, sum/500, worst); sum/500 >= 0.5 {
			t.Errorf("%s: mean difference %.3f", name, sum/500)
		}
	}
}

// difference is CIE 1976's of two colors in sRGB.
func difference(a, b [3]float64) float64 {
	lab := func(v [3]float64) (out [3]float64) {
		for i := range v {
			if v[i] = min(max(v[i], 0), 1); v[i] <= 0.04045 {
				v[i] /= 12.92
			} else {
				v[i] = math.Pow((v[i]+0.055)/1.055, 2.4)
			}
		}
		f := func(t float64) float64 {
			if t > 216.0/24389 {
				return math.Cbrt(t)
			}
			return (24389.0/27*t + 16) / 116
		}
		x := f((0.4360747*v[0] + 0.3850649*v[1] + 0.1430804*v[2]) / 0.9642)
		y := f(0.2225045*v[0] + 0.7168786*v[1] + 0.0606169*v[2])
		z := f((0.0139322*v[0] + 0.0971045*v[1] + 0.7141733*v[2]) / 0.8251)
		return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
	}
	p, q := lab(a), lab(b)
	return math.Hypot(math.Hypot(p[0]-q[0], p[1]-q[1]), p[2]-q[2])
}
