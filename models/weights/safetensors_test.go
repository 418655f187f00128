package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"upscaled/models/fault"
)

func readSafe(data []byte) (Tensors, error) {
	return ReadSafetensors(bytes.NewReader(data), int64(len(data)))
}

// safeFile puts a header as it is before values.
func safeFile(header string, values []byte) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(out, header...), values...)
}

// drawTensors makes a few small finite tensors.
func drawTensors(t *rapid.T) Tensors {
	return rapid.MapOfN(rapid.StringMatching(`[a-z]{1,8}(\.[0-9]{1,2})?\.(weight|bias)`), rapid.Custom(func(t *rapid.T) Tensor {
		shape := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 4).Draw(t, "shape")
		count := 1
		for _, side := range shape {
			count *= side
		}
		return Tensor{Shape: shape, Data: rapid.SliceOfN(rapid.Float32Range(-1e30, 1e30), count, count).Draw(t, "data")}
	}), 0, 6).Draw(t, "tensors")
}

func TestSafetensorsRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := Tensors(drawTensors(t))
		metadata := rapid.MapOfN(rapid.String(), rapid.String(), 1, 3).Draw(t, "metadata")
		var first, second bytes.Buffer
		if err := WriteSafetensors(&first, want, metadata); err != nil {
			t.Fatal(err)
		}
		if err := WriteSafetensors(&second, want, metadata); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatalf("two writings differ (%v)", err)
		}
		got, err := readSafe(first.Bytes())
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %v, %v; want %v", got, err, want)
		}
		header, _, err := safetensorsHeader(bytes.NewReader(first.Bytes()), int64(first.Len()))
		if err != nil {
			t.Fatal(err)
		}
		gotMetadata := map[string]string{}
		if raw, ok := header[metadataKey]; ok {
			err = json.Unmarshal(raw, &gotMetadata)
		}
		if err != nil || len(gotMetadata) != len(metadata) || len(metadata) > 0 && !reflect.DeepEqual(gotMetadata, metadata) {
			t.Fatalf("metadata %v, %v; want %v", gotMetadata, err, metadata)
		}
	})
}

func TestReadSafetensorsTypes(t *testing.T) {
	t.Parallel()
	values := binary.LittleEndian.AppendUint16(nil, 0x3e00)                    // 1.5 as float16
	values = binary.LittleEndian.AppendUint16(values, 0x4040)                  // 3 as bfloat16
	values = binary.LittleEndian.AppendUint64(values, math.Float64bits(-0.25)) // float64
	values = binary.LittleEndian.AppendUint64(values, 12)                      // int64
	got, err := readSafe(safeFile(`{"h":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},
		"b":{"dtype":"BF16","shape":[1],"data_offsets":[2,4]}, "d":{"dtype":"F64","shape":[],"data_offsets":[4,12]},
		"i":{"dtype":"I64","shape":[1],"data_offsets":[12,20]}}`, values))
	want := Tensors{
		"h": {Shape: []int{1}, Data: []float32{1.5}}, "b": {Shape: []int{1}, Data: []float32{3}},
		"d": {Shape: []int{}, Data: []float32{-0.25}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, %v; want %v", got, err, want)
	}
}

func TestReadSafetensorsRefuses(t *testing.T) {
	t.Parallel()
	one := func(entry string) []byte { return safeFile(`{"w":`+entry+`}`, make([]byte, 8)) }
	for name, data := range map[string][]byte{
		"empty":         nil,
		"short":         {1, 2, 3},
		"long header":   append(binary.LittleEndian.AppendUint64(nil, math.MaxUint64), '{', '}'),
		"header beyond": append(binary.LittleEndian.AppendUint64(nil, 10), '{', '}'),
		"not JSON":      safeFile(`{"w"`, nil),
		"cut JSON":      safeFile(`{"w":`, nil),
		"unclosed":      safeFile(`{`, nil),
		"an array":      safeFile(`{]`, nil),
		"more JSON":     safeFile(`{}{}`, nil),
		"deep JSON":     safeFile(strings.Repeat(`{"a":`, 20000), nil),
		"wrong fields":  one(`[1]`),
		"lying shape":   one(`{"dtype":"F32","shape":[3],"data_offsets":[0,8]}`),
		"overflow":      one(`{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}`),
		"negative":      one(`{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}`),
		"backwards":     one(`{"dtype":"F32","shape":[2],"data_offsets":[8,0]}`),
		"beyond":        one(`{"dtype":"F32","shape":[2],"data_offsets":[8,16]}`),
		"gap":           one(`{"dtype":"F32","shape":[1],"data_offsets":[4,8]}`),
		"rest":          one(`{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`),
		"overlap": safeFile(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
			"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, make([]byte, 8)),
		"not a number": safeFile(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, floatStorage(float32(math.NaN()))),
	} {
		_, err := readSafe(data)
		wantKind(t, name, err, fault.Invalid)
	}
	_, err := readSafe(one(`{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}`))
	wantKind(t, "eight bits", err, fault.Unsupported)
	err = WriteSafetensors(io.Discard, Tensors{"w": {Shape: []int{2}, Data: []float32{1}}}, nil)
	wantKind(t, "misshapen tensor", err, fault.Internal)
}

// A header much larger than those of real files takes no more memory than its text.
func TestHostileHeaders(t *testing.T) {
	for name, header := range map[string]string{
		"many tensors": "{" + strings.Repeat(`"a":0,`, 1000) + manyEntries(),
		"long shape":   `{"w":{"shape":[` + strings.Repeat("1,", 4<<20) + `1]}}`,
		"metadata":     `{"__metadata__":{"a":"` + strings.Repeat("x", 8<<20) + `"},"w":0}`,
	} {
		data := safeFile(header, nil)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := readSafe(data)
		runtime.ReadMemStats(&after)
		if kind := fault.KindOf(err); kind != fault.Invalid && kind != fault.TooLarge {
			t.Errorf("%s: %v", name, err)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 96<<20 {
			t.Errorf("%s: refusing %d bytes allocated %d", name, len(data), grown)
		}
	}
}

// manyEntries is JSON of two million names.
func manyEntries() string {
	var text strings.Builder
	for i := range 2 << 20 {
		fmt.Fprintf(&text, `"%x":0,`, i)
	}
	return text.String() + `"a":0}`
}

func FuzzReadSafetensors(f *testing.F) {
	f.Add(safeFile(`{"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"__metadata__":{"a":"b"}}`, make([]byte, 8)))
	f.Add(safeFile(`{"w":{"dtype":"BF16","shape":[4294967296,0],"data_offsets":[0,0]}}`, nil))
	f.Add(append(binary.LittleEndian.AppendUint64(nil, 1<<40), '{', '}'))
	f.Fuzz(func(t *testing.T, data []byte) {
		checkFuzzed(t, data, readSafe)
	})
}

// BenchmarkReadSafetensors reads as many tensors and values as x4plus has.
func BenchmarkReadSafetensors(b *testing.B) {
	t := Tensors{}
	for i := range 351 {
		t[fmt.Sprintf("conv%d.weight", i)] = Tensor{Shape: []int{47580}, Data: make([]float32, 47580)}
		t[fmt.Sprintf("conv%d.bias", i)] = Tensor{Shape: []int{48}, Data: make([]float32, 48)}
	}
	var file bytes.Buffer
	if err := WriteSafetensors(&file, t, nil); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(file.Len()))
	for b.Loop() {
		if _, err := readSafe(file.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}
