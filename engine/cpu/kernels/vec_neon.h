// Vectors of 4 float32 on arm64, where NEON is always there.
#ifndef UPSCALED_CPU_VEC_H
#define UPSCALED_CPU_VEC_H

#include <arm_neon.h>
#include <string.h>

#ifndef TARGET
#define TARGET
#endif
#define VEC_MAX_BLOCKS 4
#define INLINE TARGET static inline __attribute__((always_inline))

typedef float32x4_t vec;

// accumulators is how many sums fit the registers beside weights and an input.
enum { lanes = 4, max_blocks = VEC_MAX_BLOCKS, accumulators = 24 };

INLINE vec vec_zero(void) { return vdupq_n_f32(0); }
INLINE vec vec_set1(float v) { return vdupq_n_f32(v); }
INLINE vec vec_load(const float *p) { return vld1q_f32(p); }
INLINE void vec_store(float *p, vec v) { vst1q_f32(p, v); }
INLINE vec vec_add(vec a, vec b) { return vaddq_f32(a, b); }
INLINE vec vec_sub(vec a, vec b) { return vsubq_f32(a, b); }
INLINE vec vec_mul(vec a, vec b) { return vmulq_f32(a, b); }
INLINE vec vec_div(vec a, vec b) { return vdivq_f32(a, b); }
INLINE vec vec_min(vec a, vec b) { return vminq_f32(a, b); }
INLINE vec vec_max(vec a, vec b) { return vmaxq_f32(a, b); }
// vec_fma returns a*b+c, vec_fnma c-a*b.
INLINE vec vec_fma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }
INLINE vec vec_fnma(vec a, vec b, vec c) { return vfmsq_f32(c, a, b); }
// vec_leaky returns v, times slope where it is negative.
INLINE vec vec_leaky(vec v, vec slope) { return vbslq_f32(vcltzq_f32(v), vmulq_f32(v, slope), v); }

// vec_times_power returns v * 2^n, with n in the lowest bits of whole, which is n + 1.5 * 2^23.
INLINE vec vec_times_power(vec v, vec whole) {
	return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(v), vshlq_n_s32(vreinterpretq_s32_f32(whole), 23)));
}

// vec_load_n and vec_store_n access the first n elements only; the others are 0.
INLINE vec vec_load_n(const float *p, int n) {
	if (n >= lanes) return vec_load(p);
	float all[4] = {0};
	memcpy(all, p, n * sizeof *p);
	return vec_load(all);
}
INLINE void vec_store_n(float *p, vec v, int n) {
	if (n >= lanes) {
		vec_store(p, v);
		return;
	}
	float all[4];
	vec_store(all, v);
	memcpy(p, all, n * sizeof *p);
}

INLINE vec vec_load_f16_n(const uint16_t *p, int n) {
	uint16_t all[4] = {0};
	memcpy(all, p, n >= lanes ? sizeof all : n * sizeof *p);
	return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(all)));
}
INLINE void vec_store_f16(uint16_t *p, vec v) { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(v))); }

#define VEC_STORES_HALF
// vec_store_f16_n rounds to float16; values beyond its range become its largest.
INLINE void vec_store_f16_n(uint16_t *p, vec v, int n) {
	uint16_t all[4];
	vec_store_f16(all, vec_max(vec_min(v, vec_set1(65504)), vec_set1(-65504)));
	memcpy(p, all, n >= lanes ? sizeof all : n * sizeof *p);
}

#endif
