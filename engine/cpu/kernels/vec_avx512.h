// Vectors of 16 float32 on AVX-512.
#ifndef UPSCALED_CPU_VEC_H
#define UPSCALED_CPU_VEC_H

#include <immintrin.h>
#include <stdint.h>

#ifndef TARGET
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#endif
#define VEC_MAX_BLOCKS 4
#define INLINE TARGET static inline __attribute__((always_inline))

typedef __m512 vec;

// accumulators is how many sums fit the registers beside weights and an input.
enum { lanes = 16, max_blocks = VEC_MAX_BLOCKS, accumulators = 24 };

INLINE vec vec_zero(void) { return _mm512_setzero_ps(); }
INLINE vec vec_set1(float v) { return _mm512_set1_ps(v); }
INLINE vec vec_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void vec_store(float *p, vec v) { _mm512_storeu_ps(p, v); }
INLINE vec vec_add(vec a, vec b) { return _mm512_add_ps(a, b); }
INLINE vec vec_sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
INLINE vec vec_mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
INLINE vec vec_div(vec a, vec b) { return _mm512_div_ps(a, b); }
INLINE vec vec_min(vec a, vec b) { return _mm512_min_ps(a, b); }
INLINE vec vec_max(vec a, vec b) { return _mm512_max_ps(a, b); }
// vec_fma returns a*b+c, vec_fnma c-a*b.
INLINE vec vec_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vec vec_fnma(vec a, vec b, vec c) { return _mm512_fnmadd_ps(a, b, c); }
// vec_leaky returns v, times slope where it is negative.
INLINE vec vec_leaky(vec v, vec slope) {
	return _mm512_mask_mul_ps(v, _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_LT_OQ), v, slope);
}

// vec_times_power returns v * 2^n, with n in the lowest bits of whole, which is n + 1.5 * 2^23.
INLINE vec vec_times_power(vec v, vec whole) {
	return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(v), _mm512_slli_epi32(_mm512_castps_si512(whole), 23)));
}

INLINE __mmask16 vec_mask(int n) { return n >= lanes ? 0xffff : (1 << n) - 1; }
// vec_load_n and vec_store_n access the first n elements only; the others are 0.
INLINE vec vec_load_n(const float *p, int n) { return _mm512_maskz_loadu_ps(vec_mask(n), p); }
INLINE void vec_store_n(float *p, vec v, int n) { _mm512_mask_storeu_ps(p, vec_mask(n), v); }

INLINE vec vec_load_f16_n(const uint16_t *p, int n) { return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(vec_mask(n), p)); }
INLINE void vec_store_f16(uint16_t *p, vec v) { _mm256_storeu_si256((void *)p, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)); }

#define VEC_STORES_HALF
// vec_store_f16_n rounds to float16; values beyond its range become its largest.
INLINE void vec_store_f16_n(uint16_t *p, vec v, int n) {
	const vec most = vec_set1(65504);
	v = vec_max(vec_min(v, most), vec_sub(vec_zero(), most));
	_mm256_mask_storeu_epi16(p, vec_mask(n), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
#define VEC_STORES_BF16
// vec_store_bf16_n rounds to bfloat16, ties to even.
INLINE void vec_store_bf16_n(uint16_t *p, vec v, int n) {
	__m512i bits = _mm512_castps_si512(v), odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
	bits = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
	_mm256_mask_storeu_epi16(p, vec_mask(n), _mm512_cvtepi32_epi16(_mm512_srli_epi32(bits, 16)));
}

#endif
