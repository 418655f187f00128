// The epilogue of all kernels: residuals, gate, PReLU and the store. It is included
// behind a vec_*.h header, once per instruction set.
#ifndef UPSCALED_CPU_EPILOGUE_H
#define UPSCALED_CPU_EPILOGUE_H

#include "conv.h"

// out_row is where one row of results goes. Pointers are NULL for what a band
// does not have; steps are distances between positions in elements.
typedef struct {
	const float *residuals[2];
	float scale[2];
	size_t residual_step[2];
	int gated;
	float gate_bias;
	const float *prelu;
	float *kept, *f32;
	uint16_t *half; // of type
	int type;
	size_t kept_step, step;
} out_row;

static inline out_row out_row_of(const cpu_band *b, int y) {
	out_row o = {.gated = b->gated, .gate_bias = b->gate_bias, .prelu = b->prelu};
	for (int i = 0; i < 2; i++) {
		const cpu_ring *r = &b->residuals[i].ring;
		if (!r->data) continue;
		o.residuals[i] = (const float *)ring_row(r, y);
		o.scale[i] = b->residuals[i].scale;
		o.residual_step[i] = r->channels;
	}
	if (b->kept.data) o.kept = (float *)ring_row(&b->kept, y);
	o.kept_step = b->kept.channels;
	o.step = b->dst.channels;
	o.type = b->dst.type;
	if (b->dst.data && o.type != CPU_F32) o.half = (uint16_t *)ring_row(&b->dst, y) + b->dst_channel;
	else if (b->dst.data) o.f32 = (float *)ring_row(&b->dst, y) + b->dst_channel;
	else if (b->result) {
		o.f32 = b->result + (size_t)(y - b->y) * b->width * b->out;
		o.step = b->out;
	}
	return o;
}

// sigmoid returns 1 / (1 + 2^t) with t = -v log2(e): a polynomial for the fraction of
// t, and its nearest integer, which a large addend moves to the lowest bits, added to
// the exponent. It is off by 3e-7 at most. Not inlined: it would fill the registers of
// all kernels, which are unrolled.
TARGET static __attribute__((noinline)) vec sigmoid(vec v) {
	static const float powers[] = {1.54035304e-4f, 1.33335581e-3f, 9.61812911e-3f, 5.55041087e-2f, 0.240226507f, 0.693147181f, 1};
	const vec most = vec_set1(125), addend = vec_set1(12582912);
	vec t = vec_min(vec_max(vec_mul(v, vec_set1(-1.44269504f)), vec_sub(vec_zero(), most)), most);
	vec whole = vec_add(t, addend), f = vec_sub(t, vec_sub(whole, addend)), p = vec_set1(powers[0]);
	for (int i = 1; i < 7; i++) p = vec_fma(p, f, vec_set1(powers[i]));
	return vec_div(vec_set1(1), vec_add(vec_set1(1), vec_times_power(p, whole)));
}

// finish applies the epilogue to n channels from c on at position x.
INLINE void finish(const out_row *o, vec v, size_t x, int c, int n) {
	const vec own = v;
	for (int i = 0; i < 2; i++)
		if (o->residuals[i]) v = vec_fma(vec_set1(o->scale[i]), vec_load_n(o->residuals[i] + x * o->residual_step[i] + c, n), v);
	if (o->gated) v = vec_mul(v, vec_add(sigmoid(own), vec_set1(o->gate_bias)));
	if (o->prelu) v = vec_leaky(v, vec_load_n(o->prelu + c, n));
	if (o->kept) vec_store_n(o->kept + x * o->kept_step + c, v, n);
#ifdef VEC_STORES_HALF
	if (o->half) {
#ifdef VEC_STORES_BF16
		if (o->type == CPU_BF16) {
			vec_store_bf16_n(o->half + x * o->step + c, v, n);
			return;
		}
#endif
		vec_store_f16_n(o->half + x * o->step + c, v, n);
		return;
	}
#endif
	if (o->f32) vec_store_n(o->f32 + x * o->step + c, v, n);
}

// blocks_at returns how many vectors of output channels are computed together
// from channel first on.
static inline int blocks_at(int out, int first) { return min_int(ceil_div(out - first, lanes), max_blocks); }

// gather returns count positions of output row y from x on, as elements of size
// bytes, channels from first on, and their distance in elements. If they are not
// in memory that way they are copied to scratch: upsampled, with zeros beyond the
// image and padded zero channels.
static inline const char *gather(const cpu_band *b, int y, int x, int count, int first, int channels, int padded, char *scratch, size_t *step) {
	size_t size = element_size(b->src.type), stride = b->src.channels * size;
	const char *row = ring_row(&b->src, y / b->upsample) + first * size;
	if (b->upsample == 1 && channels == padded && x >= 0 && x + count <= b->width) {
		*step = b->src.channels;
		return row + x * stride;
	}
	*step = padded;
	char *to = scratch;
	for (int p = x; p < x + count; p++, to += padded * size) {
		size_t kept = p < 0 || p >= b->width ? 0 : channels * size;
		if (kept) memcpy(to, row + (size_t)(p / b->upsample) * stride, kept);
		memset(to + kept, 0, padded * size - kept);
	}
	return scratch;
}

#endif
