// Vectors of 4 float32 in the compiler's own vector type, for any CPU.
#ifndef UPSCALED_CPU_VEC_H
#define UPSCALED_CPU_VEC_H

#include <stdint.h>
#include <string.h>

#define TARGET
#define VEC_MAX_BLOCKS 2
#define INLINE static inline __attribute__((always_inline))

typedef float vec __attribute__((vector_size(16)));
typedef int32_t vec_bits __attribute__((vector_size(16)));
typedef uint32_t vec_uint __attribute__((vector_size(16)));

// accumulators is how many sums fit the registers beside weights and an input.
enum { lanes = 4, max_blocks = VEC_MAX_BLOCKS, accumulators = 8 };

INLINE vec vec_set1(float v) { return (vec){v, v, v, v}; }
INLINE vec vec_zero(void) { return vec_set1(0); }
INLINE vec vec_load(const float *p) {
	vec v;
	memcpy(&v, p, sizeof v);
	return v;
}
INLINE void vec_store(float *p, vec v) { memcpy(p, &v, sizeof v); }
INLINE vec vec_add(vec a, vec b) { return a + b; }
INLINE vec vec_sub(vec a, vec b) { return a - b; }
INLINE vec vec_mul(vec a, vec b) { return a * b; }
INLINE vec vec_div(vec a, vec b) { return a / b; }
INLINE vec vec_select(vec_bits mask, vec a, vec b) { return (vec)(((vec_bits)a & mask) | ((vec_bits)b & ~mask)); }
INLINE vec vec_min(vec a, vec b) { return vec_select(a < b, a, b); }
INLINE vec vec_max(vec a, vec b) { return vec_select(a > b, a, b); }
// vec_fma returns a*b+c, vec_fnma c-a*b, rounded once or twice.
INLINE vec vec_fma(vec a, vec b, vec c) { return a * b + c; }
INLINE vec vec_fnma(vec a, vec b, vec c) { return c - a * b; }
// vec_leaky returns v, times slope where it is negative.
INLINE vec vec_leaky(vec v, vec slope) { return vec_select(v < vec_zero(), v * slope, v); }

// vec_times_power returns v * 2^n, with n in the lowest bits of whole, which is n + 1.5 * 2^23.
INLINE vec vec_times_power(vec v, vec whole) {
	return (vec)((vec_uint)v + ((vec_uint)whole << 23));
}

// vec_load_n and vec_store_n access the first n elements only; the others are 0.
INLINE vec vec_load_n(const float *p, int n) {
	if (n >= lanes) return vec_load(p);
	vec v = vec_zero();
	memcpy(&v, p, n * sizeof *p);
	return v;
}
INLINE void vec_store_n(float *p, vec v, int n) {
	if (n >= lanes) vec_store(p, v);
	else memcpy(p, &v, n * sizeof *p);
}

#endif
