// 3x3 convolutions in bfloat16 by dot-product instructions (AVX512-BF16) and
// Winograd's F(2,3) along rows, where two neighboring outputs take four products
// per filter row instead of six (Lavin and Gray, Fast Algorithms for Convolutional
// Neural Networks, 2015). Sums of two inputs are rounded to bfloat16 once, from
// float16, so that the result is as close to float32 as with rounded inputs.
#ifndef UPSCALED_ONEDNN_CONV3X3_BF16_AVX512_H
#define UPSCALED_ONEDNN_CONV3X3_BF16_AVX512_H

#include "band.h"

// od_conv_bf16 holds packed, transformed weights.
typedef struct od_conv_bf16 od_conv_bf16;

// od_conv_bf16_new packs weights [out][in][3][3]. NULL means out of memory or a CPU
// that this was not built for. If precise is set, the weights of the product of
// sums, which sees the largest values, have twice the digits; this takes a quarter
// more time.
od_conv_bf16 *od_conv_bf16_new(int in, int out, const float *weight, const float *bias, int precise);
void od_conv_bf16_free(od_conv_bf16 *);

// od_conv_bf16_run computes a band like od_band_run, from one float16 ring to
// another, with at most od_max_in input channels. It needs od_scratch bytes of
// scratch per thread, and a result only without an output ring.
void od_conv_bf16_run(const od_conv_bf16 *, const od_band *);

#endif
