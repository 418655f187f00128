// Convolutions in float32 on vectors of 512 bits (AVX-512) that read and write
// rings where they lie. oneDNN computes such slices of channels, and slopes for
// each channel, by its slow reference only. Sums are formed in ONNX Runtime's
// order, so that as a rule both round to the same.
#ifndef UPSCALED_ONEDNN_DIRECT_H
#define UPSCALED_ONEDNN_DIRECT_H

#include "rows.h"

// od_direct holds a convolution's weights as the kernel wants them.
typedef struct od_direct od_direct;

// od_direct_new lays [out][in][3][3] out; NULL is lack of memory, or a processor
// that this was not built for.
od_direct *od_direct_new(int in, int out, const float *weight, const float *bias);
void od_direct_free(od_direct *);

// od_direct_run does what od_band_run does, from a ring of float32 to one of
// float32 or float16, at most od_most_in channels. It needs od_room bytes of
// window a thread, and a result only where there is no ring to.
void od_direct_run(const od_direct *, const od_band *);

#endif
