package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"testing"
)

// pickler writes the instructions that torch.save writes.
type pickler struct{ bytes.Buffer }

func (p *pickler) op(code ...byte) *pickler { p.Write(code); return p }

func (p *pickler) global(module, name string) *pickler {
	p.WriteString("c" + module + "\n" + name + "\n")
	return p
}

func (p *pickler) text(s string) *pickler {
	p.op('X')
	p.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(s))))
	p.WriteString(s)
	return p
}

// integer writes the shortest instruction that holds n, as Python does.
func (p *pickler) integer(n int64) *pickler {
	raw := binary.LittleEndian.AppendUint64(nil, uint64(n))
	switch {
	case n >= 0 && n < 1<<8:
		p.op('K').op(raw[:1]...)
	case n >= 0 && n < 1<<16:
		p.op('M').op(raw[:2]...)
	case n == int64(int32(n)):
		p.op('J').op(raw[:4]...)
	default:
		p.op(0x8a, 8).op(raw...)
	}
	return p
}

func (p *pickler) integers(values ...int64) *pickler {
	short := len(values) >= 1 && len(values) <= 3
	if !short {
		p.op('(')
	}
	for _, value := range values {
		p.integer(value)
	}
	if short {
		return p.op(0x84 + byte(len(values)))
	}
	return p.op('t')
}

func (p *pickler) orderedDict() *pickler {
	return p.global("collections", "OrderedDict").op(')', 'R')
}

// savedTensor is one view of one storage.
type savedTensor struct {
	name, class, key string
	count, offset    int64
	shape, stride    []int64
}

func (p *pickler) tensor(s savedTensor) *pickler {
	p.global("torch._utils", "_rebuild_tensor_v2").op('(')
	p.op('(').text("storage").global("torch", s.class).text(s.key).text("cpu").integer(s.count).op('t', 'Q')
	p.integer(s.offset).integers(s.shape...).integers(s.stride...).op(0x89)
	return p.orderedDict().op('t', 'R')
}

// stateDict writes an OrderedDict with the _metadata attribute that modules
// leave on it.
func (p *pickler) stateDict(tensors ...savedTensor) *pickler {
	p.orderedDict().op('q', 0, '(')
	for _, tensor := range tensors {
		p.text(tensor.name).tensor(tensor)
	}
	return p.op('u').op('}').text("_metadata").orderedDict().op('s', 'b')
}

// statePickle is a whole pickle of a bare state dict.
func statePickle(tensors ...savedTensor) []byte {
	return new(pickler).op(0x80, 2).stateDict(tensors...).op('.').Bytes()
}

// dense describes a row-major tensor that fills its storage.
func dense(name, class, key string, shape ...int64) savedTensor {
	count, stride := int64(1), make([]int64, len(shape))
	for i := len(shape) - 1; i >= 0; i-- {
		stride[i] = count
		count *= shape[i]
	}
	return savedTensor{name: name, class: class, key: key, count: count, shape: shape, stride: stride}
}

func floatStorage(values ...float32) []byte {
	var out []byte
	for _, value := range values {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(value))
	}
	return out
}

// zipEntry is a member of an archive, in the method given.
type zipEntry struct {
	name string
	data []byte
}

func zipArchive(t testing.TB, method uint16, entries ...zipEntry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, entry := range entries {
		header := &zip.FileHeader{Name: entry.name, Method: method}
		var member interface{ Write([]byte) (int, error) }
		var err error
		if method == zip.Store { // sizes before the data, as PyTorch writes them
			header.CRC32 = crc32.ChecksumIEEE(entry.data)
			header.CompressedSize64, header.UncompressedSize64 = uint64(len(entry.data)), uint64(len(entry.data))
			member, err = w.CreateRaw(header)
		} else {
			member, err = w.CreateHeader(header)
		}
		if err == nil {
			_, err = member.Write(entry.data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// storages are raw values in the order in which the file has them.
type storages []zipEntry

// torchArchive is the zip form.
func torchArchive(t testing.TB, method uint16, pickle []byte, values storages, extra ...zipEntry) []byte {
	t.Helper()
	entries := append([]zipEntry{{"net/data.pkl", pickle}, {"net/byteorder", []byte("little")}}, extra...)
	for _, value := range values {
		entries = append(entries, zipEntry{"net/data/" + value.name, value.data})
	}
	return zipArchive(t, method, append(entries, zipEntry{"net/version", []byte("3\n")})...)
}

// legacyTorch is the form before 1.6; widths are the bytes of a value of each
// storage.
func legacyTorch(pickle []byte, values storages, widths ...int) []byte {
	p := new(pickler)
	p.op(0x80, 2)
	p.WriteString(legacyMagic)
	p.op(0x80, 2).op('M', 0xe9, 0x03).op('.')
	p.op(0x80, 2).op('}', '(').text("protocol_version").op('M', 0xe9, 0x03).text("little_endian").op(0x88, 'u', '.')
	p.Write(pickle)
	p.op(0x80, 2).op(']', '(')
	for _, value := range values {
		p.text(value.name)
	}
	p.op('e', '.')
	for i, value := range values {
		p.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(value.data)/widths[i])))
		p.Write(value.data)
	}
	return p.Bytes()
}
