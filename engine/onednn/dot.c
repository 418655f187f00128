//go:build linux

#include "dot.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)

#include <immintrin.h>

#define BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))
#define INLINE BF16 static inline __attribute__((always_inline))

enum { lanes = 16, most_blocks = 4, most_positions = 16 };

// Weights lie as [group of 64][tap][pair of inputs][block of 16][16 outputs][2
// inputs], zeros where there are fewer.
struct od_dot {
	int in, out, pairs;
	float *bias;
	uint16_t *weights;
};

// positions are computed at once with so many blocks: as many sums as there are
// registers for.
static inline int positions(int blocks) { return blocks == 4 ? 6 : blocks == 3 ? 8 : blocks == 2 ? 12 : 16; }

static inline uint16_t near(float v) {
	uint32_t bits;
	memcpy(&bits, &v, 4);
	return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

od_dot *od_dot_new(int in, int out, const float *weight, const float *bias) {
	od_dot *d = calloc(1, sizeof *d);
	if (!d) return NULL;
	int padded = (out + lanes - 1) / lanes * lanes, pairs = (in + 1) / 2;
	size_t bytes = (size_t)padded * 9 * pairs * 2 * sizeof(uint16_t);
	*d = (od_dot){in, out, pairs, NULL, NULL};
	if (posix_memalign((void **)&d->bias, 64, padded * sizeof(float)) || posix_memalign((void **)&d->weights, 64, bytes)) {
		od_dot_free(d);
		return NULL;
	}
	memset(d->bias, 0, padded * sizeof(float));
	memset(d->weights, 0, bytes);
	memcpy(d->bias, bias, out * sizeof(float));
	for (int o = 0; o < out; o++) {
		int first = o / (lanes * most_blocks) * most_blocks * lanes, blocks = (padded - first) / lanes;
		if (blocks > most_blocks) blocks = most_blocks;
		uint16_t *group = d->weights + (size_t)first * 9 * pairs * 2;
		for (int c = 0; c < in; c++)
			for (int tap = 0; tap < 9; tap++) {
				size_t block = ((size_t)tap * pairs + c / 2) * blocks + (o - first) / lanes;
				group[(block * lanes + o % lanes) * 2 + c % 2] = near(weight[((size_t)o * in + c) * 9 + tap]);
			}
	}
	return d;
}

void od_dot_free(od_dot *d) {
	if (!d) return;
	free(d->bias);
	free(d->weights);
	free(d);
}

static inline char *row_of(const od_ring *r, int y) {
	return (char *)r->data + (size_t)(y % r->capacity) * r->width * r->channels * (r->type == OD_BF16 ? 2 : 4);
}

// source is what a piece of a row reads: the position left of it in three
// rows, NULL for zeros, and the distance of positions in numbers.
typedef struct {
	const uint16_t *rows[3];
	size_t step;
} source;

// finish does to the sums of n positions from x of row y on, channels c of
// which valid are of a block, what od_band tells.
INLINE void finish(const od_band *b, __m512 v, int y, int x, int c, __mmask16 valid) {
	for (int a = 0; a < 2; a++) {
		const od_ring *r = &b->added[a].ring;
		if (!r->data) continue;
		const float *from = (const float *)row_of(r, y) + (size_t)x * r->channels + c;
		v = _mm512_fmadd_ps(_mm512_set1_ps(b->added[a].factor), _mm512_maskz_loadu_ps(valid, from), v);
	}
	if (b->slopes) {
		__mmask16 below = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_LT_OQ);
		v = _mm512_mask_mul_ps(v, below, v, _mm512_maskz_loadu_ps(valid, b->slopes + c));
	}
	if (b->kept.data) {
		float *to = (float *)row_of(&b->kept, y) + (size_t)x * b->kept.channels + c;
		_mm512_mask_storeu_ps(to, valid, v);
	}
	if (b->to.data) {
		uint16_t *to = (uint16_t *)row_of(&b->to, y) + (size_t)x * b->to.channels + b->at + c;
		_mm256_mask_storeu_epi16(to, valid, (__m256i)_mm512_cvtneps_pbh(v));
	} else {
		_mm512_mask_storeu_ps(b->result + ((size_t)(y - b->y) * b->width + x) * b->out + c, valid, v);
	}
}

