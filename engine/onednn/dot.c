//go:build linux

#include "dot.h"

#include <stdlib.h>

#if defined(__x86_64__)

#include "finish.h"

enum { most_positions = 16 };

// Weights lie as [group of 64][tap][pair of inputs][block of 16][16 outputs][2
// inputs], zeros where there are fewer. Inputs come twice: for the weights in
// bfloat16, and for what that cut off.
struct od_dot {
	int in, out, pairs; // pairs is in, as inputs come twice
	float *bias;
	uint16_t *weights;
};

od_dot *od_dot_new(int in, int out, const float *weight, const float *bias) {
	od_dot *d = calloc(1, sizeof *d);
	if (!d) return NULL;
	int padded = (out + lanes - 1) / lanes * lanes, pairs = in;
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
		for (int c = 0; c < 2 * in; c++)
			for (int tap = 0; tap < 9; tap++) {
				size_t block = ((size_t)tap * pairs + c / 2) * blocks + (o - first) / lanes;
				float factor = weight[((size_t)o * in + c % in) * 9 + tap];
				if (c >= in) factor -= wide(near(factor));
				group[(block * lanes + o % lanes) * 2 + c % 2] = near(factor);
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

// source is what a piece of a row reads: the position left of it in three
// rows, NULL for zeros, and the distance of positions in numbers.
typedef struct {
	const uint16_t *rows[3];
	size_t step;
} source;

// piece computes n of count positions of one group's channels, from x of row y
// on. blocks and count are constants where it is used.
INLINE void piece(const od_dot *d, const source *s, int group, int blocks, int count, int n, const line *to, int x) {
	const uint16_t *w = d->weights + (size_t)group * lanes * 9 * d->pairs * 2;
	__m512 sums[most_positions][most_blocks];
#pragma GCC unroll 16
	for (int p = 0; p < count; p++)
#pragma GCC unroll 4
		for (int k = 0; k < blocks; k++) sums[p][k] = _mm512_load_ps(d->bias + (group + k) * lanes);
	for (int row = 0; row < 3; row++) {
		if (!s->rows[row]) {
			w += (size_t)3 * d->pairs * blocks * lanes * 2;
			continue;
		}
		for (int column = 0; column < 3; column++) {
			const uint16_t *from = s->rows[row] + column * s->step;
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
			if (p < n) finish(to, sums[p][k], x + p, (group + k) * lanes, mask_of(left - k * lanes));
		}
}

BF16 static __attribute__((noinline)) void piece4(const od_dot *d, const source *s, int group, int n, const line *to, int x) { piece(d, s, group, 4, 6, n, to, x); }
BF16 static __attribute__((noinline)) void piece3(const od_dot *d, const source *s, int group, int n, const line *to, int x) { piece(d, s, group, 3, 8, n, to, x); }
BF16 static __attribute__((noinline)) void piece2(const od_dot *d, const source *s, int group, int n, const line *to, int x) { piece(d, s, group, 2, 12, n, to, x); }
BF16 static __attribute__((noinline)) void piece1(const od_dot *d, const source *s, int group, int n, const line *to, int x) { piece(d, s, group, 1, 16, n, to, x); }

// gather copies what a piece reads to room, enlarged, with zeros beyond the
// sides.
static void gather(const od_dot *d, const od_band *b, source *s, uint16_t *room, int count, int y, int x) {
	s->step = 2 * d->pairs;
	for (int i = 0; i < 3; i++) {
		int from = y - 1 + i;
		s->rows[i] = NULL;
		if (from < 0 || from >= b->last) continue;
		const uint16_t *row = (const uint16_t *)row_of(&b->from, from / b->enlarge);
		uint16_t *to = room + i * (most_positions + 2) * s->step;
		s->rows[i] = to;
		for (int p = x - 1; p <= x + count; p++, to += s->step) {
			if (p < 0 || p >= b->width) {
				memset(to, 0, s->step * sizeof *to);
				continue;
			}
			const uint16_t *numbers = row + (size_t)(p / b->enlarge) * b->from.channels;
			memcpy(to, numbers, d->in * sizeof *to);
			memcpy(to + d->in, numbers, d->in * sizeof *to);
		}
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
	uint16_t room[3 * (most_positions + 2) * 2 * od_dot_most];
	for (int group = 0; group * lanes < d->out; group += most_blocks) {
		int blocks = (d->out - group * lanes + lanes - 1) / lanes;
		if (blocks > most_blocks) blocks = most_blocks;
		int columns = positions(blocks), across = (b->width + columns - 1) / columns;
		int64_t all = (int64_t)across * b->height;
		for (int64_t at = all * i / count, end = all * (i + 1) / count; at < end; at++) {
			int y = b->y + (int)(at / across), x = (int)(at % across) * columns;
			int n = b->width - x < columns ? b->width - x : columns;
			source s;
			line to = line_of(b, y);
			gather(d, b, &s, room, columns, y, x);
			switch (blocks) {
			case 4: piece4(d, &s, group, n, &to, x); break;
			case 3: piece3(d, &s, group, n, &to, x); break;
			case 2: piece2(d, &s, group, n, &to, x); break;
			default: piece1(d, &s, group, n, &to, x);
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
