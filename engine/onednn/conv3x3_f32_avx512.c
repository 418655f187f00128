//go:build linux

#include "conv3x3_f32_avx512.h"

#include <stdlib.h>

#if defined(__x86_64__)

#define VECTORS __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#include "epilogue.h"

enum { max_positions = 16 };

_Static_assert((int)od_scratch >= 3 * (max_positions + 2) * od_max_in * 4, "scratch too small");

// Inputs are summed in chunks of 16, as ONNX Runtime does, or one by one if there
// are fewer. Weights are packed as [group of 64][chunk][tap][input][block of 16][16
// outputs], padded with zeros.
struct od_conv_f32 {
	int in, out, chunk;
	float *bias, *weights;
};

od_conv_f32 *od_conv_f32_new(int in, int out, const float *weight, const float *bias) {
	od_conv_f32 *d = calloc(1, sizeof *d);
	if (!d) return NULL;
	int padded = (out + lanes - 1) / lanes * lanes;
	size_t bytes = (size_t)padded * 9 * in * sizeof(float);
	*d = (od_conv_f32){in, out, in < lanes ? 1 : lanes, NULL, NULL};
	if (posix_memalign((void **)&d->bias, 64, padded * sizeof(float)) || posix_memalign((void **)&d->weights, 64, bytes)) {
		od_conv_f32_free(d);
		return NULL;
	}
	memset(d->bias, 0, padded * sizeof(float));
	memset(d->weights, 0, bytes);
	memcpy(d->bias, bias, out * sizeof(float));
	for (int o = 0; o < out; o++) {
		int group = o / (lanes * max_blocks) * max_blocks * lanes, blocks = blocks_of(out, group);
		float *to = d->weights + (size_t)group * 9 * in;
		for (int c = 0; c < in; c++) {
			int first = c / d->chunk * d->chunk, inputs = in - first < d->chunk ? in - first : d->chunk;
			for (int tap = 0; tap < 9; tap++) {
				size_t place = (size_t)first * 9 + tap * inputs + c - first;
				to[(place * blocks + (o - group) / lanes) * lanes + o % lanes] = weight[((size_t)o * in + c) * 9 + tap];
			}
		}
	}
	return d;
}

void od_conv_f32_free(od_conv_f32 *d) {
	if (!d) return;
	free(d->bias);
	free(d->weights);
	free(d);
}

// source is the input of one microkernel call: the position left of it in three
// rows, NULL for zeros, and the elements per position.
typedef struct {
	const float *rows[3];
	size_t step;
} source;

// microkernel computes one group's channels of count positions from x on, of which
// n are stored. blocks and count are constants at the call sites.
INLINE void microkernel(const od_conv_f32 *d, const source *s, int group, int blocks, int count, int n, const output *to, int x) {
	const float *w = d->weights + (size_t)group * lanes * 9 * d->in;
	__m512 sums[max_positions][max_blocks], whole[max_positions][max_blocks];
#pragma GCC unroll 16
	for (int p = 0; p < count; p++)
#pragma GCC unroll 4
		for (int k = 0; k < blocks; k++) whole[p][k] = _mm512_setzero_ps();
	for (int first = 0; first < d->in; first += d->chunk) {
		int inputs = d->in - first < d->chunk ? d->in - first : d->chunk;
#pragma GCC unroll 16
		for (int p = 0; p < count; p++)
#pragma GCC unroll 4
			for (int k = 0; k < blocks; k++) sums[p][k] = _mm512_setzero_ps();
		for (int tap = 0; tap < 9; tap++) {
			if (!s->rows[tap / 3]) {
				w += (size_t)inputs * blocks * lanes;
				continue;
			}
			const float *from = s->rows[tap / 3] + tap % 3 * s->step + first;
			for (int c = 0; c < inputs; c++, from++, w += blocks * lanes) {
				__m512 weights[max_blocks];
#pragma GCC unroll 4
				for (int k = 0; k < blocks; k++) {
					weights[k] = _mm512_load_ps(w + k * lanes);
					_mm_prefetch((const char *)(w + (16 * blocks + k) * lanes), _MM_HINT_T0);
				}
#pragma GCC unroll 16
				for (int p = 0; p < count; p++) {
					__m512 v = _mm512_set1_ps(from[p * s->step]);
#pragma GCC unroll 4
					for (int k = 0; k < blocks; k++) sums[p][k] = _mm512_fmadd_ps(weights[k], v, sums[p][k]);
				}
			}
		}
#pragma GCC unroll 16
		for (int p = 0; p < count; p++)
#pragma GCC unroll 4
			for (int k = 0; k < blocks; k++) whole[p][k] = _mm512_add_ps(whole[p][k], sums[p][k]);
	}
	int left = d->out - group * lanes;
#pragma GCC unroll 16
	for (int p = 0; p < count; p++)
#pragma GCC unroll 4
		for (int k = 0; k < blocks; k++)
			if (p < n) epilogue(to, _mm512_add_ps(whole[p][k], _mm512_load_ps(d->bias + (group + k) * lanes)), x + p, (group + k) * lanes, mask_of(left - k * lanes));
}

