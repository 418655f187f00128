package weights

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"upscaled/models/fault"
)

// ncnnWriter makes both ncnn files together with the tensors they stand for.
// Values are small whole numbers, which every precision holds exactly.
type ncnnWriter struct {
	t     testing.TB
	lines []string
	bin   bytes.Buffer
	half  bool
	next  int
	want  Tensors
}

// layer adds a line and returns its only output.
func (w *ncnnWriter) layer(kind string, inputs []string, parameters string) string {
	output := fmt.Sprintf("blob%d", len(w.lines))
	w.lines = append(w.lines, fmt.Sprintf("%s layer%d %d 1 %s %s %s", kind, len(w.lines), len(inputs), strings.Join(inputs, " "), output, parameters))
	return output
}

// split returns copies of a blob, as converters make for every blob used twice.
func (w *ncnnWriter) split(blob string, count int) []string {
	copies := make([]string, count)
	for i := range copies {
		copies[i] = fmt.Sprintf("%s_copy%d", blob, i)
	}
	w.lines = append(w.lines, fmt.Sprintf("Split split%d 1 %d %s %s", len(w.lines), count, blob, strings.Join(copies, " ")))
	return copies
}

func (w *ncnnWriter) values(shape ...int) Tensor {
	count := 1
	for _, side := range shape {
		count *= side
	}
	tensor := Tensor{Shape: shape, Data: make([]float32, count)}
	for i := range tensor.Data {
		w.next++
		tensor.Data[i] = float32(w.next%31 - 15)
	}
	return tensor
}

func (w *ncnnWriter) convolution(name, input string, in, out int, more string) string {
	weight, bias := w.values(out, in, 3, 3), w.values(out)
	w.want[name+".weight"], w.want[name+".bias"] = weight, bias
	tag := uint32(0)
	raw := floatStorage(weight.Data...)
	if w.half {
		tag, raw = ncnnHalf, nil
		for _, value := range weight.Data {
			raw = binary.LittleEndian.AppendUint16(raw, halfOf(w.t, value))
		}
		raw = append(raw, make([]byte, len(raw)%4)...)
	}
	w.bin.Write(binary.LittleEndian.AppendUint32(nil, tag))
	w.bin.Write(raw)
	w.bin.Write(floatStorage(bias.Data...))
	return w.layer("Convolution", []string{input}, fmt.Sprintf("0=%d 1=3 4=1 5=1 6=%d %s", out, len(weight.Data), more))
}

// halfOf is the half of a whole number small enough to have one.
func halfOf(t testing.TB, value float32) uint16 {
	bits := math.Float32bits(value)
	magnitude := bits & 0x7fffffff
	if magnitude != 0 {
		magnitude -= (127 - 15) << 23 // the biases of the two exponents
	}
	half := uint16(bits>>16&0x8000 | magnitude>>13)
	if halfToFloat(half) != value {
		t.Fatalf("%v is no half", value)
	}
	return half
}

func (w *ncnnWriter) files() (param, bin []byte) {
	text := fmt.Sprintf("7767517\n%d %d\n%s\n", len(w.lines), len(w.lines), strings.Join(w.lines, "\n"))
	return []byte(text), w.bin.Bytes()
}

// compactNetwork is an SRVGGNetCompact of depth pairs of convolution and PReLU.
func compactNetwork(t testing.TB, depth, features, scale int, half bool) (param, bin []byte, want Tensors) {
	w := &ncnnWriter{t: t, half: half, want: Tensors{}}
	w.lines = append(w.lines, "Input data 0 1 data")
	inputs := w.split("data", 2)
	at, channels := inputs[0], 3
	for k := range depth {
		at = w.convolution(fmt.Sprintf("body.%d", 2*k), at, channels, features, "")
		slopes := w.values(features)
		w.want[fmt.Sprintf("body.%d.weight", 2*k+1)] = slopes
		w.bin.Write(floatStorage(slopes.Data...))
		at = w.layer("PReLU", []string{at}, fmt.Sprintf("0=%d", features))
		channels = features
	}
	at = w.convolution(fmt.Sprintf("body.%d", 2*depth), at, channels, 3*scale*scale, "")
	base := inputs[1]
	if scale > 1 {
		at = w.layer("PixelShuffle", []string{at}, fmt.Sprintf("0=%d", scale))
		base = w.layer("Interp", []string{base}, fmt.Sprintf("0=1 1=%d.0 2=%d.000000e+00", scale, scale))
	}
	w.layer("BinaryOp", []string{at, base}, "0=0")
	param, bin = w.files()
	return param, bin, w.want
}

