package weights

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"upscaled/models/fault"
)

const leakyTenth = "9=2 -23310=1,1.000000e-01"

// unetWriter writes the layers of Real-CUGAN, or of waifu2x, which has other layers for
// the same.
type unetWriter struct {
	*ncnnWriter
	waifu2x bool
}

// plain writes a convolution without padding, and turned a transposed one.
func (w unetWriter) plain(name, input string, out, in, kernel, stride int, more string) string {
	return w.kernel("Convolution", name, input, out, in, kernel, fmt.Sprintf("3=%d %s", stride, more))
}

func (w unetWriter) turned(name, input string, out, in, kernel, stride, pad int, more string) string {
	output := w.kernel("Deconvolution", name, input, out, in, kernel, fmt.Sprintf("3=%d 4=%d %s", stride, pad, more))
	weight := w.want[name+".weight"]
	turned := Tensor{Shape: []int{in, out, kernel, kernel}}
	for i := range in {
		for o := range out {
			turned.Data = append(turned.Data, weight.Data[(o*in+i)*kernel*kernel:][:kernel*kernel]...)
		}
	}
	w.want[name+".weight"] = turned
	return output
}

func (w unetWriter) kernel(kind, name, input string, out, in, kernel int, more string) string {
	weight, bias := w.values(out, in, kernel, kernel), w.values(out)
	w.want[name+".weight"], w.want[name+".bias"] = weight, bias
	w.bin.Write(make([]byte, 4))
	w.bin.Write(floatStorage(weight.Data...))
	w.bin.Write(floatStorage(bias.Data...))
	if kind == "InnerProduct" {
		return w.layer(kind, []string{input}, fmt.Sprintf("0=%d 1=1 2=%d %s", out, out*in, more))
	}
	return w.layer(kind, []string{input}, fmt.Sprintf("0=%d 1=%d 5=1 6=%d %s", out, kernel, len(weight.Data), more))
}

func (w unetWriter) pair(name, input string, in, between, out int, squeezed bool) string {
	at := w.plain(name+".conv.0", input, between, in, 3, 1, leakyTenth)
	at = w.plain(name+".conv.2", at, out, between, 3, 1, leakyTenth)
	if !squeezed {
		return at
	}
	copies := w.split(at, 2)
	means := w.layer("Pooling", copies[:1], "0=1 4=1")
	means = w.kernel("InnerProduct", name+".seblock.conv1", means, out/2, out, 1, "9=1")
	means = w.kernel("InnerProduct", name+".seblock.conv2", means, out, out/2, 1, "9=4")
	if w.waifu2x {
		return w.layer("Scale", []string{copies[1], means}, "0=-233")
	}
	return w.layer("BinaryOp", []string{copies[1], means}, "0=2")
}

// joined crops a blob and adds another one.
func (w unetWriter) joined(outer, inner string, crop int) string {
	if w.waifu2x {
		return w.layer("Eltwise", []string{w.layer("Crop", []string{outer, inner}, fmt.Sprintf("0=%d 1=%d", crop, crop)), inner}, "0=1")
	}
	cropped := w.layer("Crop", []string{outer}, fmt.Sprintf("-23309=2,%d,%d -23310=2,-%d,-%d -23311=2,-2,-1", crop, crop, crop, crop))
	return w.layer("BinaryOp", []string{cropped, inner}, "0=0")
}

func (w unetWriter) unet(name, input string, in, out int, deep bool) string {
	const n = 4
	outer := w.split(w.pair(name+"conv1", input, in, 2, n, false), 2)
	h := w.plain(name+"conv1_down", outer[0], n, n, 2, 2, leakyTenth)
	crop, last := 4, "conv3"
	if h = w.pair(name+"conv2", h, n, 3, n, true); deep {
		middle := w.split(h, 2)
		h = w.pair(name+"conv3", w.plain(name+"conv2_down", middle[0], n, n, 2, 2, leakyTenth), n, 5, n, true)
		h = w.joined(middle[1], w.turned(name+"conv3_up", h, n, n, 2, 2, 0, leakyTenth), 4)
		h = w.turned(name+"conv4_up", w.pair(name+"conv4", h, n, 3, n, true), n, n, 2, 2, 0, leakyTenth)
		crop, last = 16, "conv5"
	} else {
		h = w.turned(name+"conv2_up", h, n, n, 2, 2, 0, leakyTenth)
	}
	h = w.plain(name+last, w.joined(outer[1], h, crop), n, n, 3, 1, leakyTenth)
	switch {
	case deep:
		return w.plain(name+"conv_bottom", h, out, n, 3, 1, "")
	case out == 3 && w.waifu2x:
		return w.turned(name+"conv_bottom", h, out, n, 4, 2, 3, "")
	case out == 3:
		return w.turned(name+"conv_bottom", h, out, n, 5, 3, 2, "")
	}
	return w.turned(name+"conv_bottom", h, out, n, 4, 2, 3, "")
}

