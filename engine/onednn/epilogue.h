// Shared code of the AVX-512 kernels: accumulator layout, residuals, PReLU, store.
// The including file defines VECTORS, its target attribute.
#ifndef UPSCALED_ONEDNN_EPILOGUE_H
#define UPSCALED_ONEDNN_EPILOGUE_H

#include "band.h"

#include <immintrin.h>
#include <string.h>

#define INLINE VECTORS static inline __attribute__((always_inline))

// Accumulators hold blocks of 16 output channels. A group of up to 4 blocks is
// computed at a time.
enum { lanes = 16, max_blocks = 4 };

// blocks_of returns the number of blocks in the group that starts at output channel
// first.
static inline int blocks_of(int out, int first) {
	int blocks = (out - first + lanes - 1) / lanes;
	return blocks < max_blocks ? blocks : max_blocks;
}

// positions returns how many positions are computed at once, as many as there are
// registers for their accumulators.
static inline int positions(int blocks) { return blocks == 4 ? 6 : blocks == 3 ? 8 : blocks == 2 ? 12 : 16; }

// f32_to_f16 rounds to nearest and saturates at the largest finite float16.
INLINE __m256i f32_to_f16(__m512 v) {
	const __m512 most = _mm512_set1_ps(65504);
	v = _mm512_max_ps(_mm512_min_ps(v, most), _mm512_sub_ps(_mm512_setzero_ps(), most));
	return _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

// output says where the results of a row are stored and what is added to them.
// Pointers are NULL for unused parts: to is a float16 ring, result a float32 ring
// or the band's own result.
typedef struct {
	const float *residual[2];
	float factor[2];
	size_t residual_step[2]; // elements per position
	const float *slopes;
	float *kept, *result;
	uint16_t *to;
	size_t kept_step, result_step, to_step;
} output;

static inline output output_row(const od_band *b, int y) {
	output l = {.slopes = b->slopes};
	for (int a = 0; a < 2; a++) {
		const od_ring *r = &b->residual[a].ring;
		if (!r->data) continue;
		l.residual[a] = (const float *)row_of(r, y);
		l.factor[a] = b->residual[a].factor;
		l.residual_step[a] = r->channels;
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

// epilogue applies residuals and PReLU to the accumulators of position x, channels
// c on, and stores those in the mask.
INLINE void epilogue(const output *l, __m512 v, size_t x, int c, __mmask16 valid) {
	for (int a = 0; a < 2; a++)
		if (l->residual[a])
			v = _mm512_fmadd_ps(_mm512_set1_ps(l->factor[a]), _mm512_maskz_loadu_ps(valid, l->residual[a] + x * l->residual_step[a] + c), v);
	if (l->slopes) {
		__mmask16 below = _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_LT_OQ);
		v = _mm512_mask_mul_ps(v, below, v, _mm512_maskz_loadu_ps(valid, l->slopes + c));
	}
	if (l->kept) _mm512_mask_storeu_ps(l->kept + x * l->kept_step + c, valid, v);
	if (l->to) _mm256_mask_storeu_epi16(l->to + x * l->to_step + c, valid, f32_to_f16(v));
	else _mm512_mask_storeu_ps(l->result + x * l->result_step + c, valid, v);
}

// mask_of returns the mask of the remaining channels, at most 16.
INLINE __mmask16 mask_of(int left) { return left >= lanes ? 0xffff : (1 << left) - 1; }

#endif
