// 3x3 convolutions in float32 with AVX-512 that read and write rings in place.
// oneDNN has only its slow reference for channel slices and per-channel PReLU. Sums
// are accumulated in ONNX Runtime's order, so that both usually round alike.
#ifndef UPSCALED_ONEDNN_CONV3X3_F32_AVX512_H
#define UPSCALED_ONEDNN_CONV3X3_F32_AVX512_H

#include "band.h"

// od_conv_f32 holds packed weights.
typedef struct od_conv_f32 od_conv_f32;

// od_conv_f32_new packs weights [out][in][3][3]. NULL means out of memory or a CPU
// that this was not built for.
od_conv_f32 *od_conv_f32_new(int in, int out, const float *weight, const float *bias);
void od_conv_f32_free(od_conv_f32 *);

// od_conv_f32_run computes a band like od_band_run, from a float32 ring to one of
// float32 or float16, with at most od_max_in input channels. It needs od_scratch
// bytes of scratch per thread, and a result only without an output ring.
void od_conv_f32_run(const od_conv_f32 *, const od_band *);

#endif
