// 3x3 convolution in bfloat16 by dot products (AVX512-BF16) and Winograd's F(2,3)
// along rows: two neighboring results of a filter row take four products instead
// of six. A tile is two results y of a row, made from four inputs d:
//
//	y0 = m0+m1+m2  m0 = (d0-d2) g0          m1 = (d1+d2) (g0+g1+g2)/2
//	y1 = m1-m2+m3  m3 = (d3-d1) g2          m2 = (d2-d1) (g0-g1+g2)/2
//
// Rows are float16, so that a sum of inputs is rounded to bfloat16 once and the
// result is as close to float32 as with plain bfloat16 inputs.
#if defined(__x86_64__)

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))
#include "vec_avx512.h"

#include "bf16.h"
#include "epilogue.h"

enum {
	products = 4, pack = 32, most_tiles = 16,
	unit_rows = 16, // each unit transforms two rows more
};

// Weights are packed as [group of 64 outputs][product][filter row][pair of
// inputs][block][lane][2 inputs]. Products are in the order that the sums need:
// m1, the rounding errors of m1's weights if they are precise, m2, m0, m3.
typedef struct {
	struct cpu_conv conv;
	int pairs, precise;
} bf16_conv;

static int padded_inputs(const bf16_conv *w) { return round_up(w->conv.in, pack); }

static size_t weight_count(const bf16_conv *w, int outputs) {
	return (size_t)(products + w->precise) * 3 * w->pairs * 2 * outputs;
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
	int group = o / (lanes * max_blocks) * max_blocks * lanes, blocks = blocks_at(w->conv.out, group), place = 0;
	uint16_t *to = (uint16_t *)w->conv.weights + weight_count(w, group);
	for (int k = !w->precise; k <= products; k++)
		for (int row = 0; row < 3; row++, place++) {
			size_t block = ((size_t)place * w->pairs + c / 2) * blocks + (o - group) / lanes;
			float factor = filter(g + 3 * row, order[k]);
			if (w->precise && k == 1) factor -= bf16_to_f32(f32_to_bf16(factor));
			to[(block * lanes + o % lanes) * 2 + c % 2] = f32_to_bf16(factor);
		}
}

static cpu_conv *pack_weights(int in, int out, const float *weight, const float *bias, int precise) {
	bf16_conv *w = calloc(1, sizeof *w);
	if (!w) return NULL;
	w->conv.in = in, w->conv.out = out, w->pairs = ceil_div(in, 2), w->precise = precise != 0;
	int padded = round_up(out, lanes);
	if (!conv_alloc(&w->conv, padded, bias, weight_count(w, padded) * sizeof(uint16_t))) return NULL;
	for (int o = 0; o < out; o++)
		for (int c = 0; c < in; c++) pack_filter(w, o, c, weight + ((size_t)o * in + c) * 9);
	return &w->conv;
}

// tile_rows is a microkernel's input: three transformed rows of
// [product][tile][channel], NULL for rows beyond the image, and the distances of
// tiles and products in elements.
typedef struct {
	const uint16_t *rows[3];
	size_t tile, product;
} tile_rows;

// multiply adds one product of count tiles to acc and moves weights on.
INLINE void multiply(const uint16_t **weights, const tile_rows *s, int product, int pairs, int blocks, int count, vec acc[most_tiles][max_blocks]) {
	const uint16_t *w = *weights;
	for (int row = 0; row < 3; row++) {
		const uint16_t *from = s->rows[row];
		if (!from) {
			w += (size_t)pairs * blocks * lanes * 2;
			continue;
		}
		from += product * s->product;
		for (int pair = 0; pair < pairs; pair++, from += 2, w += blocks * lanes * 2) {
			__m512bh factors[max_blocks];
#pragma GCC unroll 4
			for (int k = 0; k < blocks; k++) {
				factors[k] = (__m512bh)_mm512_load_si512(w + k * lanes * 2);
				__builtin_prefetch(w + (16 * blocks + k) * lanes * 2);
			}
#pragma GCC unroll 16
			for (int t = 0; t < count; t++) {
				int both;
				memcpy(&both, from + t * s->tile, 4);
				__m512bh v = (__m512bh)_mm512_set1_epi32(both);
#pragma GCC unroll 4
				for (int k = 0; k < blocks; k++) acc[t][k] = _mm512_dpbf16_ps(acc[t][k], factors[k], v);
			}
		}
	}
	*weights = w;
}

// microkernel computes count tiles, whose first n results are the image's, of one
// group's channels from x on. blocks and count are constants at its callers.
INLINE void microkernel(const bf16_conv *w, const tile_rows *s, int first, int blocks, int count, int n, const out_row *to, int x) {
	const uint16_t *weights = (const uint16_t *)w->conv.weights + weight_count(w, first);
	vec acc[most_tiles][max_blocks], saved[most_tiles][max_blocks];
#pragma GCC unroll 16
	for (int t = 0; t < count; t++)
#pragma GCC unroll 4
		for (int k = 0; k < blocks; k++) acc[t][k] = vec_load(w->conv.bias + first + k * lanes);
	for (int i = 0; i <= w->precise; i++) multiply(&weights, s, 1, w->pairs, blocks, count, acc);
#pragma GCC unroll 16
	for (int t = 0; t < count; t++)
#pragma GCC unroll 4
		for (int k = 0; k < blocks; k++) {
			saved[t][k] = acc[t][k];
			acc[t][k] = vec_zero();
		}
	multiply(&weights, s, 2, w->pairs, blocks, count, acc);
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
		multiply(&weights, s, 3 * half, w->pairs, blocks, count, acc);
#pragma GCC unroll 16
		for (int t = 0; t < count; t++)
#pragma GCC unroll 4
			for (int k = 0; k < blocks; k++) {
				int c = first + k * lanes;
				if (2 * t + half < n) finish(to, acc[t][k], x + 2 * t + half, c, w->conv.out - c);
			}
	}
}

