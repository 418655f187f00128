package weights

import (
	"archive/zip"
	"bytes"
	"math"
	"runtime"
	"strings"
	"testing"

	"upscaled/models/fault"
)

// hostile builds a zip file around a pickle with six float32 values.
func hostile(t testing.TB, pickle []byte) []byte {
	t.Helper()
	return torchArchive(t, zip.Store, pickle, storages{{"0", floatStorage(1, 2, 3, 4, 5, 6)}})
}

func TestReadPyTorchNamesWhatItRefuses(t *testing.T) {
	t.Parallel()
	call := new(pickler).op(0x80, 2).global("os", "system").text("true").op(0x85, 'R', '.').Bytes()
	stackCall := new(pickler).op(0x80, 4).text("builtins").text("eval").op(0x93, '.').Bytes()
	instance := new(pickler).op(0x80, 2).op('(', 'i').Bytes()
	for want, pickle := range map[string][]byte{"os.system": call, "builtins.eval": stackCall, "0x69": instance} {
		_, err := readTorch(hostile(t, pickle))
		wantKind(t, want, err, fault.Invalid)
		if err == nil || !strings.Contains(fault.Sentence(err), want) {
			t.Errorf("the sentence %q does not name %s", fault.Sentence(err), want)
		}
	}
}

func TestReadPyTorchImpossibleTensors(t *testing.T) {
	t.Parallel()
	six := func(offset int64, shape, stride []int64) savedTensor {
		return savedTensor{name: "w", class: "FloatStorage", key: "0", count: 6, offset: offset, shape: shape, stride: stride}
	}
	lying := six(0, []int64{600}, []int64{1})
	lying.count = 600
	missing := six(0, []int64{6}, []int64{1})
	missing.key = "../../etc/passwd"
	for name, tensor := range map[string]savedTensor{
		"expanded":        six(0, []int64{1000}, []int64{0}),
		"beyond":          six(1, []int64{6}, []int64{1}),
		"far stride":      six(0, []int64{2}, []int64{math.MaxInt64}),
		"negative stride": six(5, []int64{2}, []int64{-1}),
		"negative side":   six(0, []int64{-1}, []int64{1}),
		"negative offset": six(-1, []int64{1}, []int64{1}),
		"overflow":        six(0, []int64{1 << 31, 1 << 31, 1 << 31}, []int64{1, 1, 1}),
		"rank":            six(0, []int64{6}, []int64{1, 1}),
		"lying count":     lying,
		"missing values":  missing,
	} {
		_, err := readTorch(hostile(t, statePickle(tensor)))
		wantKind(t, name, err, fault.Invalid)
	}
}

func TestReadPyTorchOddPickles(t *testing.T) {
	t.Parallel()
	nested := bytes.Repeat([]byte{'('}, 1<<20)
	for name, pickle := range map[string][]byte{
		"empty":             nil,
		"stop alone":        {'.'},
		"only marks":        nested,
		"endless steps":     bytes.Repeat([]byte{'N', '0'}, 3<<20),
		"long text":         {'X', 0xff, 0xff, 0xff, 0x7f},
		"huge text":         {0x8d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"unknown memory":    {'h', 7, '.'},
		"list in itself":    {']', 'q', 0, 'h', 0, 'a', 'R', '.'},
		"pop through mark":  {'N', '(', 0x85, '.'},
		"append to nothing": {'N', 'N', 'a', '.'},
		"odd dictionary":    {'(', 'N', 'd', '.'},
	} {
		_, err := readTorch(hostile(t, pickle))
		wantKind(t, name, err, fault.Invalid)
	}
	_, err := readTorch(hostile(t, []byte{']', 'q', 0, 'h', 0, 'a', '.'}))
	wantKind(t, "a list", err, fault.Unsupported)
	_, err = readTorch(hostile(t, []byte{0x80, 99, '.'}))
	wantKind(t, "protocol", err, fault.Unsupported)
}

// Every proper beginning of a file is an error, and so is a flipped value.
func TestReadPyTorchDamage(t *testing.T) {
	t.Parallel()
	pickle, values, widths, _ := allTypes()
	for name, data := range map[string][]byte{
		"zip": torchArchive(t, zip.Store, pickle, values), "legacy": legacyTorch(pickle, values, widths...),
	} {
		for n := range data {
			if _, err := readTorch(data[:n]); fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%s cut to %d of %d bytes: %v", name, n, len(data), err)
			}
		}
	}
	flipped := torchArchive(t, zip.Store, pickle, values)
	flipped[bytes.Index(flipped, floatStorage(1, 2, 3))]++
	_, err := readTorch(flipped)
	wantKind(t, "flipped bit", err, fault.Invalid)

	infinite := floatStorage(1, 2, 3, 4, 5, float32(math.Inf(1)))
	_, err = readTorch(torchArchive(t, zip.Store, statePickle(dense("w", "FloatStorage", "0", 6)), storages{{"0", infinite}}))
	wantKind(t, "infinite", err, fault.Invalid)
}