VECTORS static __attribute__((noinline)) void microkernel4(const od_conv_f32 *d, const source *s, int group, int n, const output *to, int x) { microkernel(d, s, group, 4, 6, n, to, x); }
VECTORS static __attribute__((noinline)) void microkernel3(const od_conv_f32 *d, const source *s, int group, int n, const output *to, int x) { microkernel(d, s, group, 3, 8, n, to, x); }
VECTORS static __attribute__((noinline)) void microkernel2(const od_conv_f32 *d, const source *s, int group, int n, const output *to, int x) { microkernel(d, s, group, 2, 12, n, to, x); }
VECTORS static __attribute__((noinline)) void microkernel1(const od_conv_f32 *d, const source *s, int group, int n, const output *to, int x) { microkernel(d, s, group, 1, 16, n, to, x); }

// inputs returns the input of count positions from x of row y on. If it cannot be
// read in place, it is copied to scratch: upsampled, with zeros beyond the image.
static source inputs(const od_band *b, float *scratch, int count, int y, int x) {
	source s = {{NULL, NULL, NULL}, b->from.channels};
	int in_place = b->upsample == 1 && x > 0 && x + count < b->width;
	if (!in_place) s.step = b->in;
	for (int i = 0; i < 3; i++) {
		int from = y - 1 + i;
		if (from < 0 || from >= b->last) continue;
		const float *row = (const float *)row_of(&b->from, from / b->upsample);
		if (in_place) {
			s.rows[i] = row + (size_t)(x - 1) * s.step;
			continue;
		}
		s.rows[i] = scratch;
		for (int p = x - 1; p <= x + count; p++, scratch += b->in)
			if (p < 0 || p >= b->width) memset(scratch, 0, b->in * sizeof *scratch);
			else memcpy(scratch, row + (size_t)(p / b->upsample) * b->from.channels, b->in * sizeof *scratch);
	}
	return s;
}

typedef struct {
	const od_conv_f32 *direct;
	const od_band *band;
} job;

// compute computes part i of count of a band.
static void compute(void *data, int i, int count) {
	const od_conv_f32 *d = ((const job *)data)->direct;
	const od_band *b = ((const job *)data)->band;
	float *scratch = (float *)((char *)b->scratch + (size_t)i * od_scratch);
	for (int group = 0; group * lanes < d->out; group += max_blocks) {
		int blocks = blocks_of(d->out, group * lanes);
		int columns = positions(blocks), across = (b->width + columns - 1) / columns;
		int64_t all = (int64_t)across * b->height;
		for (int64_t at = all * i / count, end = all * (i + 1) / count; at < end; at++) {
			int y = b->y + (int)(at / across), x = (int)(at % across) * columns;
			int n = b->width - x < columns ? b->width - x : columns;
			source s = inputs(b, scratch, columns, y, x);
			output to = output_row(b, y);
			switch (blocks) {
			case 4: microkernel4(d, &s, group, n, &to, x); break;
			case 3: microkernel3(d, &s, group, n, &to, x); break;
			case 2: microkernel2(d, &s, group, n, &to, x); break;
			default: microkernel1(d, &s, group, n, &to, x);
			}
		}
	}
}

void od_conv_f32_run(const od_conv_f32 *d, const od_band *b) {
	job all = {d, b};
	od_parallel(compute, &all);
}

#else

od_conv_f32 *od_conv_f32_new(int in, int out, const float *weight, const float *bias) { return NULL; }
void od_conv_f32_free(od_conv_f32 *d) {}
void od_conv_f32_run(const od_conv_f32 *d, const od_band *b) {}

#endif
