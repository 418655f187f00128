package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"upscaled/models/fault"
)

// Every half is compared with its value computed from the definition.
func TestHalfToFloat(t *testing.T) {
	t.Parallel()
	for bits := range 1 << 16 {
		sign, exponent, mantissa := 1-2*float64(bits>>15), bits>>10&31, float64(bits&1023)
		got := float64(halfToFloat(uint16(bits)))
		switch {
		case exponent == 31 && mantissa != 0:
			if !math.IsNaN(got) {
				t.Fatalf("%#04x is %v, want NaN", bits, got)
			}
			continue
		case exponent == 31:
			mantissa = math.Inf(1)
		case exponent == 0:
			mantissa = math.Ldexp(mantissa, -24)
		default:
			mantissa = math.Ldexp(1024+mantissa, exponent-25)
		}
		if got != sign*mantissa || math.Signbit(got) != (sign < 0) {
			t.Fatalf("%#04x is %v, want %v", bits, got, sign*mantissa)
		}
	}
}

// The fast path and the conversion value by value agree.
func TestDecodeOrders(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.Float32()).Draw(t, "values")
		raw := floatStorage(want...)
		got := make([]float32, len(want))
		float32Element.decode(got, raw, binary.LittleEndian)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestSum(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := Tensors(drawTensors(t))
		b := make(Tensors, len(a))
		for name, tensor := range a {
			b[name] = Tensor{Shape: tensor.Shape, Data: make([]float32, len(tensor.Data))}
			for i, value := range tensor.Data {
				b[name].Data[i] = 1 - value
			}
		}
		strength := rapid.Float64Range(0, 1).Draw(t, "t")
		var sum Sum
		if err := errors.Join(sum.Add(a, strength), sum.Add(b, 1-strength)); err != nil {
			t.Fatal(err)
		}
		got := sum.Tensors()
		for name := range a {
			for i, x := range a[name].Data {
				y := b[name].Data[i]
				if value := got[name].Data[i]; value != float32(strength*float64(x)+(1-strength)*float64(y)) {
					t.Fatalf("%s[%d] is %v from %v and %v", name, i, value, x, y)
				}
			}
		}
	})
}

func TestSumRefuses(t *testing.T) {
	t.Parallel()
	one := Tensors{"w": {Shape: []int{2}, Data: []float32{1, 2}}}
	for name, other := range map[string]Tensors{
		"fewer": {}, "renamed": {"v": one["w"]}, "more": {"w": one["w"], "v": one["w"]},
		"reshaped": {"w": {Shape: []int{2, 1}, Data: []float32{1, 2}}},
	} {
		var sum Sum
		if err := sum.Add(one, 0.5); err != nil {
			t.Fatal(err)
		}
		wantKind(t, name, sum.Add(other, 0.5), fault.Invalid)
	}
}