// piece computes n of count positions of one group's channels, from x of row y
// on. blocks and count are constants where it is used.
INLINE void piece(const od_dot *d, const od_band *b, const source *s, int group, int blocks, int count, int n, int y, int x) {
	const uint16_t *w = d->weights + (size_t)group * lanes * 9 * d->pairs * 2;
	__m512 sums[most_positions][most_blocks];
#pragma GCC unroll 16
	for (int p = 0; p < count; p++)
#pragma GCC unroll 4
		for (int k = 0; k < blocks; k++) sums[p][k] = _mm512_load_ps(d->bias + (group + k) * lanes);
	for (int line = 0; line < 3; line++) {
		if (!s->rows[line]) {
			w += (size_t)3 * d->pairs * blocks * lanes * 2;
			continue;
		}
		for (int column = 0; column < 3; column++) {
			const uint16_t *from = s->rows[line] + column * s->step;
			for (int pair = 0; pair < d->pairs; pair++, from += 2, w += blocks * lanes * 2) {
				__m512bh weights[most_blocks];
#pragma GCC unroll 4
				for (int k = 0; k < blocks; k++) {
					weights[k] = (__m512bh)_mm512_load_si512(w + k * lanes * 2);
					_mm_prefetch((const char *)(w + (16 * blocks + k) * lanes * 2), _MM_HINT_T0);
				}
#pragma GCC unroll 16
				for (int p = 0; p < count; p++) {
					int both;
					memcpy(&both, from + p * s->step, 4);
					__m512bh v = (__m512bh)_mm512_set1_epi32(both);
#pragma GCC unroll 4
					for (int k = 0; k < blocks; k++) sums[p][k] = _mm512_dpbf16_ps(sums[p][k], weights[k], v);
				}
			}
		}
	}
	int left = d->out - group * lanes;
#pragma GCC unroll 16
	for (int p = 0; p < count; p++)
#pragma GCC unroll 4
		for (int k = 0; k < blocks; k++) {
			int valid = left - k * lanes;
			if (p < n) finish(b, sums[p][k], y, x + p, (group + k) * lanes, valid >= lanes ? 0xffff : (1 << valid) - 1);
		}
}

BF16 static __attribute__((noinline)) void piece4(const od_dot *d, const od_band *b, const source *s, int group, int n, int y, int x) { piece(d, b, s, group, 4, 6, n, y, x); }
BF16 static __attribute__((noinline)) void piece3(const od_dot *d, const od_band *b, const source *s, int group, int n, int y, int x) { piece(d, b, s, group, 3, 8, n, y, x); }
BF16 static __attribute__((noinline)) void piece2(const od_dot *d, const od_band *b, const source *s, int group, int n, int y, int x) { piece(d, b, s, group, 2, 12, n, y, x); }
BF16 static __attribute__((noinline)) void piece1(const od_dot *d, const od_band *b, const source *s, int group, int n, int y, int x) { piece(d, b, s, group, 1, 16, n, y, x); }

// gather copies what a piece reads to room, enlarged, with zeros beyond the
// sides and in the channel that makes a number of them even.
static void gather(const od_dot *d, const od_band *b, source *s, uint16_t *room, int count, int y, int x) {
	s->step = 2 * d->pairs;
	for (int line = 0; line < 3; line++) {
		int from = y - 1 + line;
		s->rows[line] = NULL;
		if (from < 0 || from >= b->last) continue;
		const uint16_t *row = (const uint16_t *)row_of(&b->from, from / b->enlarge);
		uint16_t *to = room + line * (most_positions + 2) * s->step;
		s->rows[line] = to;
		for (int p = x - 1; p <= x + count; p++, to += s->step) {
			if (p < 0 || p >= b->width) {
				memset(to, 0, s->step * sizeof *to);
				continue;
			}
			memcpy(to, row + (size_t)(p / b->enlarge) * b->from.channels, d->in * sizeof *to);
			if (d->in & 1) to[d->in] = 0;
		}
	}
}

// direct finds what a piece reads where it lies.
static void direct(const od_band *b, source *s, int y, int x) {
	s->step = b->from.channels;
	for (int line = 0; line < 3; line++) {
		int from = y - 1 + line;
		int inside = from >= 0 && from < b->last;
		s->rows[line] = inside ? (const uint16_t *)row_of(&b->from, from) + (size_t)(x - 1) * s->step : NULL;
	}
}

typedef struct {
	const od_dot *dot;
	const od_band *band;
} work;

// compute does part i of count of a band.
static void compute(void *data, int i, int count) {
	const od_dot *d = ((const work *)data)->dot;
	const od_band *b = ((const work *)data)->band;
	uint16_t room[3 * (most_positions + 2) * od_dot_most];
	for (int group = 0; group * lanes < d->out; group += most_blocks) {
		int blocks = (d->out - group * lanes + lanes - 1) / lanes;
		if (blocks > most_blocks) blocks = most_blocks;
		int wide = positions(blocks), across = (b->width + wide - 1) / wide;
		int64_t all = (int64_t)across * b->height;
		for (int64_t at = all * i / count, end = all * (i + 1) / count; at < end; at++) {
			int y = b->y + (int)(at / across), x = (int)(at % across) * wide;
			int n = b->width - x < wide ? b->width - x : wide;
			source s;
			if (b->enlarge > 1 || d->in & 1 || x == 0 || x + wide >= b->width) gather(d, b, &s, room, wide, y, x);
			else direct(b, &s, y, x);
			switch (blocks) {
			case 4: piece4(d, b, &s, group, n, y, x); break;
			case 3: piece3(d, b, &s, group, n, y, x); break;
			case 2: piece2(d, b, &s, group, n, y, x); break;
			default: piece1(d, b, &s, group, n, y, x);
			}
		}
	}
}

void od_dot_run(const od_dot *d, const od_band *b) {
	work w = {d, b};
	od_parallel(compute, &w);
}

#else

od_dot *od_dot_new(int in, int out, const float *weight, const float *bias) { return NULL; }
void od_dot_free(od_dot *d) {}
void od_dot_run(const od_dot *d, const od_band *b) {}

#endif
