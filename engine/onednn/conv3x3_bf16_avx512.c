//go:build linux

#include "conv3x3_bf16_avx512.h"

#include <stdlib.h>

#if defined(__x86_64__)

#define VECTORS __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))
#include "epilogue.h"

// A tile is two neighboring outputs of a row, computed from four inputs d0..d3:
//
//	y0 = m0+m1+m2  m0 = (d0-d2) g0          m1 = (d1+d2) (g0+g1+g2)/2
//	y1 = m1-m2+m3  m3 = (d3-d1) g2          m2 = (d2-d1) (g0-g1+g2)/2
enum { products = 4, pack = 32, max_tiles = 16 };

// cached is how many bytes of transformed rows are worked on at once: they and the
// weights fit into the L2 cache.
enum { cached = 256 << 10 };

// A thread's scratch holds at least 4 transformed rows and, behind them, the copy
// that inputs makes.
enum {
	transformed_scratch = 4 * products * max_tiles * od_max_in * 2,
	inputs_scratch = (2 * max_tiles + 2) * od_max_in * 2,
};
_Static_assert((int)od_scratch >= transformed_scratch + inputs_scratch && transformed_scratch >= (int)cached, "scratch too small");

// Weights are packed as [group of 64][product][filter row][pair of inputs][block of
// 16][16 outputs][2 inputs], padded with zeros. Products are in the order of their
// use: m1, the residue that bfloat16 cuts off m1's weights if they are precise, m2,
// m0, m3.
struct od_conv_bf16 {
	int in, out, pairs, precise;
	float *bias;
	uint16_t *weights;
};

// padded_of returns the number of input channels, rounded up to a multiple of pack.
static int padded_of(const od_conv_bf16 *w) { return (w->in + pack - 1) / pack * pack; }

static size_t elements(const od_conv_bf16 *w, int outputs) {
	return (size_t)(products + w->precise) * 3 * w->pairs * 2 * outputs;
}

// filter_factor returns the weight of a product for one filter row.
static float filter_factor(const float *g, int product) {
	switch (product) {
	case 0: return g[0];
	case 1: return (g[0] + g[1] + g[2]) / 2;
	case 2: return (g[0] - g[1] + g[2]) / 2;
	default: return g[2];
	}
}

// pack_weights packs the weights of one input and one output channel.
static void pack_weights(const od_conv_bf16 *w, int o, int c, const float *g) {
	static const int order[] = {1, 1, 2, 0, 3};
	int group = o / (lanes * max_blocks) * max_blocks * lanes, blocks = blocks_of(w->out, group), place = 0;
	uint16_t *to = w->weights + elements(w, group);
	for (int k = !w->precise; k <= products; k++)
		for (int row = 0; row < 3; row++, place++) {
			size_t block = ((size_t)place * w->pairs + c / 2) * blocks + (o - group) / lanes;
			float factor = filter_factor(g + 3 * row, order[k]);
			if (w->precise && k == 1) factor -= bf16_to_f32(f32_to_bf16(factor));
			to[(block * lanes + o % lanes) * 2 + c % 2] = f32_to_bf16(factor);
		}
}

od_conv_bf16 *od_conv_bf16_new(int in, int out, const float *weight, const float *bias, int precise) {
	od_conv_bf16 *w = calloc(1, sizeof *w);
	if (!w) return NULL;
	int padded = (out + lanes - 1) / lanes * lanes;
	*w = (od_conv_bf16){in, out, (in + 1) / 2, precise != 0, NULL, NULL};
	size_t bytes = elements(w, padded) * sizeof(uint16_t);
	if (posix_memalign((void **)&w->bias, 64, padded * sizeof(float)) || posix_memalign((void **)&w->weights, 64, bytes)) {
		od_conv_bf16_free(w);
		return NULL;
	}
	memset(w->bias, 0, padded * sizeof(float));
	memset(w->weights, 0, bytes);
	memcpy(w->bias, bias, out * sizeof(float));
	for (int o = 0; o < out; o++)
		for (int c = 0; c < in; c++) pack_weights(w, o, c, weight + ((size_t)o * in + c) * 9);
	return w;
}

void od_conv_bf16_free(od_conv_bf16 *w) {
	if (!w) return;
	free(w->bias);
	free(w->weights);
	free(w);
}

// source is the transformed input of one microkernel call: three rows, NULL for
// zeros, each [product][tile][channel].
typedef struct {
	const uint16_t *rows[3];
	size_t tile, product; // distances in elements
} source;

