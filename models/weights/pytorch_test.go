package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"testing"

	"upscaled/models/fault"
)

func readTorch(data []byte) (Tensors, error) {
	return ReadPyTorch(bytes.NewReader(data), int64(len(data)))
}

// allTypes is a state dict with one tensor of every stored type; the integers
// must be left out.
func allTypes() ([]byte, storages, []int, Tensors) {
	half := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, 0x3c00), 0xb800)  // 1, -0.5
	brain := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, 0x4000), 0xc040) // 2, -3
	double := binary.LittleEndian.AppendUint64(nil, math.Float64bits(0.1))                           // rounds to float32
	pickle := statePickle(
		dense("a", "FloatStorage", "0", 2, 3), dense("h", "HalfStorage", "1", 2),
		dense("b", "BFloat16Storage", "2", 2), dense("d", "DoubleStorage", "3"),
		dense("n.num_batches_tracked", "LongStorage", "4", 1),
	)
	values := storages{
		{"0", floatStorage(1, 2, 3, 4, 5, 6)}, {"1", half}, {"2", brain}, {"3", double}, {"4", make([]byte, 8)},
	}
	want := Tensors{
		"a": {Shape: []int{2, 3}, Data: []float32{1, 2, 3, 4, 5, 6}},
		"h": {Shape: []int{2}, Data: []float32{1, -0.5}},
		"b": {Shape: []int{2}, Data: []float32{2, -3}},
		"d": {Shape: []int{}, Data: []float32{0.1}},
	}
	return pickle, values, []int{4, 2, 2, 8, 8}, want
}