// rrdbNetwork is an RRDBNet; fused chooses between the two ways in which
// converters write activations and scaled sums.
func rrdbNetwork(t testing.TB, blocks, features, growth int, fused bool) (param, bin []byte, want Tensors) {
	w := &ncnnWriter{t: t, half: true, want: Tensors{}}
	leaky := func(name, input string, in, out int) string {
		if fused {
			return w.convolution(name, input, in, out, "9=2 -23310=1,2.000000e-01")
		}
		return w.layer("ReLU", []string{w.convolution(name, input, in, out, "")}, "0=2.000000e-01")
	}
	residual := func(branch, trunk string) string {
		if fused {
			return w.layer("Eltwise", []string{branch, trunk}, "0=1 -23301=2,2.000000e-01,1.000000e+00")
		}
		scaled := w.layer("BinaryOp", []string{branch}, "0=2 1=1 2=2.000000e-01")
		return w.layer("BinaryOp", []string{trunk, scaled}, "0=0")
	}
	w.lines = append(w.lines, "Input data 0 1 data")
	first := w.split(w.convolution("conv_first", "data", 3, features, ""), 2)
	at := first[0]
	for block := range blocks {
		trunk := w.split(at, 2)
		at = trunk[0]
		for k := 1; k <= 3; k++ {
			copies := w.split(at, 6)
			parts, in, channels := copies[:1], copies[5], features
			for j := 1; j <= 4; j++ {
				part := leaky(fmt.Sprintf("body.%d.rdb%d.conv%d", block, k, j), in, channels, growth)
				channels += growth
				parts = append(slices.Clone(parts), part)
				in = w.layer("Concat", parts, "0=0")
			}
			at = residual(w.convolution(fmt.Sprintf("body.%d.rdb%d.conv5", block, k), in, channels, features, ""), copies[4])
		}
		at = residual(at, trunk[1])
	}
	at = w.layer("BinaryOp", []string{first[1], w.convolution("conv_body", at, features, features, "")}, "0=0")
	for _, name := range []string{"conv_up1", "conv_up2"} {
		at = leaky(name, w.layer("Interp", []string{at}, "0=1 1=2.0 2=2.0"), features, features)
	}
	w.convolution("conv_last", leaky("conv_hr", at, features, features), features, 3, "")
	param, bin = w.files()
	return param, bin, w.want
}

func TestReadNCNN(t *testing.T) {
	t.Parallel()
	check := func(name string) func(param, bin []byte, want Tensors) {
		return func(param, bin []byte, want Tensors) {
			got, err := ReadNCNN(param, bin)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %v; got %v, want %v", name, err, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
			}
		}
	}
	check("compact 4x")(compactNetwork(t, 3, 5, 4, true))
	check("compact 2x float32")(compactNetwork(t, 1, 4, 2, false))
	check("compact 1x")(compactNetwork(t, 2, 3, 1, true))
	check("compact without PReLU")(compactNetwork(t, 0, 3, 3, true))
	check("RRDBNet fused")(rrdbNetwork(t, 2, 4, 2, true))
	check("RRDBNet in single steps")(rrdbNetwork(t, 1, 3, 3, false))
}

// realesr-animevideov3's files for scales 2 and 3 are its model for scale 4 and a
// bicubic reduction.
func TestReadNCNNReduction(t *testing.T) {
	t.Parallel()
	param, bin, want := compactNetwork(t, 1, 4, 4, true)
	output := regexp.MustCompile(`BinaryOp (\S+) 2 1 \S+ \S+ (\S+)`).FindSubmatch(param)
	if output == nil {
		t.Fatalf("no sum in %s", param)
	}
	for reduction, ok := range map[string]bool{"0=3 1=0.5 2=5.0e-01": true, "0=3 1=0.75 2=0.75": true, "0=3 1=2 2=2": false, "0=2 1=0.5 2=0.5": false, "0=3 1=0.5 2=0.75": false} {
		lines := strings.Split(strings.TrimSpace(string(param)), "\n")
		lines[1] = fmt.Sprintf("%d %d", len(lines)-1, len(lines)-1)
		lines = append(lines, fmt.Sprintf("Interp last 1 1 %s output %s", output[2], reduction))
		got, err := ReadNCNN([]byte(strings.Join(lines, "\n")), bin)
		if ok != (err == nil) || ok && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v", reduction, err)
		}
	}
}

