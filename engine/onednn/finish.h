// What the kernels of this package have in common: the layout of sums, and what
// is done to them. VECTORS are the instructions of who includes this.
#ifndef UPSCALED_ONEDNN_FINISH_H
#define UPSCALED_ONEDNN_FINISH_H

#include "rows.h"

#include <immintrin.h>
#include <string.h>

#define INLINE VECTORS static inline __attribute__((always_inline))

// Sums lie as blocks of lanes output channels; a group of blocks is computed at
// a time.
enum { lanes = 16, most_blocks = 4 };

// blocks_of is the number of blocks of the group that begins with output first.
static inline int blocks_of(int out, int first) {
	int blocks = (out - first + lanes - 1) / lanes;
	return blocks < most_blocks ? blocks : most_blocks;
}

// positions are computed at once with so many blocks: as many sums as there are
// registers for.
static inline int positions(int blocks) { return blocks == 4 ? 6 : blocks == 3 ? 8 : blocks == 2 ? 12 : 16; }

// half rounds to float16; what is beyond its range becomes its largest number.
INLINE __m256i half(__m512 v) {
	const __m512 most = _mm512_set1_ps(65504);
	v = _mm512_max_ps(_mm512_min_ps(v, most), _mm512_sub_ps(_mm512_setzero_ps(), most));
	return _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

// line is where the results of a row go to and what is added to them; NULL for
// what is not. Rings of float16 are to, those of float32 take the place of the
// result.
typedef struct {
	const float *added[2];
	float factor[2];
	size_t added_step[2]; // distances of positions in numbers
	const float *slopes;
	float *kept, *result;
	uint16_t *to;
	size_t kept_step, result_step, to_step;
} line;

static inline line line_of(const od_band *b, int y) {
	line l = {.slopes = b->slopes};
	for (int a = 0; a < 2; a++) {
		const od_ring *r = &b->added[a].ring;
		if (!r->data) continue;
		l.added[a] = (const float *)row_of(r, y);
		l.factor[a] = b->added[a].factor;
		l.added_step[a] = r->channels;
	}
	if (b->kept.data) l.kept = (float *)row_of(&b->kept, y);
	l.kept_step = b->kept.channels;
	l.to_step = l.result_step = b->to.channels;
	if (b->to.data && b->to.type == OD_F16) l.to = (uint16_t *)row_of(&b->to, y) + b->at;
	else if (b->to.data) l.result = (float *)row_of(&b->to, y) + b->at;
	else {
		l.result = b->result + (size_t)(y - b->y) * b->width * b->out;
		l.result_step = b->out;
	}
	return l;
}

// finish does to the sums of position x, channels c on of which valid are of a
// block, what od_band tells.
INLINE void finish(const line *l, __m512 v, size_t x, int c, __mmask16 valid) {
	for (int a = 0; a < 2; a++)
		if (l->added[a])
			v = _mm512_fmadd_ps(_mm512_set1_ps(l->factor[a]), _mm512_maskz_loadu_ps(valid, l->added[a] + x * l->added_step[a] + c), v);
	if (l->slopes) {
		__mmask16 below = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_LT_OQ);
		v = _mm512_mask_mul_ps(v, below, v, _mm512_maskz_loadu_ps(valid, l->slopes + c));
	}
	if (l->kept) _mm512_mask_storeu_ps(l->kept + x * l->kept_step + c, valid, v);
	if (l->to) _mm256_mask_storeu_epi16(l->to + x * l->to_step + c, valid, half(v));
	else _mm512_mask_storeu_ps(l->result + x * l->result_step + c, valid, v);
}

// mask_of is that of the channels which are left, at most lanes.
INLINE __mmask16 mask_of(int left) { return left >= lanes ? 0xffff : (1 << left) - 1; }

#endif
