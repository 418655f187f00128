// Float16 kernel for arm64 with float16 arithmetic (FEAT_FP16).
#if defined(__aarch64__)

#define TARGET __attribute__((target("arch=armv8.2-a+fp16")))
#include "vec_neon.h"

enum { half_lanes = 2 * lanes };

typedef float16x8_t hvec;
INLINE hvec hvec_zero(void) { return vreinterpretq_f16_u16(vdupq_n_u16(0)); }
INLINE hvec hvec_set1(const uint16_t *p) { return vreinterpretq_f16_u16(vld1q_dup_u16(p)); }
INLINE hvec hvec_load(const uint16_t *p) { return vreinterpretq_f16_u16(vld1q_u16(p)); }
INLINE vec hvec_low(hvec v) { return vcvt_f32_f16(vget_low_f16(v)); }
INLINE vec hvec_high(hvec v) { return vcvt_high_f32_f16(v); }
INLINE hvec hvec_fma(hvec a, hvec b, hvec c) { return vfmaq_f16(c, a, b); }

#define NAME(x) cpu_##x##_neon
#include "winograd_f16.h"
#include "conv3x3_winograd.h"

#endif
