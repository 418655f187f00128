// A network's first convolution in bfloat16 by dot product instructions
// (AVX512-BF16): it reads the picture's samples, which bfloat16 holds exactly.
#ifndef UPSCALED_ONEDNN_DOT_H
#define UPSCALED_ONEDNN_DOT_H

#include "rows.h"

// od_dot holds a convolution's weights as the instructions want them.
typedef struct od_dot od_dot;

// od_dot_most is the most input channels it takes.
enum { od_dot_most = 256 };

// od_dot_new lays [out][in][3][3] out; NULL is lack of memory, or a processor
// that this was not built for.
od_dot *od_dot_new(int in, int out, const float *weight, const float *bias);
void od_dot_free(od_dot *);

// od_dot_run does what od_band_run does, from a ring of bfloat16 to one of
// float16, and needs no window; it needs a result only where there is no ring to.
void od_dot_run(const od_dot *, const od_band *);

#endif
