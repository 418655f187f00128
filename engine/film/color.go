package film

import (
	"fmt"
	"math"
	"strings"

	"upscaled/models/fault"
)

// Color is how the samples of a film stand for colors, in ffmpeg's names; "" is not
// stated.
type Color struct {
	Matrix, Range, Transfer, Primaries, Siting string
	// Guessed reports that Matrix was chosen by the size, as players do.
	Guessed bool
}

// matrices maps the names of ffmpeg's tags to those of its scaler.
func matrices() map[string]string {
	return map[string]string{
		"bt709": "bt709", "fcc": "fcc", "bt470bg": "bt601", "smpte170m": "bt601", "smpte240m": "smpte240m", "bt2020nc": "bt2020", "gbr": "bt709",
	}
}

// conversion are the options of ffmpeg's scaler without which it rounds in favor of
// speed and is wrong by up to 3 of 255.
const conversion = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"

func newColor(s probedStream, f *Film) (Color, error) {
	stated := func(tag string) string {
		if tag == "unknown" || tag == "unspecified" || tag == "reserved" {
			return ""
		}
		return tag
	}
	c := Color{
		Matrix: stated(s.Matrix), Range: stated(s.Range), Transfer: stated(s.Transfer),
		Primaries: stated(s.Primaries), Siting: stated(s.Siting),
	}
	if strings.HasPrefix(f.pixels, "rgb") || strings.HasPrefix(f.pixels, "bgr") || strings.HasPrefix(f.pixels, "gbr") || f.pixels == "pal8" {
		c.Matrix, c.Range = "gbr", "pc"
	}
	if c.Matrix == "" {
		c.Matrix, c.Guessed = guess(f.Width, f.Height), true
	}
	if matrices()[c.Matrix] == "" {
		return c, fault.New(fault.Unsupported, "The film's color matrix %q cannot be converted; convert the film to BT.709 or BT.2020 first.", c.Matrix)
	}
	return c, nil
}

// guess returns the matrix that players take for films of a size that do not state it.
func guess(width, height int) string {
	if width >= 1280 || height > 576 {
		return "bt709"
	}
	return "smpte170m"
}

// toRGB returns the filter that converts decoded frames to RGB in pixels. It fixes the
// size: a film may change it in its middle.
func (f *Film) toRGB(pixels string) string {
	options := fmt.Sprintf("scale=w=%d:h=%d:in_color_matrix=%s:out_range=pc:%s", f.Width, f.Height, matrices()[f.Color.Matrix], conversion)
	if f.Color.Range != "" {
		options += ":in_range=" + f.Color.Range
	}
	return options + ",format=" + pixels
}

// output returns the color of the upscaled film, in which RGB becomes YUV unless the
// pixel format is RGB. A guess is kept as one if players would guess the same of the
// larger film.
func (c Color) output(pixels string, width, height int) Color {
	switch {
	case strings.HasPrefix(pixels, "gbr"), strings.HasPrefix(pixels, "bgr"):
		c.Matrix, c.Range = "gbr", "pc"
	case c.Matrix == "gbr":
		c.Matrix, c.Range = "bt709", "tv"
	case c.Guessed && guess(width, height) != c.Matrix:
		c.Guessed = false
	}
	return c
}

// fromRGB returns the filters that convert full-range RGB to the color, unless the raw
// frames have it, and tag it.
func (c Color) fromRGB(pixels, raw string) string {
	to := "tv"
	if c.Range == "pc" {
		to = "pc"
	}
	filters := "format=" + pixels
	if raw != pixels {
		filters = "scale=in_range=pc:out_color_matrix=" + matrices()[c.Matrix] + ":out_range=" + to + ":" + conversion + "," + filters
	}
	var tags []string
	if c.Range == "" { // which the conversion has set
		tags = append(tags, "range=unspecified")
	}
	for _, tag := range c.tags() {
		if tag[0] != "chroma_sample_location" {
			tags = append(tags, tag[1]+"="+tag[2])
		}
	}
	if len(tags) > 0 {
		filters += ",setparams=" + strings.Join(tags, ":")
	}
	return filters
}

