// 3x3 convolution by Winograd's F(4x4,3x3): 36 products make 16 results (Lavin and
// Gray, Fast Algorithms for Convolutional Neural Networks, 2015). It is included
// behind a vec_*.h header and winograd_f32.h or winograd_f16.h, which define the
// elements that are multiplied.
//
// A unit is a strip of tiles of one tile row. Its inputs are transformed in chunks
// of channels; then each of the 36 points is a matrix product of tiles x channels
// with channels x outputs. Weights are packed as
// [chunk][group of max_blocks blocks][point][input][block][lane].

#include "epilogue.h"

enum {
	wino_tile = 4, wino_side = 6, wino_points = 36,
	wino_strip = 12, // tiles; a multiple of every microkernel's
	wino_step = 6,   // tiles of the widest microkernel
	wino_columns = wino_strip * wino_tile + 2,
	// A chunk's transformed strip and the products stay in the second-level cache.
	wino_chunk = 96,
};

static inline int wino_chunks(int in) { return ceil_div(in, wino_chunk); }

// wino_begin returns the first channel of a chunk; chunks are of about one size,
// in whole vectors.
static inline int wino_begin(int in, int chunk) {
	return min_int(in, chunk * round_up(ceil_div(in, wino_chunks(in)), lanes));
}

// The algorithm's points are 0, +-1/sqrt(2), +-sqrt(2) and infinity: float16 by 0,
// +-1, +-2 and infinity would be 8 dB further from float32.
static const float wino_near = 0.70710678f, wino_far = 1.41421356f;

// wino_filter transforms three taps, from step apart, to six points.
static inline void wino_filter(const float *g, int step, float *to, int to_step) {
	float a = g[0], b = g[step], c = g[2 * step];
	to[0] = a;
	to[to_step] = -(a + wino_near * b + c / 2) / 1.5f;
	to[2 * to_step] = -(a - wino_near * b + c / 2) / 1.5f;
	to[3 * to_step] = (a + wino_far * b + 2 * c) / 6;
	to[4 * to_step] = (a - wino_far * b + 2 * c) / 6;
	to[5 * to_step] = c;
}

// Groups are of up to wino_group outputs.
enum { wino_group = max_blocks * wino_lanes };

static inline int wino_blocks_at(int out, int first) { return min_int(ceil_div(out - first, wino_lanes), max_blocks); }

TARGET static cpu_conv *wino_pack(int in, int out, const float *weight, const float *bias, int precise) {
	(void)precise;
	DIRECTLY(in, direct_pack(in, out, weight, bias, precise));
	int padded = round_up(out, wino_lanes);
	cpu_conv *conv = conv_new(in, out, padded, bias, (size_t)wino_points * padded * in * sizeof(wino_element));
	if (!conv) return NULL;
	for (int o = 0; o < out; o++) {
		int group = o / wino_group * wino_group, blocks = wino_blocks_at(out, group);
		for (int chunk = 0; chunk < wino_chunks(in); chunk++) {
			int begin = wino_begin(in, chunk), inputs = wino_begin(in, chunk + 1) - begin;
			wino_element *to = (wino_element *)conv->weights + (size_t)wino_points * ((size_t)begin * padded + (size_t)inputs * group);
			for (int c = 0; c < inputs; c++) {
				const float *g = weight + ((size_t)o * in + begin + c) * 9;
				float half[3 * wino_side], whole[wino_points];
				for (int i = 0; i < 3; i++) wino_filter(g + i, 3, half + i, 3);
				for (int i = 0; i < wino_side; i++) wino_filter(half + 3 * i, 1, whole + wino_side * i, 1);
				for (int p = 0; p < wino_points; p++)
					to[(((size_t)p * inputs + c) * blocks + (o - group) / wino_lanes) * wino_lanes + o % wino_lanes] = wino_from_f32(whole[p]);
			}
		}
	}
	return conv;
}

// wino_transform_6 transforms six inputs in place.
INLINE void wino_transform_6(vec *d) {
	const vec two = vec_set1(2), half = vec_set1(0.5f), near = vec_set1(wino_near);
	vec a = vec_fnma(two, d[2], d[4]), b = vec_fnma(two, d[1], d[3]);
	vec e = vec_fnma(half, d[2], d[4]), f = vec_fnma(two, d[3], d[1]);
	d[0] = vec_fnma(half, d[2], vec_add(d[0], a));
	d[5] = vec_fnma(half, d[3], vec_add(d[5], f));
	d[1] = vec_fma(near, b, a), d[2] = vec_fnma(near, b, a);
	d[3] = vec_fnma(near, f, e), d[4] = vec_fma(near, f, e);
}

