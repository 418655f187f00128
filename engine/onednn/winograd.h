// Convolutions in bfloat16 by dot product instructions (AVX512-BF16) and
// Winograd's F(2,3) along rows: two neighbouring results of a filter row take
// four products instead of six (Lavin and Gray, Fast Algorithms for
// Convolutional Neural Networks, 2015). Sums of two inputs are rounded to
// bfloat16 once, from float16, so that the result is as near to float32 as that
// of rounding each input.
#ifndef UPSCALED_ONEDNN_WINOGRAD_H
#define UPSCALED_ONEDNN_WINOGRAD_H

#include "rows.h"

// od_winograd holds a convolution's weights, transformed.
typedef struct od_winograd od_winograd;

// od_winograd_new lays [out][in][3][3] out; NULL is lack of memory, or a
// processor that this was not built for. Where it is precise, the factors of the
// product of sums, which meets the largest numbers, have twice the digits; that
// takes a quarter more time.
od_winograd *od_winograd_new(int in, int out, const float *weight, const float *bias, int precise);
void od_winograd_free(od_winograd *);

// od_winograd_run does what od_band_run does, from a ring of float16 to another
// one, at most od_most_in channels. It needs od_room bytes of window a thread,
// needs a result only where there is no ring to, and reads and writes rings
// where they lie.
void od_winograd_run(const od_winograd *, const od_band *);

#endif
