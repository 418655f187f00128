package detect

import (
	"encoding/binary"
	"math"

	"upscaled/models/fault"
)

// faceCascade is a boosted sum of binary decision trees after Markuš et al.,
// "Object Detection with Pixel Intensity Comparisons Organized in Decision
// Trees" (2013). A tree compares pairs of pixels; a sum that is too low after
// any tree rejects the window, which is early for most windows.
//
// The file, little-endian: 8 unused bytes, int32 depth, int32 trees; then per
// tree 4 int8 for each of its 2^depth-1 inner nodes (row and column of both
// pixels, in 256ths of the window's side from its center), a float32 for each of
// its 2^depth leaves, a float32 threshold.
type faceCascade struct {
	depth      int
	codes      []int8
	leaves     []float32
	thresholds []float32
}

// Limits that keep a damaged file from demanding absurd amounts of memory.
const (
	maximumTreeDepth = 12
	maximumTrees     = 1 << 16
)

func parseFaceCascade(data []byte) (*faceCascade, error) {
	r := littleEndian{data: data}
	r.skip(8)
	depth, trees := int(r.uint32()), int(r.uint32())
	if r.short || depth < 1 || depth > maximumTreeDepth || trees < 1 || trees > maximumTrees {
		return nil, damagedCascade("face")
	}
	inner, leaves := 1<<depth-1, 1<<depth
	if len(r.data) != trees*(4*inner+4*leaves+4) {
		return nil, damagedCascade("face")
	}
	c := &faceCascade{depth: depth}
	for range trees {
		c.codes = r.int8s(c.codes, 4*inner)
		c.leaves = r.float32s(c.leaves, leaves)
		c.thresholds = r.float32s(c.thresholds, 1)
	}
	return c, nil
}

// pointCascade moves a guess towards a point of the face in stages, after Markuš
// et al., "Eye pupil localization with an ensemble of randomized trees" (2014):
// the trees of a stage vote for a shift in units of the window's side, then the
// window shrinks.
//
// The file, little-endian: int32 stages, float32 shrink factor, int32 trees per
// stage, int32 depth; then per tree the inner nodes as in faceCascade and 2
// float32 (shift down, shift right) for each leaf.
type pointCascade struct {
	stages, trees, depth int
	shrinking            float64
	codes                []int8
	leaves               []float32
}

func parsePointCascade(name string, data []byte) (*pointCascade, error) {
	r := littleEndian{data: data}
	c := &pointCascade{}
	c.stages = int(r.uint32())
	c.shrinking = float64(math.Float32frombits(r.uint32()))
	c.trees, c.depth = int(r.uint32()), int(r.uint32())
	if r.short || c.stages < 1 || c.stages > 64 || c.trees < 1 || c.trees > maximumTrees ||
		c.depth < 1 || c.depth > maximumTreeDepth || !(c.shrinking > 0 && c.shrinking <= 1) {
		return nil, damagedCascade(name)
	}
	inner, leaves := 1<<c.depth-1, 1<<c.depth
	if len(r.data) != c.stages*c.trees*(4*inner+8*leaves) {
		return nil, damagedCascade(name)
	}
	for range c.stages * c.trees {
		c.codes = r.int8s(c.codes, 4*inner)
		c.leaves = r.float32s(c.leaves, 2*leaves)
	}
	for _, v := range c.leaves {
		if !(math.Abs(float64(v)) < 16) {
			return nil, damagedCascade(name)
		}
	}
	return c, nil
}

func damagedCascade(name string) error {
	return fault.New(fault.Invalid, "The cascade for %s is missing or damaged.", name)
}

// littleEndian reads from the front of data; short is set if it runs out.
type littleEndian struct {
	data  []byte
	short bool
}

func (r *littleEndian) skip(n int) []byte {
	if len(r.data) < n {
		r.short, r.data = true, nil
		return make([]byte, n)
	}
	head := r.data[:n]
	r.data = r.data[n:]
	return head
}

func (r *littleEndian) uint32() uint32 { return binary.LittleEndian.Uint32(r.skip(4)) }

func (r *littleEndian) int8s(to []int8, n int) []int8 {
	for _, b := range r.skip(n) {
		to = append(to, int8(b))
	}
	return to
}

func (r *littleEndian) float32s(to []float32, n int) []float32 {
	for range n {
		to = append(to, math.Float32frombits(r.uint32()))
	}
	return to
}
