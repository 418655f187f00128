package onnx_test

import (
	"bytes"
	"errors"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"upscaled/models/fault"
	"upscaled/models/onnx"
)

// message writes fields in the order of their numbers and values: text, bytes or an int.
func message(parts ...any) (out []byte) {
	for i := 0; i < len(parts); i += 2 {
		number := protowire.Number(parts[i].(int))
		switch v := parts[i+1].(type) {
		case int:
			out = protowire.AppendVarint(protowire.AppendTag(out, number, protowire.VarintType), uint64(v))
		case string:
			out = protowire.AppendString(protowire.AppendTag(out, number, protowire.BytesType), v)
		case []byte:
			out = protowire.AppendBytes(protowire.AppendTag(out, number, protowire.BytesType), v)
		}
	}
	return out
}

// outside is a tensor of two floats in another file.
func outside(length string) []byte {
	entry := func(key, value string) []byte { return message(1, key, 2, value) }
	tensor := append(message(1, 2, 2, 1, 8, "w"), message(13, entry("location", "w.bin"), 13, entry("offset", "4"))...)
	if length != "" {
		tensor = append(tensor, message(13, entry("length", length))...)
	}
	return append(tensor, message(14, 1)...)
}

// Weights in another file are refused at any depth, where the runtime would read them.
func TestExternalData(t *testing.T) {
	t.Parallel()
	tensor := outside("8")
	node := func(attribute []byte) []byte { return message(4, "Constant", 5, attribute) }
	for name, model := range map[string][]byte{
		"initializer":   message(7, message(5, tensor)),
		"sparse":        message(7, message(15, message(1, tensor))),
		"attribute":     message(7, message(1, node(message(5, tensor)))),
		"attributes":    message(7, message(1, node(message(10, tensor)))),
		"branch":        message(7, message(1, node(message(6, message(5, tensor))))),
		"inner branch":  message(7, message(1, node(message(11, message(1, node(message(6, message(5, tensor)))))))),
		"sparse values": message(7, message(1, node(message(23, message(2, tensor))))),
		"function":      message(7, message(2, "g"), 25, message(7, node(message(5, tensor)))),
	} {
		if _, err := onnx.Parse(model); fault.KindOf(err) != fault.Unsupported {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Inlined files are those that had the weights in them from the beginning.
func TestInlined(t *testing.T) {
	t.Parallel()
	model := func(tensor []byte) []byte { return message(1, 8, 7, message(2, "g", 5, tensor), 14, "end") }
	for length, want := range map[string]int64{"8": 8, "": 0} {
		got, err := onnx.Inlined(model(outside(length)), func(name string, offset, n int64) ([]byte, error) {
			if name != "w.bin" || offset != 4 || n != want {
				t.Errorf("reads %d bytes of %s from %d on", n, name, offset)
			}
			return []byte("12345678"), nil
		})
		if err != nil || !bytes.Equal(got, model(message(1, 2, 2, 1, 8, "w", 9, "12345678"))) {
			t.Errorf("%q, %v", got, err)
		}
	}
	missing := errors.New("missing")
	for name, data := range map[string][]byte{"missing": model(outside("8")), "negative": model(outside("-8")), "no number": model(outside("x"))} {
		if got, err := onnx.Inlined(data, func(string, int64, int64) ([]byte, error) { return nil, missing }); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
	whole := onnx.Marshal(shortcut("x", "y"))
	if got, err := onnx.Inlined(whole, nil); err != nil || &got[0] != &whole[0] {
		t.Errorf("a file that has its weights: %v", err)
	}
}
