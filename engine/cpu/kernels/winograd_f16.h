// Float16 elements of conv3x3_winograd.h. Transformed inputs and weights are float16,
// and so are the sums of wino_flush products; all else is float32.
#include "epilogue.h"

#define WINO_NAME NAME(winograd_f16)

typedef uint16_t wino_element;
typedef hvec wino_vec;
// Inputs are divided by wino_unit, more than what transforming multiplies them with,
// so that none is beyond float16's range; results are multiplied by it.
enum { wino_type = CPU_F16, wino_lanes = half_lanes, wino_flush = 16, wino_unit = 32 };

#define wino_store_vec vec_store_f16
#define wino_vec_zero hvec_zero
#define wino_vec_set1 hvec_set1
#define wino_vec_load hvec_load
#define wino_vec_fma hvec_fma
INLINE vec wino_load_n(const uint16_t *p, int n) {
	return vec_mul(vec_load_f16_n(p, n), vec_set1(1.0f / wino_unit));
}
INLINE uint16_t wino_from_f32(float v) {
	uint16_t to;
	vec_store_f16_n(&to, vec_set1(v), 1);
	return to;
}
// wino_add stores sums or adds them to those that are there.
INLINE void wino_add(float *sums, hvec v, int add) {
	vec low = hvec_low(v), high = hvec_high(v);
	vec_store(sums, add ? vec_add(vec_load(sums), low) : low);
	vec_store(sums + lanes, add ? vec_add(vec_load(sums + lanes), high) : high);
}

#define DIRECTLY(in, call)
