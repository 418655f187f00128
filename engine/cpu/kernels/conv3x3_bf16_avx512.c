// Bfloat16 kernel for AVX512-BF16.
#if defined(__x86_64__)

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))
#include "vec_avx512.h"

#define DOT_MAX_BLOCKS 4
enum { dot_inputs = 2, dot_tiles = 1 };

typedef __m512bh dot_vec;
INLINE dot_vec dot_load(const uint16_t *p) { return (dot_vec)_mm512_loadu_si512(p); }
INLINE dot_vec dot_load_tiles(const uint16_t *p) {
	int both;
	__builtin_memcpy(&both, p, 4);
	return (dot_vec)_mm512_set1_epi32(both);
}
INLINE vec dot_fma(vec sum, dot_vec weights, dot_vec v) { return _mm512_dpbf16_ps(sum, weights, v); }
INLINE vec dot_tile(vec acc[][DOT_MAX_BLOCKS], int t, int k) { return acc[t][k]; }
INLINE void dot_store(uint16_t *p, vec v) { _mm256_storeu_si256((void *)p, (__m256i)_mm512_cvtneps_pbh(v)); }

#define NAME(x) cpu_##x##_avx512
#include "conv3x3_bf16_dot.h"

#endif
