// Float32 kernels for avx512.
#if defined(__x86_64__)

#include "vec_avx512.h"

#define NAME(x) cpu_##x##_avx512
#include "conv3x3_f32_direct.h"
#include "winograd_f32.h"
#include "conv3x3_winograd.h"

#endif
