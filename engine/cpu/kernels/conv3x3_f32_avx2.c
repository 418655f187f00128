// Float32 kernels for avx2.
#if defined(__x86_64__)

#include "vec_avx2.h"

#define NAME(x) cpu_##x##_avx2
#include "conv3x3_f32_direct.h"
#include "winograd_f32.h"
#include "conv3x3_winograd.h"

#endif
