// Vectors of 8 float32 on AVX2 and FMA.
#ifndef UPSCALED_CPU_VEC_H
#define UPSCALED_CPU_VEC_H

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define VEC_MAX_BLOCKS 2
#define INLINE TARGET static inline __attribute__((always_inline))

typedef __m256 vec;

// accumulators is how many sums fit the registers beside weights and an input.
enum { lanes = 8, max_blocks = VEC_MAX_BLOCKS, accumulators = 12 };

INLINE vec vec_zero(void) { return _mm256_setzero_ps(); }
INLINE vec vec_set1(float v) { return _mm256_set1_ps(v); }
INLINE vec vec_load(const float *p) { return _mm256_loadu_ps(p); }
INLINE void vec_store(float *p, vec v) { _mm256_storeu_ps(p, v); }
INLINE vec vec_add(vec a, vec b) { return _mm256_add_ps(a, b); }
INLINE vec vec_sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
INLINE vec vec_mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
INLINE vec vec_div(vec a, vec b) { return _mm256_div_ps(a, b); }
INLINE vec vec_min(vec a, vec b) { return _mm256_min_ps(a, b); }
INLINE vec vec_max(vec a, vec b) { return _mm256_max_ps(a, b); }
// vec_fma returns a*b+c, vec_fnma c-a*b.
INLINE vec vec_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vec vec_fnma(vec a, vec b, vec c) { return _mm256_fnmadd_ps(a, b, c); }
// vec_leaky returns v, times slope where it is negative.
INLINE vec vec_leaky(vec v, vec slope) {
	return _mm256_blendv_ps(v, _mm256_mul_ps(v, slope), _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_LT_OQ));
}

// vec_times_power returns v * 2^n, with n in the lowest bits of whole, which is n + 1.5 * 2^23.
INLINE vec vec_times_power(vec v, vec whole) {
	return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(v), _mm256_slli_epi32(_mm256_castps_si256(whole), 23)));
}

INLINE __m256i vec_mask(int n) {
	return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
// vec_load_n and vec_store_n access the first n elements only; the others are 0.
INLINE vec vec_load_n(const float *p, int n) { return n >= lanes ? vec_load(p) : _mm256_maskload_ps(p, vec_mask(n)); }
INLINE void vec_store_n(float *p, vec v, int n) {
	if (n >= lanes) vec_store(p, v);
	else _mm256_maskstore_ps(p, vec_mask(n), v);
}

#endif
