// Float32 kernels for portable.

#include "vec_portable.h"

#define NAME(x) cpu_##x##_portable
#include "conv3x3_f32_direct.h"
#include "winograd_f32.h"
#include "conv3x3_winograd.h"
