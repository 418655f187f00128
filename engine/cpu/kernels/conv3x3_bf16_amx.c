// Direct 3x3 convolution in bfloat16 on AMX. A block is 32 positions of a row and 32
// outputs, in four tiles of sums; the inputs of 16 positions are one tile that is
// loaded from the ring as it is. The epilogue of a block runs between the products
// of the next one, since tiles and vectors are different units of a core.
// Linux only: other systems have no way to ask for the tiles, and their compilers'
// intrinsics take a stride of 32 bits.
#if defined(__x86_64__) && defined(__linux__)

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,amx-tile,amx-bf16")))
#ifdef CPU_EMULATE
#undef TARGET
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#endif
#include "vec_avx512.h"

#include "amx.h"
#include "bf16.h"
#include "epilogue.h"

enum {
	pack = 32,       // inputs of a tile
	block = 32,      // positions, and outputs, of four tiles of sums
	tile = 16 * pack, // elements of a tile of weights
	tile_sums = 256,
	unit_blocks = 4, // of positions
};

static int padded_inputs(const cpu_conv *c) { return round_up(c->in, pack); }

// Weights are packed as [group of 32 outputs][tap][32 inputs][16 outputs], each of the
// last two as [pair of inputs][output][2 inputs], with zeros for what is missing.
static cpu_conv *pack_weights(int in, int out, const float *weight, const float *bias, int precise) {
	(void)precise;
	int padded = round_up(in, pack), outputs = round_up(out, block);
	cpu_conv *conv = conv_new(in, out, outputs, bias, (size_t)9 * padded * outputs * sizeof(uint16_t));
	if (!conv) return NULL;
	for (int o = 0; o < out; o++)
		for (int c = 0; c < in; c++)
			for (int tap = 0; tap < 9; tap++) {
				size_t at = ((size_t)(o / block) * 9 + tap) * (padded / pack) + c / pack;
				at = at * 2 + o / 16 % 2;
				((uint16_t *)conv->weights)[at * tile + c % pack / 2 * pack + o % 16 * 2 + c % 2] = f32_to_bf16(weight[((size_t)o * in + c) * 9 + tap]);
			}
	return conv;
}

// finished is a block whose epilogue is due: [half of positions][half of
// outputs][16][16].
typedef struct {
	float sums[4 * tile_sums];
	int x, n; // n is 0 if there is none
} finished;

// store runs the epilogue of positions from up to end of a block.
INLINE void store(const cpu_conv *conv, const finished *f, int first, const out_row *to, int from, int end) {
	if (end > f->n) end = f->n;
	for (int p = from; p < end; p++)
		for (int k = 0; k < 2; k++) {
			int c = first + k * lanes;
			if (c >= conv->out) break;
			vec v = vec_load(f->sums + ((p / 16 * 2 + k) * 16 + p % 16) * 16);
			finish(to, vec_add(v, vec_load(conv->bias + c)), f->x + p, c, conv->out - c);
		}
}

// multiply adds one tap's products of a block: from is the first position's inputs,
// positions step elements apart.
INLINE void multiply(const uint16_t *from, size_t step, const uint16_t *w, int padded) {
	for (int c = 0; c < padded; c += pack, from += pack, w += 2 * tile) {
		amx_load(4, from, step * 2);
		amx_load(6, w, 64);
		amx_multiply(0, 4, 6);
		amx_load(7, w + tile, 64);
		amx_multiply(1, 4, 7);
		amx_load(5, from + 16 * step, step * 2);
		amx_multiply(2, 5, 6);
		amx_multiply(3, 5, 7);
	}
}

// run_group computes positions begin to end of row y for 32 outputs from first on.
TARGET static void run_group(const cpu_conv *conv, const cpu_band *b, uint16_t *scratch, finished *blocks, int first, int y, int begin, int end) {
	int padded = padded_inputs(conv), turn = 0;
	const uint16_t *weights = (const uint16_t *)conv->weights + (size_t)first * 9 * padded;
	size_t copied = (size_t)(block + 2) * padded;
	out_row to = out_row_of(b, y);
	blocks[1].n = 0;
	for (int x = begin; x < end; x += block, turn = !turn) {
		const finished *last = &blocks[!turn];
		amx_zero(0);
		amx_zero(1);
		amx_zero(2);
		amx_zero(3);
		for (int row = 0; row < 3; row++) {
			int from = y - 1 + row;
			size_t step = 0;
			const uint16_t *inputs = NULL;
			if (from >= 0 && from < b->height)
				inputs = (const uint16_t *)gather(b, from, x - 1, block + 2, 0, conv->in, padded, (char *)(scratch + row * copied), &step);
			for (int tap = 0; tap < 3; tap++) {
				if (inputs) multiply(inputs + tap * step, step, weights + (size_t)(row * 3 + tap) * padded * block, padded);
				// Nine taps store 36 positions, of at most 32.
				store(conv, last, first, &to, (row * 3 + tap) * 4, (row * 3 + tap) * 4 + 4);
			}
		}
		finished *done = &blocks[turn];
		amx_store(0, done->sums);
		amx_store(1, done->sums + tile_sums);
		amx_store(2, done->sums + 2 * tile_sums);
		amx_store(3, done->sums + 3 * tile_sums);
		done->x = x, done->n = min_int(end - x, block);
	}
	store(conv, &blocks[!turn], first, &to, 0, block);
}

// Scratch holds two finished blocks and three rows of copied inputs.
static size_t scratch_bytes(const cpu_conv *conv) {
	return 2 * sizeof(finished) + 64 + (size_t)3 * (block + 2) * padded_inputs(conv) * sizeof(uint16_t);
}

static int units(const cpu_conv *conv, const cpu_band *b) {
	(void)conv;
	return b->rows * ceil_div(b->width, unit_blocks * block);
}

TARGET static void run(const cpu_conv *conv, const cpu_band *b, void *scratch, int unit) {
	int across = ceil_div(b->width, unit_blocks * block), y = b->y + unit / across;
	int begin = unit % across * unit_blocks * block, end = min_int(begin + unit_blocks * block, b->width);
	finished *blocks = scratch;
	amx_begin();
	for (int first = 0; first < conv->out; first += block)
		run_group(conv, b, (uint16_t *)(blocks + 2), blocks, first, y, begin, end);
	amx_end();
}

const cpu_kernel cpu_tiles_bf16_amx = {
	"tiles", CPU_BF16, CPU_BF16, 1, pack_weights, scratch_bytes, units, run,
};

#endif