// A small file must not become much memory, be it by compression or by many
// views of one storage.
func TestReadPyTorchBombs(t *testing.T) {
	zeros := make([]byte, 80<<20)
	bomb := torchArchive(t, zip.Deflate, statePickle(dense("w", "FloatStorage", "0", int64(len(zeros)/4))), storages{{"0", zeros}})
	zeros = nil
	views := make([]savedTensor, 300)
	for i := range views {
		views[i] = dense(strings.Repeat("w", i+1), "FloatStorage", "0", 1<<18)
	}
	shared := torchArchive(t, zip.Store, statePickle(views...), storages{{"0", make([]byte, 1<<20)}})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for name, data := range map[string][]byte{"compressed": bomb, "shared": shared} {
		_, err := readTorch(data)
		wantKind(t, name, err, fault.TooLarge)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<20 {
		t.Errorf("refusing two bombs allocated %d bytes", grown)
	}
}

func FuzzReadPyTorch(f *testing.F) {
	pickle, values, widths, _ := allTypes()
	f.Add(torchArchive(f, zip.Store, pickle, values))
	f.Add(torchArchive(f, zip.Deflate, pickle, values))
	f.Add(legacyTorch(pickle, values, widths...))
	f.Add(hostile(f, statePickle(savedTensor{name: "w", class: "FloatStorage", key: "0", count: 6, shape: []int64{3, 2}, stride: []int64{1, 3}})))
	f.Add(hostile(f, []byte{']', 'q', 0, 'h', 0, 'a', '.'}))
	f.Fuzz(func(t *testing.T, data []byte) { checkFuzzed(t, data, readTorch) })
}

// FuzzReadPyTorchPickle mutates what lies behind the zip's checksums.
func FuzzReadPyTorchPickle(f *testing.F) {
	pickle, _, _, _ := allTypes()
	f.Add(pickle)
	f.Add(new(pickler).op(0x80, 2).op('}').text("params").stateDict(dense("module.w", "FloatStorage", "0", 6)).op('s', '.').Bytes())
	f.Add(new(pickler).op(0x80, 4).text("collections").text("OrderedDict").op(0x93, 0x94, ')', 0x81, '.').Bytes())
	f.Fuzz(func(t *testing.T, data []byte) { checkFuzzed(t, hostile(t, data), readTorch) })
}

// checkFuzzed reads hostile bytes: an error must name the problem, a success must
// be consistent.
func checkFuzzed(t *testing.T, data []byte, read func([]byte) (Tensors, error)) {
	t.Helper()
	tensors, err := read(data)
	if err != nil {
		if kind := fault.KindOf(err); kind != fault.Invalid && kind != fault.Unsupported && kind != fault.TooLarge {
			t.Fatalf("error of kind %q: %v", kind, err)
		}
		return
	}
	for name, tensor := range tensors {
		count := 1
		for _, side := range tensor.Shape {
			count *= side
		}
		if count != len(tensor.Data) {
			t.Fatalf("%q has shape %v and %d values", name, tensor.Shape, len(tensor.Data))
		}
	}
}
