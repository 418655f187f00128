package weights

import (
	"fmt"
	"slices"
)

// rrdb follows RRDBNet (BasicSR, rrdbnet_arch.py).
func (m *ncnnMatcher) rrdb() error {
	at, channels := m.net.input, 3
	if reorg := m.find("Reorg", func(l *ncnnLayer) bool { return l.integer(1, 0) == 0 }, at); reorg != nil {
		// Mode 0 orders channels as PyTorch's pixel_unshuffle.
		factor := reorg.integer(0, 1)
		if factor != 2 && factor != 4 {
			return mismatch(reorg.name, "unshuffles by an unknown factor")
		}
		at, channels = reorg.out[0], 3*factor*factor
	}
	conv, first, err := m.convolution("conv_first", at, channels, false)
	if err != nil {
		return err
	}
	features := conv.weight.Shape[0]
	at = first
	for block := 0; m.startsDenseBlock(at); block++ {
		if at, err = m.residualBlock(fmt.Sprintf("body.%d", block), at, features); err != nil {
			return err
		}
	}
	if _, at, err = m.same("conv_body", at, features, false); err != nil {
		return err
	}
	sum, ok := m.add(at, first)
	if !ok {
		return mismatch(at, "is not added to the first features")
	}
	return m.rrdbTail(sum, features)
}

// rrdbTail follows the upsampling and the two convolutions at full size.
func (m *ncnnMatcher) rrdbTail(at string, features int) error {
	for up := 1; ; up++ {
		doubled, ok := m.nearest(at, 2)
		if !ok {
			break
		}
		var err error
		if _, at, err = m.same(fmt.Sprintf("conv_up%d", up), doubled, features, true); err != nil {
			return err
		}
	}
	_, at, err := m.same("conv_hr", at, features, true)
	if err != nil {
		return err
	}
	last, output, err := m.convolution("conv_last", at, features, false)
	if err != nil {
		return err
	}
	if last.weight.Shape[0] != 3 {
		return mismatch(last.name, "does not have three output channels")
	}
	m.output = output
	return nil
}

// same follows a convolution that keeps the number of channels.
func (m *ncnnMatcher) same(name, input string, features int, leaky bool) (*ncnnLayer, string, error) {
	layer, output, err := m.convolution(name, input, features, leaky)
	if err == nil && layer.weight.Shape[0] != features {
		err = mismatch(layer.name, "changes the number of channels")
	}
	return layer, output, err
}

// startsDenseBlock reports whether a blob is concatenated with other blobs, as
// only the input of a dense block is.
func (m *ncnnMatcher) startsDenseBlock(blob string) bool {
	return slices.ContainsFunc(m.net.consumers[blob], func(l *ncnnLayer) bool { return l.kind == "Concat" })
}

// residualBlock follows an RRDB: three dense blocks, 0.2 of which is added to
// the block's input.
func (m *ncnnMatcher) residualBlock(name, input string, features int) (string, error) {
	at := input
	for k := 1; k <= 3; k++ {
		var err error
		if at, err = m.denseBlock(fmt.Sprintf("%s.rdb%d", name, k), at, features); err != nil {
			return "", err
		}
	}
	return m.residual(at, input)
}

// denseBlock follows five convolutions, each reading all blobs before it.
func (m *ncnnMatcher) denseBlock(name, input string, features int) (string, error) {
	parts := []string{input}
	at, channels := input, features
	for k := 1; k <= 4; k++ {
		conv, output, err := m.convolution(fmt.Sprintf("%s.conv%d", name, k), at, channels, true)
		if err != nil {
			return "", err
		}
		channels += conv.weight.Shape[0]
		parts = append(parts, output)
		concat := m.find("Concat", func(l *ncnnLayer) bool { return l.integer(0, 0) == 0 }, parts...)
		if concat == nil {
			return "", mismatch(conv.name, "is not concatenated with the ones before it")
		}
		at = concat.out[0]
	}
	conv, output, err := m.convolution(name+".conv5", at, channels, false)
	if err != nil {
		return "", err
	}
	if conv.weight.Shape[0] != features {
		return "", mismatch(conv.name, "changes the number of channels")
	}
	return m.residual(output, input)
}

// residual follows 0.2*branch + trunk, either one weighted sum or a product and
// a sum.
func (m *ncnnMatcher) residual(branch, trunk string) (string, error) {
	weighted := func(first, second float64) func(*ncnnLayer) bool {
		return func(l *ncnnLayer) bool {
			factors := l.arrays[1]
			return l.integer(0, 0) == 1 && len(factors) == 2 && near(factors[0], first) && near(factors[1], second)
		}
	}
	if layer := m.find("Eltwise", weighted(residualScale, 1), branch, trunk); layer != nil {
		return layer.out[0], nil
	}
	if layer := m.find("Eltwise", weighted(1, residualScale), trunk, branch); layer != nil {
		return layer.out[0], nil
	}
	scaled := m.find("BinaryOp", func(l *ncnnLayer) bool {
		return l.integer(0, 0) == 2 && l.integer(1, 0) == 1 && near(l.number(2, 0), residualScale)
	}, branch)
	if scaled == nil {
		return "", mismatch(branch, "is not scaled by 0.2")
	}
	output, ok := m.add(scaled.out[0], trunk)
	if !ok {
		return "", mismatch(scaled.name, "is not added to the block's input")
	}
	return output, nil
}