// multiply accumulates one product of count tiles and advances weights.
INLINE void multiply(const uint16_t **weights, const source *s, int product, int pairs, int blocks, int count, __m512 sums[max_tiles][max_blocks]) {
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
				_mm_prefetch((const char *)(w + (16 * blocks + k) * lanes * 2), _MM_HINT_T0);
			}
#pragma GCC unroll 16
			for (int t = 0; t < count; t++) {
				int both;
				memcpy(&both, from + t * s->tile, 4);
				__m512bh v = (__m512bh)_mm512_set1_epi32(both);
#pragma GCC unroll 4
				for (int k = 0; k < blocks; k++) sums[t][k] = _mm512_dpbf16_ps(sums[t][k], factors[k], v);
			}
		}
	}
	*weights = w;
}

// microkernel computes one group's channels of count tiles from x on, of which n
// positions are stored. blocks and count are constants at the call sites.
INLINE void microkernel(const od_conv_bf16 *w, const source *s, int group, int blocks, int count, int n, const output *to, int x) {
	const uint16_t *weights = w->weights + elements(w, group * lanes);
	int left = w->out - group * lanes;
	__m512 sums[max_tiles][max_blocks];
	__m512 saved[max_tiles][max_blocks];
#pragma GCC unroll 16
	for (int t = 0; t < count; t++)
#pragma GCC unroll 4
		for (int k = 0; k < blocks; k++) sums[t][k] = _mm512_load_ps(w->bias + (group + k) * lanes);
	for (int i = 0; i <= w->precise; i++) multiply(&weights, s, 1, w->pairs, blocks, count, sums);
#pragma GCC unroll 16
	for (int t = 0; t < count; t++)
#pragma GCC unroll 4
		for (int k = 0; k < blocks; k++) {
			saved[t][k] = sums[t][k];
			sums[t][k] = _mm512_setzero_ps();
		}
	multiply(&weights, s, 2, w->pairs, blocks, count, sums);
#pragma GCC unroll 16
	for (int t = 0; t < count; t++)
#pragma GCC unroll 4
		for (int k = 0; k < blocks; k++) {
			__m512 m1 = saved[t][k];
			saved[t][k] = _mm512_sub_ps(m1, sums[t][k]);
			sums[t][k] = _mm512_add_ps(m1, sums[t][k]);
		}
	for (int half = 0; half < 2; half++) {
		if (half == 1) {
#pragma GCC unroll 16
			for (int t = 0; t < count; t++)
#pragma GCC unroll 4
				for (int k = 0; k < blocks; k++) sums[t][k] = saved[t][k];
		}
		multiply(&weights, s, 3 * half, w->pairs, blocks, count, sums);
#pragma GCC unroll 16
		for (int t = 0; t < count; t++)
#pragma GCC unroll 4
			for (int k = 0; k < blocks; k++) {
				int at = 2 * t + half;
				if (at < n) epilogue(to, sums[t][k], x + at, (group + k) * lanes, mask_of(left - k * lanes));
			}
	}
}

VECTORS static __attribute__((noinline)) void microkernel4(const od_conv_bf16 *w, const source *s, int group, int n, const output *to, int x) { microkernel(w, s, group, 4, 6, n, to, x); }
VECTORS static __attribute__((noinline)) void microkernel3(const od_conv_bf16 *w, const source *s, int group, int n, const output *to, int x) { microkernel(w, s, group, 3, 8, n, to, x); }
VECTORS static __attribute__((noinline)) void microkernel2(const od_conv_bf16 *w, const source *s, int group, int n, const output *to, int x) { microkernel(w, s, group, 2, 12, n, to, x); }
VECTORS static __attribute__((noinline)) void microkernel1(const od_conv_bf16 *w, const source *s, int group, int n, const output *to, int x) { microkernel(w, s, group, 1, 16, n, to, x); }

// inputs returns the positions from x-1 on that a row of tiles reads, and their
// distance. If they cannot be read in place, they are copied to scratch: upsampled,
// with zeros beyond the image and the channels.
static const uint16_t *inputs(const od_band *b, uint16_t *scratch, int padded, int count, int y, int x, size_t *step) {
	const uint16_t *row = (const uint16_t *)row_of(&b->from, y / b->upsample);
	if (b->upsample == 1 && b->in == padded && x > 0 && x + 2 * count < b->width) {
		*step = b->from.channels;
		return row + (size_t)(x - 1) * *step;
	}
	*step = padded;
	uint16_t *to = scratch;
	for (int p = x - 1; p <= x + 2 * count; p++, to += padded) {
		int kept = p < 0 || p >= b->width ? 0 : b->in;
		if (kept) memcpy(to, row + (size_t)(p / b->upsample) * b->from.channels, kept * sizeof *to);
		memset(to + kept, 0, (padded - kept) * sizeof *to);
	}
	return scratch;
}