// wino_output transforms six products to four results.
INLINE void wino_output(const vec *m, vec *y) {
	vec a = vec_add(m[1], m[2]), b = vec_mul(vec_set1(wino_near), vec_sub(m[1], m[2]));
	vec c = vec_add(m[3], m[4]), d = vec_sub(m[3], m[4]);
	const vec half = vec_set1(0.5f);
	y[0] = vec_add(m[0], vec_add(a, c));
	y[1] = vec_fma(vec_set1(wino_far), d, b);
	y[2] = vec_fma(vec_set1(2), c, vec_mul(half, a));
	y[3] = vec_fma(vec_set1(2 * wino_far), d, vec_fma(half, b, m[5]));
}

// wino_transform transforms the inputs of count tiles: rows point to the six rows
// of inputs, positions step elements apart, NULL for zeros. to is
// [point][tile][padded channel], the first channels of which are written.
TARGET static void wino_transform(const wino_element *const rows[wino_side], size_t step, int channels, int padded, int count, wino_element *to) {
	float columns[wino_side][wino_columns][lanes];
	for (int c = 0; c < channels; c += lanes) {
		int n = channels - c;
		for (int x = 0; x < count * wino_tile + 2; x++) {
			vec d[wino_side];
#pragma GCC unroll 6
			for (int i = 0; i < wino_side; i++) d[i] = rows[i] ? wino_load_n(rows[i] + x * step + c, n) : vec_zero();
			wino_transform_6(d);
#pragma GCC unroll 6
			for (int i = 0; i < wino_side; i++) vec_store(columns[i][x], d[i]);
		}
		for (int i = 0; i < wino_side; i++)
			for (int t = 0; t < count; t++) {
				vec d[wino_side];
#pragma GCC unroll 6
				for (int k = 0; k < wino_side; k++) d[k] = vec_load(columns[i][t * wino_tile + k]);
				wino_transform_6(d);
#pragma GCC unroll 6
				for (int k = 0; k < wino_side; k++)
					wino_store_vec(to + ((size_t)(i * wino_side + k) * wino_strip + t) * padded + c, d[k]);
			}
	}
}

// wino_microkernel multiplies count tiles of one point by a group's weights and
// stores the sums, or adds them to those of earlier inputs.
INLINE void wino_microkernel(const wino_element *v, size_t step, const wino_element *w, int inputs, float *sums, int blocks, int count, int add) {
	wino_vec acc[wino_strip][max_blocks];
#pragma GCC unroll 12
	for (int t = 0; t < count; t++)
#pragma GCC unroll 4
		for (int k = 0; k < blocks; k++) acc[t][k] = wino_vec_zero();
	for (int c = 0; c < inputs; c++, v++, w += blocks * wino_lanes) {
		wino_vec weights[max_blocks];
#pragma GCC unroll 4
		for (int k = 0; k < blocks; k++) weights[k] = wino_vec_load(w + k * wino_lanes);
#pragma GCC unroll 12
		for (int t = 0; t < count; t++) {
			wino_vec x = wino_vec_set1(v + t * step);
#pragma GCC unroll 4
			for (int k = 0; k < blocks; k++) acc[t][k] = wino_vec_fma(weights[k], x, acc[t][k]);
		}
	}
#pragma GCC unroll 12
	for (int t = 0; t < count; t++)
#pragma GCC unroll 4
		for (int k = 0; k < blocks; k++) wino_add(sums + (t * blocks + k) * wino_lanes, acc[t][k], add);
}

// wino_multiply computes all points of count tiles, a multiple of wino_step.
#define WINO_MULTIPLY(blocks, tiles) \
	TARGET static __attribute__((noinline)) void wino_multiply##blocks(const wino_element *v, int padded, const wino_element *w, int inputs, float *sums, int count, int add) { \
		for (int p = 0; p < wino_points; p++, v += (size_t)wino_strip * padded, sums += wino_strip * blocks * wino_lanes) \
			for (int c = 0, n; c < inputs; c += n, w += (size_t)n * blocks * wino_lanes) { \
				n = min_int(inputs - c, wino_flush); \
				int t = 0; \
				for (; t + tiles <= count; t += tiles) \
					wino_microkernel(v + (size_t)t * padded + c, padded, w, n, sums + t * blocks * wino_lanes, blocks, tiles, add || c > 0); \
				for (; t < count; t += wino_step) \
					wino_microkernel(v + (size_t)t * padded + c, padded, w, n, sums + t * blocks * wino_lanes, blocks, wino_step, add || c > 0); \
			} \
	}
#if VEC_MAX_BLOCKS > 2
WINO_MULTIPLY(1, 12)
WINO_MULTIPLY(2, 12)
WINO_MULTIPLY(3, 6)
WINO_MULTIPLY(4, 6)
#else
WINO_MULTIPLY(1, 12)
WINO_MULTIPLY(2, 6)
#endif
#undef WINO_MULTIPLY