// A network that differs in a single detail is another network.
func TestReadNCNNRefusesOtherNetworks(t *testing.T) {
	t.Parallel()
	compactParam, compactBin, _ := compactNetwork(t, 2, 4, 2, true)
	rrdbParam, rrdbBin, _ := rrdbNetwork(t, 1, 4, 2, true)
	for _, change := range [][2]string{
		{`0=1 1=2.0`, `0=2 1=2.0`},                         // bilinear
		{`PixelShuffle(.*) 0=2`, `PixelShuffle$1 0=1`},     // scale
		{`BinaryOp(.*) 0=0`, `BinaryOp$1 0=1`},             // difference
		{`(Interp layer\d+ 1 1) data_copy1`, `$1 blob2`},   // another input
		{`4=1 5=1`, `4=0 5=1`},                             // padding
		{`4=1 5=1`, `4=1 5=0`},                             // bias
		{`4=1 5=1`, `3=2 4=1 5=1`},                         // stride
		{`9=2 -23310=1,2\.0`, `9=2 -23310=1,1.0`},          // slope
		{`9=2`, `9=1`},                                     // ReLU
		{`-23301=2,2\.0`, `-23301=2,3.0`},                  // residual factor
		{`(Concat layer\d+ 2 1) (\S+) (\S+)`, `$1 $3 $2`},  // order
		{`PReLU`, `Sigmoid`},                               // unknown layer
		{`Convolution`, `InnerProduct`},                    // unknown layer with weights
		{`PixelShuffle(.*) 0=2`, `PixelShuffle$1 0=2 1=1`}, // order of channels
		{`5=1`, `5=1 8=2`},                                 // int8 scales
	} {
		pattern := regexp.MustCompile(change[0])
		tried := 0
		for _, pair := range [][2][]byte{{compactParam, compactBin}, {rrdbParam, rrdbBin}} {
			if changed := pattern.ReplaceAll(pair[0], []byte(change[1])); !bytes.Equal(changed, pair[0]) {
				tried++
				_, err := ReadNCNN(changed, pair[1])
				wantKind(t, strings.Join(change[:], " -> "), err, fault.Unsupported)
			}
		}
		if tried == 0 {
			t.Errorf("%s changes neither network", change[0])
		}
	}
	quantised := slices.Clone(compactBin)
	binary.LittleEndian.PutUint32(quantised, 0x000D4B38)
	_, err := ReadNCNN(compactParam, quantised)
	wantKind(t, "int8 tag", err, fault.Unsupported)
}

func TestReadNCNNDamage(t *testing.T) {
	t.Parallel()
	param, bin, _ := compactNetwork(t, 1, 4, 2, true)
	for n := range bin {
		if _, err := ReadNCNN(param, bin[:n]); fault.KindOf(err) != fault.Invalid {
			t.Fatalf(".bin cut to %d of %d bytes: %v", n, len(bin), err)
		}
	}
	_, err := ReadNCNN(param, append(slices.Clone(bin), 0, 0, 0, 0))
	wantKind(t, "long .bin", err, fault.Invalid)
	// Behind its last "blob" only the output's name and a default are lost.
	for n := range bytes.LastIndex(param, []byte("blob")) {
		if _, err := ReadNCNN(param[:n], bin); err == nil {
			t.Fatalf(".param cut to %d of %d bytes is read", n, len(param))
		}
	}
	for name, text := range map[string]string{
		"binary":        "\x00\x01",
		"counts":        "7767517\nmany layers\n",
		"lying counts":  "7767517\n900000000 900000000\nInput data 0 1 data\n",
		"lying blobs":   "7767517\n1 1\nInput data 0 999999999 data\n",
		"unknown blob":  "7767517\n1 1\nReLU r 1 1 nothing out\n",
		"doubled blob":  "7767517\n2 1\nInput a 0 1 x\nInput b 0 1 x\n",
		"array":         "7767517\n1 1\nInput a 0 1 x -23300=9,1\n",
		"not a number":  "7767517\n1 1\nInput a 0 1 x 0=abc\n",
		"empty network": "7767517\n0 0",
	} {
		_, err := ReadNCNN([]byte(text), nil)
		wantKind(t, name, err, fault.Invalid)
	}
}

// The two networks of the npm package, where they have been unpacked.
func TestReadNCNNReal(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("UPSCALED_TEST_NCNN")
	if folder == "" {
		t.Skip("UPSCALED_TEST_NCNN names no folder with realesrgan-x4plus.param and realesrgan-x4fast.param")
	}
	for name, want := range map[string]struct {
		tensors int
		last    string
		shape   []int
	}{
		"realesrgan-x4plus.param": {702, "conv_last.weight", []int{3, 64, 3, 3}},
		"realesrgan-x4fast.param": {101, "body.66.weight", []int{48, 64, 3, 3}},
	} {
		got, err := ReadFile(filepath.Join(folder, name))
		if err != nil || len(got) != want.tensors || !slices.Equal(got[want.last].Shape, want.shape) {
			t.Errorf("%s: %v; %d tensors, %s is %v", name, err, len(got), want.last, got[want.last].Shape)
		}
	}
}

func FuzzReadNCNN(f *testing.F) {
	param, bin, _ := compactNetwork(f, 1, 2, 2, true)
	f.Add(param, bin)
	param, bin, _ = rrdbNetwork(f, 1, 2, 1, true)
	f.Add(param, bin)
	param, bin, _ = unetNetwork(f, true, false)
	f.Add(param, bin)
	f.Add([]byte("7767517\n1 1\nConvolution c 0 1 x 0=2147483647 1=3 4=1 5=1 6=9223372036854775807\n"), []byte{})
	f.Fuzz(func(t *testing.T, param, bin []byte) {
		checkFuzzed(t, bin, func(bin []byte) (Tensors, error) { return ReadNCNN(param, bin) })
	})
}
