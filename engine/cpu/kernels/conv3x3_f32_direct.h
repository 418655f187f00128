// Direct 3x3 convolution in float32. It is included behind a vec_*.h header;
// NAME(x) makes names unique per instruction set.
//
// Products are summed in ONNX Runtime's order: parts of one vector's worth of
// input channels, each over the nine taps, are added up. So both round alike, as
// a rule. Weights are packed as
// [group of max_blocks blocks][part][tap][input][block][lane].

#include "epilogue.h"

// direct_positions is how many neighboring results are computed at once.
static inline int direct_positions(int blocks) { return accumulators / blocks; }

enum { direct_most_positions = accumulators };

static inline int direct_part(int in) { return in < lanes ? 1 : lanes; }

static cpu_conv *direct_pack(int in, int out, const float *weight, const float *bias, int precise) {
	(void)precise;
	int padded = round_up(out, lanes), part = direct_part(in);
	cpu_conv *conv = conv_new(in, out, padded, bias, (size_t)padded * 9 * in * sizeof(float));
	if (!conv) return NULL;
	for (int o = 0; o < out; o++) {
		int group = o / (lanes * max_blocks) * max_blocks * lanes, blocks = blocks_at(out, group);
		float *to = (float *)conv->weights + (size_t)group * 9 * in;
		for (int c = 0; c < in; c++) {
			int first = c / part * part, inputs = min_int(in - first, part);
			for (int tap = 0; tap < 9; tap++) {
				size_t place = (size_t)first * 9 + tap * inputs + c - first;
				to[(place * blocks + (o - group) / lanes) * lanes + o % lanes] = weight[((size_t)o * in + c) * 9 + tap];
			}
		}
	}
	return conv;
}

// direct_src is a microkernel's input: the position left of the first result in
// three rows, NULL for rows beyond the image.
typedef struct {
	const float *rows[3];
	size_t step;
} direct_src;

// direct_microkernel computes n of count positions from x on, for the group of
// channels that begins at first. blocks and count are constants at its callers.
INLINE void direct_microkernel(const cpu_conv *conv, const direct_src *s, int first, int blocks, int count, int n, const out_row *to, int x) {
	const float *w = (const float *)conv->weights + (size_t)first * 9 * conv->in;
	int part = direct_part(conv->in);
	vec acc[direct_most_positions][max_blocks], total[direct_most_positions][max_blocks];
#pragma GCC unroll 24
	for (int p = 0; p < count; p++)
#pragma GCC unroll 4
		for (int k = 0; k < blocks; k++) total[p][k] = vec_zero();
	for (int begin = 0; begin < conv->in; begin += part) {
		int inputs = min_int(conv->in - begin, part);
#pragma GCC unroll 24
		for (int p = 0; p < count; p++)
#pragma GCC unroll 4
			for (int k = 0; k < blocks; k++) acc[p][k] = vec_zero();
		for (int tap = 0; tap < 9; tap++) {
			if (!s->rows[tap / 3]) {
				w += (size_t)inputs * blocks * lanes;
				continue;
			}
			const float *from = s->rows[tap / 3] + tap % 3 * s->step + begin;
			for (int c = 0; c < inputs; c++, from++, w += blocks * lanes) {
				vec weights[max_blocks];
#pragma GCC unroll 4
				for (int k = 0; k < blocks; k++) {
					weights[k] = vec_load(w + k * lanes);
					__builtin_prefetch(w + (16 * blocks + k) * lanes);
				}
#pragma GCC unroll 24
				for (int p = 0; p < count; p++) {
					vec v = vec_set1(from[p * s->step]);
#pragma GCC unroll 4
					for (int k = 0; k < blocks; k++) acc[p][k] = vec_fma(weights[k], v, acc[p][k]);
				}
			}
		}
#pragma GCC unroll 24
		for (int p = 0; p < count; p++)
#pragma GCC unroll 4
			for (int k = 0; k < blocks; k++) total[p][k] = vec_add(total[p][k], acc[p][k]);
	}
#pragma GCC unroll 24
	for (int p = 0; p < count; p++)
#pragma GCC unroll 4
		for (int k = 0; k < blocks; k++) {
			int c = first + k * lanes;
			if (p < n) finish(to, vec_add(total[p][k], vec_load(conv->bias + c)), x + p, c, conv->out - c);
		}
}

#define DIRECT(blocks) \
	TARGET static __attribute__((noinline)) void direct_blocks##blocks(const cpu_conv *c, const direct_src *s, int first, int n, const out_row *to, int x) { \
		direct_microkernel(c, s, first, blocks, accumulators / blocks, n, to, x); \
	}
DIRECT(1)
DIRECT(2)
#if VEC_MAX_BLOCKS > 2
DIRECT(3)
DIRECT(4)
#endif
#undef DIRECT

static size_t direct_scratch(const cpu_conv *conv) {
	return (size_t)3 * (direct_most_positions + 2) * conv->in * sizeof(float);
}

// A unit is a run of positions of one row, for all channels; direct_run_length is
// a multiple of the positions of every number of blocks.
enum { direct_run_length = 48 };

static int direct_units(const cpu_conv *conv, const cpu_band *b) {
	(void)conv;
	return b->rows * ceil_div(b->width, direct_run_length);
}

static void direct_run(const cpu_conv *conv, const cpu_band *b, void *scratch, int unit) {
	int across = ceil_div(b->width, direct_run_length), y = b->y + unit / across;
	int begin = unit % across * direct_run_length, end = min_int(begin + direct_run_length, b->width);
	size_t row_bytes = (size_t)(direct_most_positions + 2) * conv->in * sizeof(float);
	out_row to = out_row_of(b, y);
	for (int first = 0; first < conv->out; first += max_blocks * lanes) {
		int blocks = blocks_at(conv->out, first), count = direct_positions(blocks);
		for (int x = begin; x < end; x += count) {
			int n = min_int(end - x, count);
			direct_src s = {{NULL, NULL, NULL}, 0};
			for (int i = 0; i < 3; i++) {
				int from = y - 1 + i;
				if (from < 0 || from >= b->height) continue;
				// All three rows are copied or none, so that they have one step.
				s.rows[i] = (const float *)gather(b, from, x - 1, count + 2, 0, conv->in, conv->in, (char *)scratch + i * row_bytes, &s.step);
			}
			switch (blocks) {
			case 1: direct_blocks1(conv, &s, first, n, &to, x); break;
#if VEC_MAX_BLOCKS > 2
			case 3: direct_blocks3(conv, &s, first, n, &to, x); break;
			case 4: direct_blocks4(conv, &s, first, n, &to, x); break;
#endif
			default: direct_blocks2(conv, &s, first, n, &to, x);
			}
		}
	}
}

const cpu_kernel NAME(direct_f32) = {
	"direct", CPU_F32, CPU_F32, 1, direct_pack, direct_scratch, direct_units, direct_run,
};