// unetNetwork is Real-CUGAN at scale 3 or, with a final convolution, 4, or waifu2x at 2.
func unetNetwork(t testing.TB, final, waifu2x bool) (param, bin []byte, want Tensors) {
	w := unetWriter{&ncnnWriter{t: t, want: Tensors{}}, waifu2x}
	w.lines = append(w.lines, "Input data 0 1 data")
	channels := 3
	if final {
		channels = 5
	}
	first := w.split(w.unet("unet1.", "data", 3, channels, false), 2)
	h := w.joined(first[1], w.unet("unet2.", first[0], channels, channels, true), 20)
	if final {
		h = w.plain("conv_final", h, 12, channels, 3, 1, "")
		h = w.layer("Crop", []string{h}, "-23309=2,1,1 -23310=2,-1,-1 -23311=2,-2,-1")
		w.layer("PixelShuffle", []string{h}, "0=2")
	}
	param, bin = w.files()
	return param, bin, w.want
}

func upconvNetwork(t testing.TB) (param, bin []byte, want Tensors) {
	w := unetWriter{&ncnnWriter{t: t, want: Tensors{}}, true}
	w.lines = append(w.lines, "Input data 0 1 data")
	h := w.plain("net.0", "data", 4, 3, 3, 1, leakyTenth)
	h = w.plain("net.2", h, 5, 4, 3, 1, leakyTenth)
	w.turned("net.4", h, 3, 5, 4, 2, 3, "")
	param, bin = w.files()
	return param, bin, w.want
}

func TestReadNCNNWithoutPadding(t *testing.T) {
	t.Parallel()
	check := func(name string, param, bin []byte, want Tensors) {
		got, err := ReadNCNN(param, bin)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v; got %v, want %v", name, err, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
		hostileLines(t, name, param, bin)
	}
	param, bin, want := unetNetwork(t, false, false)
	check("Real-CUGAN 3x", param, bin, want)
	param, bin, want = unetNetwork(t, true, false)
	check("Real-CUGAN 4x", param, bin, want)
	param, bin, want = unetNetwork(t, false, true)
	check("waifu2x", param, bin, want)
	param, bin, want = upconvNetwork(t)
	check("upconv_7", param, bin, want)
}

// hostileLines removes and changes the layers of a model one after the other: none of the
// results is taken.
func hostileLines(t *testing.T, name string, param, bin []byte) {
	random := rand.New(rand.NewPCG(1, 2))
	lines := strings.Split(strings.TrimSpace(string(param)), "\n")
	try := func(what string, lines []string) {
		lines[1] = fmt.Sprintf("%d %d", len(lines)-2, len(lines)-2)
		if _, err := ReadNCNN([]byte(strings.Join(lines, "\n")), bin); fault.KindOf(err) != fault.Invalid && fault.KindOf(err) != fault.Unsupported {
			t.Errorf("%s: %s: %v", name, what, err)
		}
	}
	for i := 2; i < len(lines); i++ {
		try("without "+lines[i], slices.Delete(slices.Clone(lines), i, i+1))
		changed := slices.Clone(lines)
		fields := strings.Fields(changed[i])
		if len(fields) < 6 || fields[0] == "Split" {
			continue
		}
		at := 5 + random.IntN(len(fields)-5)
		if key, _, ok := strings.Cut(fields[at], "="); ok {
			fields[at] = key + "=977"
			changed[i] = strings.Join(fields, " ")
			try("with "+changed[i], changed)
		}
	}
}
