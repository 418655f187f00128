// A band: some rows of one convolution, and the rings of rows between convolutions.
#ifndef UPSCALED_ONEDNN_BAND_H
#define UPSCALED_ONEDNN_BAND_H

#include "library.h"

#include <stddef.h>
#include <string.h>

// od_ring holds the last rows of a tensor: row y is at index y % capacity, as width
// positions of channels elements (NHWC).
typedef struct {
	void *data; // NULL for no ring
	int type;   // OD_F16, OD_BF16 or OD_F32
	int capacity, channels, width;
} od_ring;

static inline size_t od_element_size(int type) { return type == OD_F32 ? 4 : 2; }

static inline char *row_of(const od_ring *r, int y) {
	return (char *)r->data + (size_t)(y % r->capacity) * r->width * r->channels * od_element_size(r->type);
}

// f32_to_bf16 rounds to nearest, ties to even.
static inline uint16_t f32_to_bf16(float v) {
	uint32_t bits;
	memcpy(&bits, &v, 4);
	return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

static inline float bf16_to_f32(uint16_t v) {
	uint32_t bits = (uint32_t)v << 16;
	float f;
	memcpy(&f, &bits, 4);
	return f;
}

// od_residual is a float32 ring whose first channels are added, times factor.
typedef struct {
	od_ring ring;
	float factor;
} od_residual;

// od_band is height rows of one convolution, from row y on. All rings have the
// convolution's own size but from, which is upsample times smaller.
typedef struct {
	od_conv *conv;
	const od_weights *weights;
	od_ring from;
	int in, out, upsample;
	int y, height;
	int width, last; // the whole tensor's width and height
	// height+2 rows of in channels, of from's type, or the scratch of a kernel
	void *scratch;
	float *result;   // height rows of out channels
	od_residual residual[2];
	const float *slopes; // NULL for no activation
	od_ring to, kept;    // results are stored in channels at.. of to, and in kept
	int at;
} od_band;

// Limits of the AVX-512 kernels: input channels, and bytes of scratch per thread.
enum { od_max_in = 2048, od_scratch = 5 << 18 };

// od_band_run computes a band with oneDNN. Without an output ring, the sums stay in
// result. 0 is success.
int od_band_run(const od_band *);

// od_image_in copies count rows of an image into a ring from row y on. image points
// to the first of them; each position gets unshuffle x unshuffle pixels of depth 8
// or 16 bits. If the ring has twice the channels, the second half gets the residue
// that bfloat16 cuts off the first.
void od_image_in(const od_ring *, const void *image, int depth, int colors, int unshuffle, int y, int count);

// od_image_out writes the image rows of height rows of result, which has
// shuffle*shuffle*colors channels. residual points to the input row of the same
// number, or is NULL.
void od_image_out(const float *result, int height, int width, int shuffle, int colors, const void *residual, void *image, int depth);

#endif
