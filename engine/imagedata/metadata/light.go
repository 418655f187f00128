package metadata

import (
	"bytes"
	"encoding/binary"

	"upscaled/engine/imagedata"
)

// Light returns the properties mdcv and clli of an HEIF file's meta box (ISO/IEC
// 14496-12) as PNG's chunks mDCV and cLLI (third edition, sections 11.3.2.7 and 8).
func Light(meta []byte) []imagedata.Chunk {
	property := func(kind string, size uint32) []byte {
		head := append(binary.BigEndian.AppendUint32(nil, 8+size), kind...)
		_, body, found := bytes.Cut(meta, head)
		if !found || len(body) < int(size) {
			return nil
		}
		return body[:size]
	}
	var chunks []imagedata.Chunk
	if p := property("mdcv", 24); p != nil {
		// Green, blue, red there; red, green, blue in PNG.
		data := append(bytes.Clone(p[8:12]), p[:8]...)
		chunks = append(chunks, imagedata.Chunk{Kind: "mDCV", Data: append(data, p[12:]...)})
	}
	if p := property("clli", 4); p != nil {
		var data []byte
		for i := range 2 {
			const unit = 10_000 // PNG's is 0.0001 cd/m2
			data = binary.BigEndian.AppendUint32(data, unit*uint32(binary.BigEndian.Uint16(p[2*i:])))
		}
		chunks = append(chunks, imagedata.Chunk{Kind: "cLLI", Data: data})
	}
	return chunks
}