// transform computes the products' inputs of count tiles from the positions at
// from.
VECTORS static void transform(const uint16_t *from, size_t step, uint16_t *to, int padded, int count) {
	size_t product = (size_t)count * padded;
	for (int c = 0; c < padded; c += pack) {
		const uint16_t *next = from + c;
		__m512 d[4][2], v[products][2];
		for (int i = 2; i < 4; i++, next += step)
			for (int h = 0; h < 2; h++) d[i][h] = _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(next + h * lanes)));
		for (int t = 0; t < count; t++) {
			for (int h = 0; h < 2; h++) d[0][h] = d[2][h], d[1][h] = d[3][h];
			for (int i = 2; i < 4; i++, next += step)
				for (int h = 0; h < 2; h++) d[i][h] = _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(next + h * lanes)));
			for (int h = 0; h < 2; h++) {
				v[0][h] = _mm512_sub_ps(d[0][h], d[2][h]);
				v[1][h] = _mm512_add_ps(d[1][h], d[2][h]);
				v[2][h] = _mm512_sub_ps(d[2][h], d[1][h]);
				v[3][h] = _mm512_sub_ps(d[3][h], d[1][h]);
			}
			for (int k = 0; k < products; k++)
				_mm512_storeu_si512(to + k * product + (size_t)t * padded + c, (__m512i)_mm512_cvtne2ps_pbh(v[k][1], v[k][0]));
		}
	}
}

// column computes rows y up to end of a column of tiles at x.
static void column(const od_conv_bf16 *w, const od_band *b, uint16_t *scratch, int group, int blocks, int y, int end, int x) {
	int count = positions(blocks), padded = padded_of(w);
	int n = b->width - x < 2 * count ? b->width - x : 2 * count;
	size_t product = (size_t)count * padded, row = products * product, step;
	for (int from = y - 1; from <= end; from++) {
		if (from < 0 || from >= b->last) continue;
		const uint16_t *at = inputs(b, scratch + transformed_scratch / 2, padded, count, from, x, &step);
		transform(at, step, scratch + (from - y + 1) * row, padded, count);
	}
	for (; y < end; y++, scratch += row) {
		source s = {{NULL, NULL, NULL}, padded, product};
		for (int i = 0; i < 3; i++)
			if (y - 1 + i >= 0 && y - 1 + i < b->last) s.rows[i] = scratch + i * row;
		output to = output_row(b, y);
		switch (blocks) {
		case 4: microkernel4(w, &s, group, n, &to, x); break;
		case 3: microkernel3(w, &s, group, n, &to, x); break;
		case 2: microkernel2(w, &s, group, n, &to, x); break;
		default: microkernel1(w, &s, group, n, &to, x);
		}
	}
}

typedef struct {
	const od_conv_bf16 *winograd;
	const od_band *band;
} job;

// compute computes part i of count of a band, column by column.
static void compute(void *data, int i, int count) {
	const od_conv_bf16 *w = ((const job *)data)->winograd;
	const od_band *b = ((const job *)data)->band;
	uint16_t *scratch = (uint16_t *)((char *)b->scratch + (size_t)i * od_scratch);
	for (int group = 0; group * lanes < w->out; group += max_blocks) {
		int blocks = blocks_of(w->out, group * lanes);
		int columns = 2 * positions(blocks), across = (b->width + columns - 1) / columns;
		int most = cached / (products * positions(blocks) * padded_of(w) * 2) - 2;
		if (most < 2) most = 2;
		int64_t all = (int64_t)across * b->height;
		for (int64_t at = all * i / count, end = all * (i + 1) / count; at < end;) {
			int y = (int)(at % b->height), rows = b->height - y;
			if (rows > most) rows = most;
			if (rows > end - at) rows = (int)(end - at);
			column(w, b, scratch, group, blocks, b->y + y, b->y + y + rows, (int)(at / b->height) * columns);
			at += rows;
		}
	}
}

void od_conv_bf16_run(const od_conv_bf16 *w, const od_band *b) {
	job all = {w, b};
	od_parallel(compute, &all);
}

#else

od_conv_bf16 *od_conv_bf16_new(int in, int out, const float *weight, const float *bias, int precise) { return NULL; }
void od_conv_bf16_free(od_conv_bf16 *w) {}
void od_conv_bf16_run(const od_conv_bf16 *w, const od_band *b) {}

#endif
