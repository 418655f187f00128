//go:build linux

#include "direct.h"

#include <stdlib.h>

#if defined(__x86_64__)

#define VECTORS __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#include "finish.h"

enum { most_positions = 16 };

_Static_assert((int)od_room >= 3 * (most_positions + 2) * od_most_in * 4, "no room");

// Sums are formed as ONNX Runtime's are, of parts of 16 inputs, or of single ones
// where there are fewer: what one rounds the other rounds, as a rule. Weights lie
// as [group of 64][part][tap][input][block of 16][16 outputs], zeros where there
// are fewer.
struct od_direct {
	int in, out, part;
	float *bias, *weights;
};

od_direct *od_direct_new(int in, int out, const float *weight, const float *bias) {
	od_direct *d = calloc(1, sizeof *d);
	if (!d) return NULL;
	int padded = (out + lanes - 1) / lanes * lanes;
	size_t bytes = (size_t)padded * 9 * in * sizeof(float);
	*d = (od_direct){in, out, in < lanes ? 1 : lanes, NULL, NULL};
	if (posix_memalign((void **)&d->bias, 64, padded * sizeof(float)) || posix_memalign((void **)&d->weights, 64, bytes)) {
		od_direct_free(d);
		return NULL;
	}
	memset(d->bias, 0, padded * sizeof(float));
	memset(d->weights, 0, bytes);
	memcpy(d->bias, bias, out * sizeof(float));
	for (int o = 0; o < out; o++) {
		int group = o / (lanes * most_blocks) * most_blocks * lanes, blocks = blocks_of(out, group);
		float *to = d->weights + (size_t)group * 9 * in;
		for (int c = 0; c < in; c++) {
			int first = c / d->part * d->part, inputs = in - first < d->part ? in - first : d->part;
			for (int tap = 0; tap < 9; tap++) {
				size_t place = (size_t)first * 9 + tap * inputs + c - first;
				to[(place * blocks + (o - group) / lanes) * lanes + o % lanes] = weight[((size_t)o * in + c) * 9 + tap];
			}
		}
	}
	return d;
}

void od_direct_free(od_direct *d) {
	if (!d) return;
	free(d->bias);
	free(d->weights);
	free(d);
}

// source is what a piece of a row reads: the position left of it in three
// rows, NULL for zeros, and the distance of positions in numbers.
typedef struct {
	const float *rows[3];
	size_t step;
} source;

// piece computes n of count positions of one group's channels, from x of a row
// on. blocks and count are constants where it is used.
INLINE void piece(const od_direct *d, const source *s, int group, int blocks, int count, int n, const line *to, int x) {
	const float *w = d->weights + (size_t)group * lanes * 9 * d->in;
	__m512 sums[most_positions][most_blocks], whole[most_positions][most_blocks];
#pragma GCC unroll 16
	for (int p = 0; p < count; p++)
#pragma GCC unroll 4
		for (int k = 0; k < blocks; k++) whole[p][k] = _mm512_setzero_ps();
	for (int first = 0; first < d->in; first += d->part) {
		int inputs = d->in - first < d->part ? d->in - first : d->part;
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
				__m512 weights[most_blocks];
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
			if (p < n) finish(to, _mm512_add_ps(whole[p][k], _mm512_load_ps(d->bias + (group + k) * lanes)), x + p, (group + k) * lanes, mask_of(left - k * lanes));
}

VECTORS static __attribute__((noinline)) void piece4(const od_direct *d, const source *s, int group, int n, const line *to, int x) { piece(d, s, group, 4, 6, n, to, x); }
VECTORS static __attribute__((noinline)) void piece3(const od_direct *d, const source *s, int group, int n, const line *to, int x) { piece(d, s, group, 3, 8, n, to, x); }
VECTORS static __attribute__((noinline)) void piece2(const od_direct *d, const source *s, int group, int n, const line *to, int x) { piece(d, s, group, 2, 12, n, to, x); }
VECTORS static __attribute__((noinline)) void piece1(const od_direct *d, const source *s, int group, int n, const line *to, int x) { piece(d, s, group, 1, 16, n, to, x); }

// inputs finds what count positions from x of row y on read. Where that does not
// lie as they want it, room gets it: enlarged, with zeros beyond the sides.
static source inputs(const od_band *b, float *room, int count, int y, int x) {
	source s = {{NULL, NULL, NULL}, b->from.channels};
	int lies = b->enlarge == 1 && x > 0 && x + count < b->width;
	if (!lies) s.step = b->in;
	for (int i = 0; i < 3; i++) {
		int from = y - 1 + i;
		if (from < 0 || from >= b->last) continue;
		const float *row = (const float *)row_of(&b->from, from / b->enlarge);
		if (lies) {
			s.rows[i] = row + (size_t)(x - 1) * s.step;
			continue;
		}
		s.rows[i] = room;
		for (int p = x - 1; p <= x + count; p++, room += b->in)
			if (p < 0 || p >= b->width) memset(room, 0, b->in * sizeof *room);
			else memcpy(room, row + (size_t)(p / b->enlarge) * b->from.channels, b->in * sizeof *room);
	}
	return s;
}

typedef struct {
	const od_direct *direct;
	const od_band *band;
} work;

// compute does part i of count of a band.
static void compute(void *data, int i, int count) {
	const od_direct *d = ((const work *)data)->direct;
	const od_band *b = ((const work *)data)->band;
	float *room = (float *)((char *)b->window + (size_t)i * od_room);
	for (int group = 0; group * lanes < d->out; group += most_blocks) {
		int blocks = blocks_of(d->out, group * lanes);
		int columns = positions(blocks), across = (b->width + columns - 1) / columns;
		int64_t all = (int64_t)across * b->height;
		for (int64_t at = all * i / count, end = all * (i + 1) / count; at < end; at++) {
			int y = b->y + (int)(at / across), x = (int)(at % across) * columns;
			int n = b->width - x < columns ? b->width - x : columns;
			source s = inputs(b, room, columns, y, x);
			line to = line_of(b, y);
			switch (blocks) {
			case 4: piece4(d, &s, group, n, &to, x); break;
			case 3: piece3(d, &s, group, n, &to, x); break;
			case 2: piece2(d, &s, group, n, &to, x); break;
			default: piece1(d, &s, group, n, &to, x);
			}
		}
	}
}

void od_direct_run(const od_direct *d, const od_band *b) {
	work all = {d, b};
	od_parallel(compute, &all);
}

#else

od_direct *od_direct_new(int in, int out, const float *weight, const float *bias) { return NULL; }
void od_direct_free(od_direct *d) {}
void od_direct_run(const od_direct *d, const od_band *b) {}

#endif
