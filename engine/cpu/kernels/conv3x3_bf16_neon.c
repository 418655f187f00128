// Bfloat16 kernel for arm64 with bfloat16 arithmetic (FEAT_BF16). An instruction
// multiplies two tiles by two outputs, four inputs each.
#if defined(__aarch64__)

#define TARGET __attribute__((target("arch=armv8.2-a+bf16")))
#include "vec_neon.h"

#define DOT_MAX_BLOCKS 2
enum { dot_inputs = 4, dot_tiles = 2 };

typedef bfloat16x8_t dot_vec;
INLINE dot_vec dot_load(const uint16_t *p) { return vreinterpretq_bf16_u16(vld1q_u16(p)); }
#define dot_load_tiles dot_load
INLINE vec dot_fma(vec sum, dot_vec weights, dot_vec v) { return vbfmmlaq_f32(sum, v, weights); }
// dot_tile returns the sums of a tile, which are halves of two vectors.
INLINE vec dot_tile(vec acc[][DOT_MAX_BLOCKS], int t, int k) {
	if (t % 2) return vcombine_f32(vget_high_f32(acc[t - 1][k]), vget_high_f32(acc[t][k]));
	return vcombine_f32(vget_low_f32(acc[t][k]), vget_low_f32(acc[t + 1][k]));
}
INLINE void dot_store(uint16_t *p, vec v) { vst1_u16(p, vreinterpret_u16_bf16(vcvt_bf16_f32(v))); }

#define NAME(x) cpu_##x##_neon
#include "conv3x3_bf16_dot.h"

#endif