// tags lists what is stated: the option of encoders, that of setparams, and the value.
func (c Color) tags() (all [][3]string) {
	matrix := c.Matrix
	if c.Guessed || matrix == "gbr" {
		matrix = ""
	}
	for _, tag := range [][3]string{
		{"colorspace", "colorspace", matrix}, {"color_range", "range", c.Range}, {"color_trc", "color_trc", c.Transfer},
		{"color_primaries", "color_primaries", c.Primaries}, {"chroma_sample_location", "", c.Siting},
	} {
		if tag[2] != "" {
			all = append(all, tag)
		}
	}
	return all
}

// mastering is the static metadata of HDR10, SMPTE ST 2086 and CTA-861.3: where it
// was mastered and how bright it becomes. Zero values are not stated.
type mastering struct {
	// primaries are red, green, blue and white, x and y in units of 0.00002;
	// luminance is the least and the most in units of 0.0001 cd/m².
	primaries [8]int64
	luminance [2]int64
	// brightest is the brightest pixel, average the brightest frame, in cd/m².
	brightest, average int64
}

type probedLight struct {
	RedX    string `json:"red_x"`
	RedY    string `json:"red_y"`
	GreenX  string `json:"green_x"`
	GreenY  string `json:"green_y"`
	BlueX   string `json:"blue_x"`
	BlueY   string `json:"blue_y"`
	WhiteX  string `json:"white_point_x"`
	WhiteY  string `json:"white_point_y"`
	Least   string `json:"min_luminance"`
	Most    string `json:"max_luminance"`
	Content int64  `json:"max_content"`
	Average int64  `json:"max_average"`
}

// read takes side data if it is of these kinds.
func (m *mastering) read(s probedSide) {
	units := func(text string, unit float64) int64 { return int64(math.Round(parseRatio(text).Value() * unit)) }
	switch s.Kind {
	case "Mastering display metadata":
		for i, text := range []string{s.RedX, s.RedY, s.GreenX, s.GreenY, s.BlueX, s.BlueY, s.WhiteX, s.WhiteY} {
			m.primaries[i] = units(text, 50000)
		}
		m.luminance = [2]int64{units(s.Least, 10000), units(s.Most, 10000)}
	case "Content light level metadata":
		m.brightest, m.average = s.Content, s.Average
	}
}

// x265 returns the metadata as parameters of that encoder.
func (m mastering) x265() string {
	var all []string
	if p := m.primaries; m.luminance[1] > 0 {
		all = append(all, fmt.Sprintf("master-display=G(%d,%d)B(%d,%d)R(%d,%d)WP(%d,%d)L(%d,%d)",
			p[2], p[3], p[4], p[5], p[0], p[1], p[6], p[7], m.luminance[1], m.luminance[0]))
	}
	if m.brightest > 0 || m.average > 0 {
		all = append(all, fmt.Sprintf("max-cll=%d,%d", m.brightest, m.average))
	}
	return strings.Join(all, ":")
}

// store writes the metadata into a Colour element of Matroska.
func (m mastering) store(color *element) {
	if m.brightest > 0 || m.average > 0 {
		color.remove(idMaxCLL)
		color.remove(idMaxFALL)
		color.children = append(color.children, unsigned(idMaxCLL, uint64(m.brightest)), unsigned(idMaxFALL, uint64(m.average)))
	}
	if m.luminance[1] == 0 {
		return
	}
	color.remove(idMastering)
	master := element{id: idMastering}
	for i, value := range m.primaries {
		master.children = append(master.children, float(idFirstPrimary+uint32(i), float64(value)/50000))
	}
	for i, value := range []int64{m.luminance[1], m.luminance[0]} {
		master.children = append(master.children, float(idFirstPrimary+8+uint32(i), float64(value)/10000))
	}
	color.children = append(color.children, master)
}
