// Float16 kernel for AVX512-FP16.
#if defined(__x86_64__)

#ifdef CPU_EMULATE
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#else
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512fp16")))
#endif
#include "vec_avx512.h"

enum { half_lanes = 2 * lanes };

#ifdef CPU_EMULATE
typedef __m512i hvec;
INLINE hvec hvec_zero(void) { return _mm512_setzero_si512(); }
INLINE hvec hvec_set1(const uint16_t *p) { return _mm512_set1_epi16(*p); }
INLINE hvec hvec_load(const uint16_t *p) { return _mm512_loadu_si512(p); }
INLINE vec hvec_low(hvec v) { return _mm512_cvtph_ps(_mm512_castsi512_si256(v)); }
INLINE vec hvec_high(hvec v) { return _mm512_cvtph_ps(_mm512_extracti64x4_epi64(v, 1)); }
INLINE hvec hvec_fma(hvec a, hvec b, hvec c) {
	__m256i low = _mm512_cvtps_ph(vec_fma(hvec_low(a), hvec_low(b), hvec_low(c)), 0);
	return _mm512_inserti64x4(_mm512_castsi256_si512(low), _mm512_cvtps_ph(vec_fma(hvec_high(a), hvec_high(b), hvec_high(c)), 0), 1);
}
#else
typedef __m512h hvec;
INLINE hvec hvec_zero(void) { return _mm512_setzero_ph(); }
INLINE hvec hvec_set1(const uint16_t *p) { return (hvec)_mm512_set1_epi16(*p); }
INLINE hvec hvec_load(const uint16_t *p) { return _mm512_loadu_ph(p); }
INLINE vec hvec_low(hvec v) { return _mm512_cvtxph_ps(_mm512_castph512_ph256(v)); }
INLINE vec hvec_high(hvec v) { return _mm512_cvtph_ps(_mm512_extracti64x4_epi64((__m512i)v, 1)); }
INLINE hvec hvec_fma(hvec a, hvec b, hvec c) { return _mm512_fmadd_ph(a, b, c); }
#endif

#define NAME(x) cpu_##x##_avx512
#include "winograd_f16.h"
#include "conv3x3_winograd.h"

#endif
