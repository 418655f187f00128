// What happens to rows between convolutions.
#ifndef UPSCALED_ONEDNN_ROWS_H
#define UPSCALED_ONEDNN_ROWS_H

#include "library.h"

#include <stddef.h>
#include <string.h>

// od_ring holds the last rows of a tensor: row y lies at place y % capacity, as
// width positions of channels numbers each.
typedef struct {
	void *data; // NULL for no ring
	int type;   // OD_F16, OD_BF16 or OD_F32
	int capacity, channels, width;
} od_ring;

static inline size_t od_number_size(int type) { return type == OD_F32 ? 4 : 2; }

static inline char *row_of(const od_ring *r, int y) {
	return (char *)r->data + (size_t)(y % r->capacity) * r->width * r->channels * od_number_size(r->type);
}

// near is bfloat16's nearest number, ties to even, infinities stay; wide is the
// float32 of one.
static inline uint16_t near(float v) {
	uint32_t bits;
	memcpy(&bits, &v, 4);
	return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

static inline float wide(uint16_t v) {
	uint32_t bits = (uint32_t)v << 16;
	float f;
	memcpy(&f, &bits, 4);
	return f;
}

// od_added is a ring of float32 whose first channels are added, times factor.
typedef struct {
	od_ring ring;
	float factor;
} od_added;

// od_band is one convolution of height rows from row y on. All rings have the
// convolution's own size but from, which is enlarge times smaller.
typedef struct {
	od_conv *conv;
	const od_weights *weights;
	od_ring from;
	int in, out, enlarge;
	int y, height;
	int width, last; // of the whole tensor: its width and height
	// room for height+2 rows of in channels, of from's type, or what a kernel of
	// this package tells
	void *window;
	float *result;   // height rows of out channels
	od_added added[2];
	const float *slopes; // NULL for no activation
	od_ring to, kept;    // results go to channels at.. of to, and to kept
	int at;
} od_band;

// The kernels of this package take so many channels at most, and need so many
// bytes of a band's window for each thread.
enum { od_most_in = 2048, od_room = 5 << 18 };

// od_band_run computes a band; where there is no ring to, the sums stay in
// result. 0 is success.
int od_band_run(const od_band *);

// od_picture_in puts count rows of a picture into ring from row y on. picture
// points to the first of them, folded to positions of fold x fold pixels, depth
// 8 or 16 bits. Where the ring has twice the channels, the second half gets what
// bfloat16 cuts off the first.
void od_picture_in(const od_ring *, const void *picture, int depth, int colours, int fold, int y, int count);

// od_picture_out makes rows of a picture of height rows of result, of
// block*block*colours channels. added points to the input's row of the same
// number, or is NULL.
void od_picture_out(const float *result, int height, int width, int block, int colours, const void *added, void *picture, int depth);

#endif
