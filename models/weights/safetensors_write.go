package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"upscaled/models/fault"
)

// WriteSafetensors writes t as float32 with the tensors sorted by name, so that
// equal tensors have equal bytes. metadata may be nil. A tensor whose shape does
// not match its data is fault.Internal.
func WriteSafetensors(w io.Writer, t Tensors, metadata map[string]string) error {
	names := slices.Sorted(maps.Keys(t))
	header, err := encodeSafetensorsHeader(t, names, metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("write safetensors header: %w", err)
	}
	for _, name := range names {
		if err := writeFloats(w, t[name].Data); err != nil {
			return fmt.Errorf("write tensor %s: %w", name, err)
		}
	}
	return nil
}

// encodeSafetensorsHeader returns the length prefix and the header, padded with
// spaces so that the values start at a multiple of 8 bytes.
func encodeSafetensorsHeader(t Tensors, names []string, metadata map[string]string) ([]byte, error) {
	entries := make(map[string]any, len(t)+1)
	if len(metadata) > 0 {
		entries[metadataKey] = metadata
	}
	offset := int64(0)
	for _, name := range names {
		shape := make([]int64, len(t[name].Shape))
		for i, side := range t[name].Shape {
			shape[i] = int64(side)
		}
		count, ok := elements(shape)
		if !ok || count != int64(len(t[name].Data)) || name == metadataKey {
			return nil, fault.New(fault.Internal, "The tensor %.100q cannot be stored: its shape %v does not fit its %d values.", name, shape, len(t[name].Data))
		}
		entries[name] = safetensorsEntry{Type: "F32", Shape: shape, Offsets: [2]int64{offset, offset + 4*count}}
		offset += 4 * count
	}
	raw, err := json.Marshal(entries)
	if err != nil {
		return nil, fmt.Errorf("encode safetensors header: %w", err)
	}
	padding := (8 - len(raw)%8) % 8
	header := make([]byte, safetensorsPrefix, safetensorsPrefix+len(raw)+padding)
	binary.LittleEndian.PutUint64(header, uint64(len(raw)+padding))
	header = append(header, raw...)
	return append(header, bytes.Repeat([]byte{' '}, padding)...), nil
}

func writeFloats(w io.Writer, values []float32) error {
	if nativeOrder(binary.LittleEndian) {
		_, err := w.Write(floatBytes(values))
		return err
	}
	buffer := make([]byte, 0, 4*len(values))
	for _, value := range values {
		buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(value))
	}
	_, err := w.Write(buffer)
	return err
}
