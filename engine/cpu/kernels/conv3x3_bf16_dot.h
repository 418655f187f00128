// 3x3 convolution in bfloat16 by dot products and Winograd's F(2,3) along rows: two
// neighboring results of a filter row take four products instead of six. A tile is
// two results y of a row, made from four inputs d:
//
//	y0 = m0+m1+m2  m0 = (d0-d2) g0          m1 = (d1+d2) (g0+g1+g2)/2
//	y1 = m1-m2+m3  m3 = (d3-d1) g2          m2 = (d2-d1) (g0-g1+g2)/2
//
// Rows are float16, so that a sum of inputs is rounded to bfloat16 once and the
// result is as close to float32 as with plain bfloat16 inputs.
//
// It is included behind a vec_*.h header and the definition of an instruction that
// multiplies dot_inputs inputs of dot_tiles tiles by weights of lanes/dot_tiles
// outputs: dot_vec, dot_load, dot_load_tiles, dot_fma, dot_tile, dot_store.

#include "bf16.h"
#include "epilogue.h"

enum {
	products = 4, most_tiles = 16,
	unit_rows = 16, // each unit transforms two rows more
	dot_elements = lanes * dot_inputs / dot_tiles, // of a vector of weights
};

// Weights are packed as [group][product][filter row][dot_inputs inputs][block][lane]
// [input]. Products are in the order that the sums need: m1, the rounding errors of
// m1's weights if they are precise, m2, m0, m3.
typedef struct {
	struct cpu_conv conv;
	int steps, precise;
	int groups, blocks; // of outputs; all groups have the same
	int tiles;          // of a microkernel
} bf16_conv;

static int padded_inputs(const bf16_conv *w) { return round_up(w->conv.in, lanes); }

// group_size returns how many weights a group has.
static size_t group_size(const bf16_conv *w) {
	return (size_t)(products + w->precise) * 3 * w->steps * dot_inputs * w->blocks * lanes;
}

// filter returns a product's factor of a filter row.
static float filter(const float *g, int product) {
	switch (product) {
	case 0: return g[0];
	case 1: return (g[0] + g[1] + g[2]) / 2;
	case 2: return (g[0] - g[1] + g[2]) / 2;
	default: return g[2];
	}
}

static void pack_filter(const bf16_conv *w, int o, int c, const float *g) {
	static const int order[] = {1, 1, 2, 0, 3};
	int block = o / lanes, place = 0;
	uint16_t *to = (uint16_t *)w->conv.weights + block / w->blocks * group_size(w);
	for (int k = !w->precise; k <= products; k++)
		for (int row = 0; row < 3; row++, place++) {
			size_t at = ((size_t)place * w->steps + c / dot_inputs) * w->blocks + block % w->blocks;
			float factor = filter(g + 3 * row, order[k]);
			if (w->precise && k == 1) factor -= bf16_to_f32(f32_to_bf16(factor));
			to[(at * lanes + o % lanes) * dot_inputs + c % dot_inputs] = f32_to_bf16(factor);
		}
}

// tiles_of returns the tiles of a microkernel that computes the given blocks: as many
// as the registers hold sums for.
static int tiles_of(int blocks) { return blocks == 1 ? 16 : accumulators / blocks; }

static cpu_conv *pack_weights(int in, int out, const float *weight, const float *bias, int precise) {
	bf16_conv *w = calloc(1, sizeof *w);
	if (!w) return NULL;
	int blocks = ceil_div(out, lanes);
	w->conv.in = in, w->conv.out = out, w->steps = ceil_div(in, dot_inputs), w->precise = precise != 0;
	w->groups = ceil_div(blocks, DOT_MAX_BLOCKS), w->blocks = ceil_div(blocks, w->groups), w->tiles = tiles_of(w->blocks);
	if (!conv_alloc(&w->conv, w->groups * w->blocks * lanes, bias, w->groups * group_size(w) * sizeof(uint16_t))) return NULL;
	for (int o = 0; o < out; o++)
		for (int c = 0; c < in; c++) pack_filter(w, o, c, weight + ((size_t)o * in + c) * 9);
	return &w->conv;
}