#define MICROKERNEL(blocks, count) \
	TARGET static __attribute__((noinline)) void microkernel##blocks(const bf16_conv *w, const tile_rows *s, int first, int n, const out_row *to, int x) { \
		microkernel(w, s, first, blocks, count, n, to, x); \
	}
MICROKERNEL(1, 16)
MICROKERNEL(2, 12)
MICROKERNEL(3, 8)
MICROKERNEL(4, 6)

// tiles_of returns the tiles of a microkernel that computes the given blocks: as many
// as the registers hold sums for.
static int tiles_of(int blocks) { return blocks == 1 ? 16 : accumulators / blocks; }

// transform makes the four inputs of products of count tiles, whose positions
// begin at from.
TARGET static void transform(const uint16_t *from, size_t step, uint16_t *to, int padded, int count) {
	size_t product = (size_t)count * padded;
	for (int c = 0; c < padded; c += pack) {
		const uint16_t *next = from + c;
		vec d[4][2], v[products][2];
		for (int i = 2; i < 4; i++, next += step)
			for (int h = 0; h < 2; h++) d[i][h] = _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(next + h * lanes)));
		for (int t = 0; t < count; t++) {
			for (int h = 0; h < 2; h++) d[0][h] = d[2][h], d[1][h] = d[3][h];
			for (int i = 2; i < 4; i++, next += step)
				for (int h = 0; h < 2; h++) d[i][h] = _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(next + h * lanes)));
			for (int h = 0; h < 2; h++) {
				v[0][h] = vec_sub(d[0][h], d[2][h]);
				v[1][h] = vec_add(d[1][h], d[2][h]);
				v[2][h] = vec_sub(d[2][h], d[1][h]);
				v[3][h] = vec_sub(d[3][h], d[1][h]);
			}
			for (int k = 0; k < products; k++)
				_mm512_storeu_si512(to + k * product + (size_t)t * padded + c, (__m512i)_mm512_cvtne2ps_pbh(v[k][1], v[k][0]));
		}
	}
}

// Scratch holds the transformed rows of a unit, and copied inputs.
static size_t transformed_size(const bf16_conv *w) {
	return (size_t)(unit_rows + 2) * products * most_tiles * padded_inputs(w);
}

static size_t scratch_bytes(const cpu_conv *conv) {
	const bf16_conv *w = (const bf16_conv *)conv;
	return (transformed_size(w) + (size_t)(2 * most_tiles + 2) * padded_inputs(w)) * sizeof(uint16_t);
}

// A unit is a column of tiles, as wide as the microkernel of the first group of
// channels, which computes the most blocks.
static int unit_width(const cpu_conv *conv) { return 2 * tiles_of(blocks_at(conv->out, 0)); }

static int units(const cpu_conv *conv, const cpu_band *b) {
	return ceil_div(b->width, unit_width(conv)) * ceil_div(b->rows, unit_rows);
}

// run_group computes a unit's rows y to end of the group of channels that begins
// at first, positions x to stop, in one microkernel's tiles.
static void run_group(const bf16_conv *w, const cpu_band *b, uint16_t *scratch, int first, int y, int end, int x, int stop) {
	int blocks = blocks_at(w->conv.out, first), count = tiles_of(blocks), padded = padded_inputs(w);
	int n = min_int(stop - x, 2 * count);
	size_t product = (size_t)count * padded, row = products * product, step;
	for (int from = y - 1; from <= end; from++) {
		if (from < 0 || from >= b->height) continue;
		const char *at = gather(b, from, x - 1, 2 * count + 2, 0, w->conv.in, padded, (char *)(scratch + transformed_size(w)), &step);
		transform((const uint16_t *)at, step, scratch + (from - y + 1) * row, padded, count);
	}
	for (; y < end; y++, scratch += row) {
		tile_rows s = {{NULL, NULL, NULL}, padded, product};
		for (int i = 0; i < 3; i++)
			if (y - 1 + i >= 0 && y - 1 + i < b->height) s.rows[i] = scratch + i * row;
		out_row to = out_row_of(b, y);
		switch (blocks) {
		case 4: microkernel4(w, &s, first, n, &to, x); break;
		case 3: microkernel3(w, &s, first, n, &to, x); break;
		case 2: microkernel2(w, &s, first, n, &to, x); break;
		default: microkernel1(w, &s, first, n, &to, x);
		}
	}
}

static void run(const cpu_conv *conv, const cpu_band *b, void *scratch, int unit) {
	int width = unit_width(conv), across = ceil_div(b->width, width);
	int y = b->y + unit / across * unit_rows, end = min_int(y + unit_rows, b->y + b->rows);
	int begin = unit % across * width, stop = min_int(begin + width, b->width);
	for (int first = 0; first < conv->out; first += max_blocks * lanes)
		for (int x = begin; x < stop; x += 2 * tiles_of(blocks_at(conv->out, first)))
			run_group((const bf16_conv *)conv, b, scratch, first, y, end, x, stop);
}

const cpu_kernel cpu_dot_bf16_avx512 = {
	"dot product", CPU_F16, 1, pack_weights, scratch_bytes, units, run,
};

#endif