// wino_store transforms the sums of count tiles of a group of outputs back and
// stores rows results a column, from x on.
TARGET static void wino_store(const cpu_conv *conv, const float *sums, int first, int outputs, const out_row *to, int rows, int count, int x, int width) {
	for (int t = 0; t < count; t++)
		for (int c = first; c < first + outputs && c < conv->out; c += lanes) {
			vec bias = vec_load(conv->bias + c), half[wino_side][wino_tile];
			const float *from = sums + (size_t)t * outputs + c - first;
#pragma GCC unroll 6
			for (int i = 0; i < wino_side; i++) {
				vec m[wino_side];
#pragma GCC unroll 6
				for (int j = 0; j < wino_side; j++) m[j] = vec_load(from + (size_t)(i * wino_side + j) * wino_strip * outputs);
				wino_output(m, half[i]);
			}
			int columns = min_int(wino_tile, width - x - t * wino_tile);
			for (int j = 0; j < columns; j++) {
				vec m[wino_side], y[wino_tile];
#pragma GCC unroll 6
				for (int i = 0; i < wino_side; i++) m[i] = half[i][j];
				wino_output(m, y);
				for (int i = 0; i < rows; i++) {
					vec v = wino_unit == 1 ? vec_add(y[i], bias) : vec_fma(y[i], vec_set1(wino_unit), bias);
					finish(&to[i], v, x + t * wino_tile + j, c, conv->out - c);
				}
			}
		}
}

static inline int wino_padded(int in) { return round_up(wino_begin(in, 1), lanes); }

// Scratch holds copied inputs, transformed inputs and sums, in this order. The
// sums of all outputs are held only if there are several chunks.
static inline size_t wino_copied(int in) { return (size_t)wino_side * wino_columns * wino_padded(in); }

static inline size_t wino_transformed(int in) { return (size_t)wino_points * wino_strip * wino_padded(in); }

static size_t wino_scratch(const cpu_conv *conv) {
	DIRECTLY(conv->in, direct_scratch(conv));
	int outputs = wino_chunks(conv->in) > 1 ? round_up(conv->out, wino_lanes) : min_int(round_up(conv->out, wino_lanes), wino_group);
	return (wino_copied(conv->in) + wino_transformed(conv->in)) * sizeof(wino_element) + (size_t)wino_points * wino_strip * outputs * sizeof(float);
}

static inline int wino_across(const cpu_band *b) { return ceil_div(b->width, wino_strip * wino_tile); }

static int wino_units(const cpu_conv *conv, const cpu_band *b) {
	DIRECTLY(conv->in, direct_units(conv, b));
	return ceil_div(b->rows, wino_tile) * wino_across(b);
}

static void wino_run(const cpu_conv *conv, const cpu_band *b, void *scratch, int unit) {
	DIRECTLY(conv->in, direct_run(conv, b, scratch, unit));
	int in = conv->in, padded = wino_padded(in), chunks = wino_chunks(in), outputs = round_up(conv->out, wino_lanes);
	int y = b->y + unit / wino_across(b) * wino_tile, x = unit % wino_across(b) * wino_strip * wino_tile;
	int rows = min_int(b->y + b->rows - y, wino_tile);
	int tiles = min_int(ceil_div(b->width - x, wino_tile), wino_strip), count = round_up(tiles, wino_step);
	wino_element *copied = scratch, *transformed = copied + wino_copied(in);
	float *sums = (float *)(transformed + wino_transformed(in));
	out_row to[wino_tile];
	for (int i = 0; i < rows; i++) to[i] = out_row_of(b, y + i);
	for (int chunk = 0; chunk < chunks; chunk++) {
		int begin = wino_begin(in, chunk), inputs = wino_begin(in, chunk + 1) - begin;
		const wino_element *from[wino_side] = {NULL};
		size_t step = 0;
		for (int i = 0; i < wino_side; i++)
			if (y - 1 + i >= 0 && y - 1 + i < b->height && i < rows + 2)
				from[i] = (const wino_element *)gather(b, y - 1 + i, x - 1, tiles * wino_tile + 2, begin, inputs, inputs, (char *)(copied + (size_t)i * wino_columns * padded), &step);
		wino_transform(from, step, inputs, padded, tiles, transformed);
		for (int first = 0; first < conv->out; first += wino_group) {
			int blocks = wino_blocks_at(conv->out, first);
			const wino_element *w = (const wino_element *)conv->weights + (size_t)wino_points * ((size_t)begin * outputs + (size_t)inputs * first);
			float *m = chunks > 1 ? sums + (size_t)wino_points * wino_strip * first : sums;
			switch (blocks) {
			case 1: wino_multiply1(transformed, padded, w, inputs, m, count, chunk > 0); break;
#if VEC_MAX_BLOCKS > 2
			case 3: wino_multiply3(transformed, padded, w, inputs, m, count, chunk > 0); break;
			case 4: wino_multiply4(transformed, padded, w, inputs, m, count, chunk > 0); break;
#endif
			default: wino_multiply2(transformed, padded, w, inputs, m, count, chunk > 0);
			}
			if (chunk == chunks - 1) wino_store(conv, m, first, blocks * wino_lanes, to, rows, tiles, x, b->width);
		}
	}
}

const cpu_kernel WINO_NAME = {
	"winograd", wino_type, wino_type, wino_tile, wino_pack, wino_scratch, wino_units, wino_run,
};