// tile_rows is a microkernel's input: three transformed rows, NULL for rows beyond
// the image, of [product][dot_tiles tiles][dot_inputs channels][tile][channel], and
// the distances of tiles and products in elements.
typedef struct {
	const uint16_t *rows[3];
	size_t tile, product;
} tile_rows;

// multiply adds one product of count tiles to acc and moves weights on.
INLINE void multiply(const uint16_t **weights, const tile_rows *s, int product, int steps, int blocks, int count, vec acc[most_tiles][DOT_MAX_BLOCKS]) {
	const uint16_t *w = *weights;
	for (int row = 0; row < 3; row++) {
		const uint16_t *from = s->rows[row];
		if (!from) {
			w += (size_t)steps * blocks * lanes * dot_inputs;
			continue;
		}
		from += product * s->product;
		for (int step = 0; step < steps; step++, from += dot_tiles * dot_inputs, w += blocks * lanes * dot_inputs) {
			dot_vec factors[DOT_MAX_BLOCKS * dot_tiles];
#pragma GCC unroll 4
			for (int k = 0; k < blocks * dot_tiles; k++) {
				factors[k] = dot_load(w + k * dot_elements);
				__builtin_prefetch(w + (16 * blocks * dot_tiles + k) * dot_elements);
			}
#pragma GCC unroll 16
			for (int t = 0; t < count; t += dot_tiles) {
				dot_vec v = dot_load_tiles(from + t * s->tile);
#pragma GCC unroll 4
				for (int k = 0; k < blocks; k++)
#pragma GCC unroll 2
					for (int i = 0; i < dot_tiles; i++) acc[t + i][k] = dot_fma(acc[t + i][k], factors[k * dot_tiles + i], v);
			}
		}
	}
	*weights = w;
}

// microkernel computes count tiles, whose first n results are the image's, of one
// group's channels from x on. blocks and count are constants at its callers.
INLINE void microkernel(const bf16_conv *w, const tile_rows *s, int group, int blocks, int count, int n, const out_row *to, int x) {
	const uint16_t *weights = (const uint16_t *)w->conv.weights + group * group_size(w);
	int first = group * blocks * lanes;
	vec acc[most_tiles][DOT_MAX_BLOCKS], saved[most_tiles][DOT_MAX_BLOCKS];
#pragma GCC unroll 16
	for (int t = 0; t < count; t++)
#pragma GCC unroll 4
		for (int k = 0; k < blocks; k++) acc[t][k] = vec_zero();
	for (int i = 0; i <= w->precise; i++) multiply(&weights, s, 1, w->steps, blocks, count, acc);
#pragma GCC unroll 16
	for (int t = 0; t < count; t++)
#pragma GCC unroll 4
		for (int k = 0; k < blocks; k++) {
			saved[t][k] = acc[t][k];
			acc[t][k] = vec_zero();
		}
	multiply(&weights, s, 2, w->steps, blocks, count, acc);
#pragma GCC unroll 16
	for (int t = 0; t < count; t++)
#pragma GCC unroll 4
		for (int k = 0; k < blocks; k++) {
			vec m1 = saved[t][k];
			saved[t][k] = vec_sub(m1, acc[t][k]);
			acc[t][k] = vec_add(m1, acc[t][k]);
		}
	for (int half = 0; half < 2; half++) {
		if (half == 1) {
#pragma GCC unroll 16
			for (int t = 0; t < count; t++)
#pragma GCC unroll 4
				for (int k = 0; k < blocks; k++) acc[t][k] = saved[t][k];
		}
		multiply(&weights, s, 3 * half, w->steps, blocks, count, acc);
#pragma GCC unroll 16
		for (int t = 0; t < count; t++)
#pragma GCC unroll 4
			for (int k = 0; k < blocks; k++) {
				int c = first + k * lanes;
				if (2 * t + half < n && c < w->conv.out)
					finish(to, vec_add(dot_tile(acc, t, k), vec_load(w->conv.bias + c)), x + 2 * t + half, c, w->conv.out - c);
			}
	}
}

