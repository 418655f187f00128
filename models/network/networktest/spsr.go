package networktest

import (
	"fmt"
	"math"
	"math/rand/v2"

	"upscaled/models/weights"
)

// SPSR is the two-branch RRDBNet of SPSR (architecture.py, SPSRNet), of tensors in the
// published names.
func SPSR(t weights.Tensors, in Image) Image {
	edges := made(3, in.Height, in.Width, func(c, y, x int) float64 {
		dx, dy := in.At(c, y, x+1)-in.At(c, y, x-1), in.At(c, y+1, x)-in.At(c, y-1, x)
		return math.Sqrt(dx*dx + dy*dy + 1e-6)
	})
	block := func(name string, x Image) Image {
		h := x
		for k := 1; k <= 3; k++ {
			seen := h
			for j := 1; j <= 4; j++ {
				seen = concat(seen, leaky(conv(t, fmt.Sprintf("%s.RDB%d.conv%d.0", name, k, j), seen)))
			}
			h = sum(0.2, conv(t, fmt.Sprintf("%s.RDB%d.conv5.0", name, k), seen), h)
		}
		return sum(0.2, h, x)
	}
	first, second := conv(t, "model.0", in), conv(t, "b_fea_conv.0", edges)
	h, g := first, second
	blocks := 0
	for ; t[fmt.Sprintf("model.1.sub.%d.RDB1.conv1.0.weight", blocks)].Data != nil; blocks++ {
		h = block(fmt.Sprintf("model.1.sub.%d", blocks), h)
		if stage := (blocks + 1) / 5; (blocks+1)%5 == 0 && stage <= 4 {
			g = conv(t, fmt.Sprintf("b_concat_%d.0", stage), block(fmt.Sprintf("b_block_%d", stage), concat(g, h)))
		}
	}
	h = sum(1, conv(t, fmt.Sprintf("model.1.sub.%d", blocks), h), first)
	g = sum(1, conv(t, "b_LR_conv.0", g), second)
	up := 0
	for ; t[fmt.Sprintf("b_module.%d.weight", 3*up+1)].Data != nil; up++ {
		h = leaky(conv(t, fmt.Sprintf("model.%d", 3*up+3), nearest(h, 2)))
		g = leaky(conv(t, fmt.Sprintf("b_module.%d", 3*up+1), nearest(g, 2)))
	}
	h = conv(t, "HR_conv1_new.0", leaky(conv(t, fmt.Sprintf("model.%d", 3*up+2), h)))
	g = conv(t, fmt.Sprintf("b_module.%d", 3*up+2), leaky(conv(t, fmt.Sprintf("b_module.%d", 3*up), g)))
	h = conv(t, "f_concat.0", block("f_block", concat(g, h)))
	return conv(t, "f_HR_conv1.0", leaky(conv(t, "f_HR_conv0.0", h)))
}

// RandomSPSR returns SPSR tensors in the published names.
func RandomSPSR(seed uint64, blocks, features, ups int) weights.Tensors {
	m := maker{rand.New(rand.NewPCG(seed, 9)), weights.Tensors{}}
	same := func(name string) { m.conv(name, features, features, 1) }
	block := func(name string, features int) {
		const growth = 3
		for k := 1; k <= 3; k++ {
			for j := 1; j <= 4; j++ {
				m.conv(fmt.Sprintf("%s.RDB%d.conv%d.0", name, k, j), growth, features+(j-1)*growth, 1)
			}
			m.conv(fmt.Sprintf("%s.RDB%d.conv5.0", name, k), features, features+4*growth, 1)
		}
	}
	m.conv("model.0", features, 3, 1)
	m.conv("b_fea_conv.0", features, 3, 1)
	for i := range blocks {
		block(fmt.Sprintf("model.1.sub.%d", i), features)
	}
	same(fmt.Sprintf("model.1.sub.%d", blocks))
	for i := 1; i <= 4; i++ {
		block(fmt.Sprintf("b_block_%d", i), 2*features)
		m.conv(fmt.Sprintf("b_concat_%d.0", i), features, 2*features, 1)
	}
	for i := range ups {
		same(fmt.Sprintf("model.%d", 3*i+3))
		same(fmt.Sprintf("b_module.%d", 3*i+1))
	}
	for _, name := range []string{"b_LR_conv.0", fmt.Sprintf("model.%d", 3*ups+2), "HR_conv1_new.0", fmt.Sprintf("b_module.%d", 3*ups), fmt.Sprintf("b_module.%d", 3*ups+2), "f_HR_conv0.0"} {
		same(name)
	}
	block("f_block", 2*features)
	m.conv("f_concat.0", features, 2*features, 1)
	m.conv("f_HR_conv1.0", 3, features, 0.01)
	m.raise("f_HR_conv1.0.bias", 0.5)
	m.convOf("conv_w.0", 3, features, 1, 1)
	for _, part := range []string{".weight", ".bias"} {
		m.tensors["HR_conv0_new.0"+part] = m.tensors[fmt.Sprintf("model.%d", 3*ups+2)+part]
	}
	m.tensors["get_g_nopadding.weight_h"] = weights.Tensor{Shape: []int{1, 1, 3, 3}, Data: []float32{0, 0, 0, -1, 0, 1, 0, 0, 0}}
	m.tensors["get_g_nopadding.weight_v"] = weights.Tensor{Shape: []int{1, 1, 3, 3}, Data: []float32{0, -1, 0, 0, 0, 0, 0, 1, 0}}
	return m.tensors
}
