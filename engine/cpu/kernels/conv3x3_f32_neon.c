// Float32 kernels for neon.
#if defined(__aarch64__)

#include "vec_neon.h"

#define NAME(x) cpu_##x##_neon
#include "conv3x3_f32_direct.h"
#include "winograd_f32.h"
#include "conv3x3_winograd.h"

#endif
