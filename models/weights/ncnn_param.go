package weights

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"upscaled/models/fault"
)

const (
	ncnnMagic = "7767517"
	// maxNCNNLayers is 20 times what RRDBNet with 23 blocks has.
	maxNCNNLayers = 20_000
	maxNCNNBlobs  = 100_000
	// ncnnArray and the keys below it mark arrays: key k holds parameter
	// ncnnArray-k.
	ncnnArray = -23300
)

// ncnnLayer is one line of a .param file and the weights that belong to it.
type ncnnLayer struct {
	kind, name string
	// in holds the blobs under their producers' names, with Splits resolved.
	in, out []string
	numbers map[int]float64
	arrays  map[int][]float64

	// weight, bias and inChannels are set for Convolution, weight for PReLU.
	weight, bias Tensor
	inChannels   int
}

// number returns a parameter, or absent (ncnn's default) if it is not set.
func (l *ncnnLayer) number(key int, absent float64) float64 {
	if value, ok := l.numbers[key]; ok {
		return value
	}
	return absent
}

// integer returns a whole, non-negative parameter and -1 for anything else.
func (l *ncnnLayer) integer(key, absent int) int {
	value := l.number(key, float64(absent))
	if value != math.Trunc(value) || value < 0 || value > maxDimension {
		return -1
	}
	return int(value)
}

func (l *ncnnLayer) takes(inputs []string) bool { return slices.Equal(l.in, inputs) }

// ncnnNetwork is a parsed .param file with its Split layers resolved.
type ncnnNetwork struct {
	layers []*ncnnLayer
	input  string
	// consumers lists the layers that read a blob, in the file's order.
	consumers map[string][]*ncnnLayer
}

// parseNCNNParam reads the text form: the magic number, the counts of layers and
// blobs, and per layer "type name inputs outputs in... out... key=value...".
func parseNCNNParam(param []byte) (*ncnnNetwork, error) {
	lines := bytes.Split(bytes.TrimSpace(param), []byte("\n"))
	if len(lines) < 2 || string(bytes.TrimSpace(lines[0])) != ncnnMagic {
		return nil, damaged(nil, "it is not a text .param file of ncnn")
	}
	var layers, blobs int
	if n, err := fmt.Sscan(string(lines[1]), &layers, &blobs); n != 2 || err != nil {
		return nil, damaged(err, "the counts of layers and blobs are missing")
	}
	lines = lines[2:]
	if layers != len(lines) {
		return nil, damaged(nil, fmt.Sprintf("it announces %d layers and has %d", layers, len(lines)))
	}
	if layers > maxNCNNLayers || blobs > maxNCNNBlobs {
		return nil, fault.New(fault.TooLarge, "The ncnn model has %d layers; the limit is %d.", layers, maxNCNNLayers)
	}
	b := &ncnnBuilder{
		net:    &ncnnNetwork{consumers: map[string][]*ncnnLayer{}},
		source: map[string]string{},
	}
	for _, line := range lines {
		layer, err := parseNCNNLayer(strings.Fields(string(line)))
		if err != nil {
			return nil, damaged(err, "a layer's description cannot be read")
		}
		if err := b.add(layer); err != nil {
			return nil, err
		}
	}
	if b.net.input == "" {
		return nil, damaged(nil, "the model has no input")
	}
	return b.net, nil
}

func parseNCNNLayer(fields []string) (*ncnnLayer, error) {
	if len(fields) < 4 {
		return nil, fmt.Errorf("a layer has %d of at least 4 fields", len(fields))
	}
	ins, errIn := strconv.Atoi(fields[2])
	outs, errOut := strconv.Atoi(fields[3])
	rest := fields[4:]
	if errIn != nil || errOut != nil || ins < 0 || outs < 0 || ins > len(rest) || outs > len(rest)-ins {
		return nil, fmt.Errorf("a layer lists fewer blobs than it announces")
	}
	layer := &ncnnLayer{
		kind: fields[0], name: fields[1], in: rest[:ins], out: rest[ins : ins+outs],
		numbers: map[int]float64{}, arrays: map[int][]float64{},
	}
	for _, pair := range rest[ins+outs:] {
		if err := layer.parseParameter(pair); err != nil {
			return nil, fmt.Errorf("parameter %.40q: %w", pair, err)
		}
	}
	return layer, nil
}

// parseParameter reads "key=value", or "key=count,value,value..." for arrays.
func (l *ncnnLayer) parseParameter(pair string) error {
	name, value, _ := strings.Cut(pair, "=")
	key, err := strconv.Atoi(name)
	if err != nil {
		return err
	}
	if key > ncnnArray {
		l.numbers[key], err = strconv.ParseFloat(value, 64)
		return err
	}
	items := strings.Split(value, ",")
	if count, err := strconv.Atoi(items[0]); err != nil || count != len(items)-1 {
		return fmt.Errorf("an array does not have the announced length")
	}
	values := make([]float64, len(items)-1)
	for i, item := range items[1:] {
		if values[i], err = strconv.ParseFloat(item, 64); err != nil {
			return err
		}
	}
	l.arrays[ncnnArray-key] = values
	return nil
}

// ncnnBuilder links layers. source maps every blob to the blob it copies, so
// that Split layers disappear.
type ncnnBuilder struct {
	net    *ncnnNetwork
	source map[string]string
}

func (b *ncnnBuilder) add(layer *ncnnLayer) error {
	for i, blob := range layer.in {
		source, ok := b.source[blob]
		if !ok {
			return damaged(nil, fmt.Sprintf("layer %.100q reads a blob that no layer has written", layer.name))
		}
		layer.in[i] = source
	}
	for _, blob := range layer.out {
		if _, ok := b.source[blob]; ok {
			return damaged(nil, fmt.Sprintf("layer %.100q writes a blob that exists already", layer.name))
		}
		b.source[blob] = blob
	}
	switch {
	case layer.kind == "Split" && len(layer.in) == 1:
		for _, blob := range layer.out {
			b.source[blob] = layer.in[0]
		}
		return nil
	case layer.kind == "Input" && len(layer.in) == 0 && len(layer.out) == 1 && b.net.input == "":
		b.net.input = layer.out[0]
		return nil
	case len(layer.in) == 0 || len(layer.out) != 1:
		return mismatch(layer.name, "has an unexpected number of inputs or outputs")
	}
	for i, blob := range layer.in {
		if !slices.Contains(layer.in[:i], blob) {
			b.net.consumers[blob] = append(b.net.consumers[blob], layer)
		}
	}
	b.net.layers = append(b.net.layers, layer)
	return nil
}