// Attention masks depend on the size of the images trained on, and may be larger than
// all weights. Counts of a profiler are no weights either.
func TestMasksAreNotRead(t *testing.T) {
	t.Parallel()
	mask := Tensor{Shape: []int{1 << 20}, Data: make([]float32, 1<<20)}
	want := Tensors{"w": {Shape: []int{2}, Data: []float32{1, 2}}}
	var safe bytes.Buffer
	if err := WriteSafetensors(&safe, Tensors{"w": want["w"], "layers.0.attn_mask": mask, "attns.0.attn_mask_1": mask, "total_ops": mask, "body.0.total_params": mask}, nil); err != nil {
		t.Fatal(err)
	}
	pickled := statePickle(dense("w", "FloatStorage", "0", 2), dense("layers.0.attn_mask", "FloatStorage", "1", 1<<20), dense("body.total_ops", "FloatStorage", "1", 1<<20))
	torch := torchArchive(t, zip.Store, pickled, storages{{"0", floatStorage(1, 2)}, {"1", make([]byte, 4<<20)}})
	for name, read := range map[string]func() (Tensors, error){
		"safetensors": func() (Tensors, error) { return readSafe(safe.Bytes()) },
		"PyTorch":     func() (Tensors, error) { return readTorch(torch) },
	} {
		if got, err := read(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func named(names ...string) Tensors {
	t := Tensors{}
	for _, name := range names {
		t[name] = Tensor{}
	}
	return t
}

func TestNormalize(t *testing.T) {
	t.Parallel()
	modern := []string{
		"conv_first.weight", "conv_first.bias", "body.0.rdb1.conv1.weight", "body.22.rdb3.conv5.bias",
		"conv_body.weight", "conv_up1.weight", "conv_up2.weight", "conv_hr.weight", "conv_last.bias", "conv_last.weight",
	}
	for style, old := range map[string][]string{
		"modern": modern,
		"before BasicSR 1.0": {
			"conv_first.weight", "conv_first.bias", "RRDB_trunk.0.RDB1.conv1.weight", "RRDB_trunk.22.RDB3.conv5.bias",
			"trunk_conv.weight", "upconv1.weight", "upconv2.weight", "HRconv.weight", "conv_last.bias", "conv_last.weight",
		},
		"original": {
			"model.0.weight", "model.0.bias", "model.1.sub.0.RDB1.conv1.0.weight", "model.1.sub.22.RDB3.conv5.0.bias",
			"model.1.sub.23.weight", "model.3.weight", "model.6.weight", "model.8.weight", "model.10.bias", "model.10.weight",
		},
	} {
		for _, prefix := range []string{"", "module.", "netG.", "net_g.", "model.", "net_g.module.", "module.model.", "params-ema.", "net_g_ema.", "state_dict.netG._orig_mod."} {
			wrapped := Tensors{}
			for _, name := range old {
				wrapped[prefix+name] = Tensor{}
			}
			got := slices.Sorted(maps.Keys(Normalize(wrapped)))
			if want := slices.Sorted(slices.Values(modern)); !slices.Equal(got, want) {
				t.Errorf("%s with %q: got %v, want %v", style, prefix, got, want)
			}
		}
	}
	for _, keep := range []Tensors{
		named("body.0.weight", "body.1.weight"), named("HRconv.weight", "conv_hr.weight"),
		named("model.3.weight", "model.5.weight"), named("netG.w", "netD.w"), named("model.1.sub.0.RDB1.conv1x1.weight"),
	} {
		if got := Normalize(keep); !reflect.DeepEqual(got, keep) {
			t.Errorf("%v became %v", keep, got)
		}
	}
}

// Of several models in one file the averaged one is read.
func TestNormalizeChooses(t *testing.T) {
	t.Parallel()
	want := Tensor{Shape: []int{1}, Data: []float32{2}}
	got := Normalize(Tensors{"params.w": {}, "params_ema.module.w": want, "netG.w": {}})
	if len(got) != 1 || !reflect.DeepEqual(got["w"], want) {
		t.Errorf("%v", got)
	}
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	param, bin, want := compactNetwork(t, 2, 4, 2, true)
	var safe strings.Builder
	if err := WriteSafetensors(&safe, want, nil); err != nil {
		t.Fatal(err)
	}
	pickle, values, widths, torchWant := allTypes()
	for path, want := range map[string]Tensors{
		write("a.param", param):                     want,
		write("a.bin", bin):                         want,
		write("b.PARAM", param):                     want,
		write("b.BIN", bin):                         want,
		write("noextension", []byte(safe.String())): want,
		write("pytorch_model.bin", legacyTorch(pickle, values, widths...)): torchWant,
	} {
		got, err := ReadFile(path)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, %v; want %v", path, got, err, want)
		}
	}
	for path, kind := range map[string]fault.Kind{
		filepath.Join(folder, "absent.pth"):      fault.NotFound,
		write("alone.param", param):              fault.NotFound,
		write("lone.bin", bin):                   fault.NotFound,
		write("empty.pth", nil):                  fault.Invalid,
		write("text.pth", []byte("hello there")): fault.Unsupported,
		folder:                                   fault.Invalid,
	} {
		_, err := ReadFile(path)
		wantKind(t, path, err, kind)
	}
}