func TestReadPyTorchForms(t *testing.T) {
	t.Parallel()
	pickle, values, widths, want := allTypes()
	forms := map[string][]byte{
		"zip":        torchArchive(t, zip.Store, pickle, values),
		"compressed": torchArchive(t, zip.Deflate, pickle, values),
		"legacy":     legacyTorch(pickle, values, widths...),
	}
	for name, data := range forms {
		got, err := readTorch(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

func TestReadPyTorchBigEndian(t *testing.T) {
	t.Parallel()
	value := storages{{"0", binary.BigEndian.AppendUint32(nil, math.Float32bits(1.5))}}
	data := zipArchive(t, zip.Store, zipEntry{"x/data.pkl", statePickle(dense("w", "FloatStorage", "0", 1))},
		zipEntry{"x/byteorder", []byte("big")}, zipEntry{"x/data/0", value[0].data})
	got, err := readTorch(data)
	if err != nil || got["w"].Data[0] != 1.5 {
		t.Fatalf("got %v, %v; want 1.5", got, err)
	}
}

// Views are transposed, shifted and shared; every tensor must come out dense
// and on its own.
func TestReadPyTorchViews(t *testing.T) {
	t.Parallel()
	view := func(name string, offset int64, shape, stride []int64) savedTensor {
		return savedTensor{name: name, class: "FloatStorage", key: "0", count: 6, offset: offset, shape: shape, stride: stride}
	}
	pickle := statePickle(
		view("whole", 0, []int64{2, 3}, []int64{3, 1}),
		view("transposed", 0, []int64{3, 2}, []int64{1, 3}),
		view("tail", 4, []int64{2}, []int64{1}),
		view("empty", 6, []int64{0, 5}, []int64{5, 1}),
	)
	got, err := readTorch(torchArchive(t, zip.Store, pickle, storages{{"0", floatStorage(1, 2, 3, 4, 5, 6)}}))
	if err != nil {
		t.Fatal(err)
	}
	want := Tensors{
		"whole":      {Shape: []int{2, 3}, Data: []float32{1, 2, 3, 4, 5, 6}},
		"transposed": {Shape: []int{3, 2}, Data: []float32{1, 4, 2, 5, 3, 6}},
		"tail":       {Shape: []int{2}, Data: []float32{5, 6}},
		"empty":      {Shape: []int{0, 5}, Data: []float32{}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	got["whole"].Data[4] = 99
	if got["tail"].Data[0] == 99 {
		t.Error("two tensors share memory")
	}
}

func TestReadPyTorchChoosesWeights(t *testing.T) {
	t.Parallel()
	values := storages{{"0", floatStorage(1)}, {"1", floatStorage(2)}}
	for _, test := range []struct {
		name, first, second string
		want                float32
	}{
		{"averaged before plain", "params", "params_ema", 2},
		{"plain before unknown", "optimizer", "params", 2},
		{"state_dict", "state_dict", "other", 1},
		{"averaged with a hyphen", "params", "params-ema", 2},
		{"net", "net", "other", 1},
		{"a single one", "weights of epoch 7", "", 1},
	} {
		p := new(pickler).op(0x80, 2).op('}')
		p.text(test.first).stateDict(dense("module.w", "FloatStorage", "0", 1)).op('s')
		if test.second != "" {
			p.text(test.second).stateDict(dense("module.w", "FloatStorage", "1", 1)).op('s')
		}
		got, err := readTorch(torchArchive(t, zip.Store, p.op('.').Bytes(), values))
		got = Normalize(got)
		if err != nil || len(got) != 1 || len(got["w"].Data) != 1 || got["w"].Data[0] != test.want {
			t.Errorf("%s: got %v, %v; want w = %v", test.name, got, err, test.want)
		}
	}
}

// A wrapper may be in another one, beside other things, and even in itself.
func TestReadPyTorchWrappersInWrappers(t *testing.T) {
	t.Parallel()
	p := new(pickler).op(0x80, 2).op('}', 'q', 9).text("epoch").integer(7).op('s').text("net").op('h', 9, 's')
	p.text("saved").op('}').text("params-ema").stateDict(dense("w", "FloatStorage", "0", 1)).op('s', 's', '.')
	got, err := readTorch(torchArchive(t, zip.Store, p.Bytes(), storages{{"0", floatStorage(5)}}))
	if err != nil || len(got["w"].Data) != 1 || got["w"].Data[0] != 5 {
		t.Errorf("%v, %v", got, err)
	}
}

// Of a TorchScript archive the tensors are read by their modules' names; its code is
// never looked at.
func TestReadPyTorchTorchScript(t *testing.T) {
	t.Parallel()
	module := func(p *pickler, class string) *pickler {
		return p.global("__torch__."+class, "M").op(')', 0x81, '}')
	}
	p := module(new(pickler).op(0x80, 2), "net").text("training").op(0x88, 's').text("body")
	module(p, "list").text("0")
	module(p, "conv").text("weight").tensor(dense("", "FloatStorage", "0", 2)).op('s')
	p.text("padding").global("torch.jit._pickle", "build_intlist").op('(', ']', 't', 'R', 's', 'b', 's', 'b', 's', 'b', '.')
	constants := zipEntry{"net/constants.pkl", []byte("x")}
	code := zipEntry{"net/code/__torch__/net.py", []byte("import os; os.abort()")}
	got, err := readTorch(torchArchive(t, zip.Store, p.Bytes(), storages{{"0", floatStorage(1, 2)}}, constants, code))
	if want := (Tensors{"body.0.weight": {Shape: []int{2}, Data: []float32{1, 2}}}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	// Outside of such an archive these classes are refused as any others.
	_, err = readTorch(torchArchive(t, zip.Store, p.Bytes(), storages{{"0", floatStorage(1, 2)}}))
	wantKind(t, "no archive", err, fault.Invalid)
	call := new(pickler).op(0x80, 2).global("os", "system").text("true").op(0x85, 'R', '.').Bytes()
	_, err = readTorch(torchArchive(t, zip.Store, call, nil, constants))
	wantKind(t, "call", err, fault.Invalid)
	// Modules may be in themselves.
	p = module(new(pickler).op(0x80, 2), "net").op('0', 'q', 1, '}').text("self").op('h', 1, 's', 'b', '.')
	_, err = readTorch(torchArchive(t, zip.Store, p.Bytes(), nil, constants))
	wantKind(t, "circle", err, fault.Unsupported)
}

// Python 2 wrote text as byte strings and filled an OrderedDict from a list of
// pairs; parameters came wrapped.
func TestReadPyTorchPython2(t *testing.T) {
	t.Parallel()
	p := new(pickler).op(0x80, 2).global("collections", "OrderedDict").op(']', ']')
	p.op('U', 1, 'w').op('a')
	p.global("torch._utils", "_rebuild_parameter").op('(').tensor(dense("", "FloatStorage", "0", 1)).op(0x88).orderedDict().op('t', 'R')
	p.op('a', 'a', 0x85, 'R', '.')
	got, err := readTorch(legacyTorch(p.Bytes(), storages{{"0", floatStorage(7)}}, 4))
	if err != nil || got["w"].Data[0] != 7 {
		t.Fatalf("got %v, %v; want w = 7", got, err)
	}
}

func wantKind(t *testing.T, name string, err error, kind fault.Kind) {
	t.Helper()
	if fault.KindOf(err) != kind {
		t.Errorf("%s: error %v is %q, want %q", name, err, fault.KindOf(err), kind)
	}
}