#define MICROKERNEL(blocks, count) \
	TARGET static __attribute__((noinline)) void microkernel##blocks(const bf16_conv *w, const tile_rows *s, int group, int n, const out_row *to, int x) { \
		microkernel(w, s, group, blocks, count, n, to, x); \
	}
MICROKERNEL(1, 16)
MICROKERNEL(2, 12)
#if DOT_MAX_BLOCKS > 2
MICROKERNEL(3, 8)
MICROKERNEL(4, 6)
#endif

// transform makes the four inputs of products of count tiles, whose positions
// begin at from.
TARGET static void transform(const uint16_t *from, size_t step, uint16_t *to, int padded, int count) {
	size_t product = (size_t)count * padded;
	for (int c = 0; c < padded; c += lanes) {
		const uint16_t *next = from + c;
		vec d[4];
		for (int i = 2; i < 4; i++, next += step) d[i] = vec_load_f16_n(next, lanes);
		for (int t = 0; t < count; t++) {
			d[0] = d[2], d[1] = d[3];
			for (int i = 2; i < 4; i++, next += step) d[i] = vec_load_f16_n(next, lanes);
			uint16_t *at = to + (size_t)(t / dot_tiles * padded + c) * dot_tiles + t % dot_tiles * dot_inputs;
			dot_store(at, vec_sub(d[0], d[2]));
			dot_store(at + product, vec_add(d[1], d[2]));
			dot_store(at + 2 * product, vec_sub(d[2], d[1]));
			dot_store(at + 3 * product, vec_sub(d[3], d[1]));
		}
	}
}

// Scratch holds the transformed rows of a unit, and copied inputs.
static size_t transformed_size(const bf16_conv *w) {
	return (size_t)(unit_rows + 2) * products * w->tiles * padded_inputs(w);
}

static size_t scratch_bytes(const cpu_conv *conv) {
	const bf16_conv *w = (const bf16_conv *)conv;
	return (transformed_size(w) + (size_t)(2 * w->tiles + 2) * padded_inputs(w)) * sizeof(uint16_t);
}

// A unit is a column of a microkernel's tiles.
static int units(const cpu_conv *conv, const cpu_band *b) {
	return ceil_div(b->width, 2 * ((const bf16_conv *)conv)->tiles) * ceil_div(b->rows, unit_rows);
}

static void run(const cpu_conv *conv, const cpu_band *b, void *scratch, int unit) {
	const bf16_conv *w = (const bf16_conv *)conv;
	int width = 2 * w->tiles, across = ceil_div(b->width, width), padded = padded_inputs(w);
	int y = b->y + unit / across * unit_rows, end = min_int(y + unit_rows, b->y + b->rows);
	int x = unit % across * width, n = min_int(b->width - x, width);
	size_t product = (size_t)w->tiles * padded, row = products * product, step;
	uint16_t *transformed = scratch;
	for (int from = y - 1; from <= end; from++) {
		if (from < 0 || from >= b->height) continue;
		const char *at = gather(b, from, x - 1, width + 2, 0, conv->in, padded, (char *)(transformed + transformed_size(w)), &step);
		transform((const uint16_t *)at, step, transformed + (from - y + 1) * row, padded, w->tiles);
	}
	for (int group = 0; group < w->groups; group++)
		for (int at = y; at < end; at++) {
			tile_rows s = {{NULL, NULL, NULL}, padded, product};
			for (int i = 0; i < 3; i++)
				if (at - 1 + i >= 0 && at - 1 + i < b->height) s.rows[i] = transformed + (at - y + i) * row;
			out_row to = out_row_of(b, at);
			switch (w->blocks) {
#if DOT_MAX_BLOCKS > 2
			case 4: microkernel4(w, &s, group, n, &to, x); break;
			case 3: microkernel3(w, &s, group, n, &to, x); break;
#endif
			case 2: microkernel2(w, &s, group, n, &to, x); break;
			default: microkernel1(w, &s, group, n, &to, x);
			}
		}
}

const cpu_kernel NAME(dot_bf16) = {
	"dot product", CPU_F16, CPU_BF16, 1, pack_weights, scratch_bytes, units, run,
};
