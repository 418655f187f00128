//go:build linux

#include "band.h"

#include <string.h>

// Loops over channels and samples are vectorized by the compiler, once for each
// target; the loader picks one.
#if defined(__x86_64__)
#define VECTORS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VECTORS
#endif

// partition returns thread i of count's part of n items.
static inline void partition(int n, int i, int count, int *from, int *to) {
	*from = (int)((int64_t)n * i / count);
	*to = (int)((int64_t)n * (i + 1) / count);
}

// copy copies bytes, usually many times 32.
static inline void copy(char *to, const char *from, size_t bytes) {
	for (; bytes >= 32; bytes -= 32, to += 32, from += 32) memcpy(to, from, 32);
	if (bytes) memcpy(to, from, bytes);
}

// gather_rows copies the band's input rows to scratch: the first channels of each
// position, upsampled, with zeros above and below the image.
VECTORS static void gather_rows(void *data, int i, int count) {
	const od_band *b = data;
	size_t size = od_element_size(b->from.type), bytes = b->in * size, step = b->from.channels * size;
	int positions = (b->height + 2) * b->width, p, end;
	partition(positions, i, count, &p, &end);
	while (p < end) {
		int row = p / b->width, x = p % b->width, y = b->y - 1 + row;
		int stop = end - p < b->width - x ? x + end - p : b->width;
		char *to = (char *)b->scratch + (size_t)p * bytes;
		p += stop - x;
		if (y < 0 || y >= b->last) {
			memset(to, 0, (stop - x) * bytes);
			continue;
		}
		const char *from = row_of(&b->from, y / b->upsample);
		if (b->upsample == 1 && bytes == step) {
			memcpy(to, from + x * step, (stop - x) * bytes);
			continue;
		}
		if (b->upsample == 1)
			for (; x < stop; x++, to += bytes) copy(to, from + x * step, bytes);
		else
			for (; x < stop; x++, to += bytes) copy(to, from + (x / b->upsample) * step, bytes);
	}
}

// rows_in_place returns the input rows if the convolution can read them from the
// ring, else NULL.
static void *rows_in_place(const od_band *b) {
	const od_ring *r = &b->from;
	if (b->upsample != 1 || b->in != r->channels || b->y < 1 || b->y + b->height >= b->last) return NULL;
	if ((b->y - 1) % r->capacity + b->height + 2 > r->capacity) return NULL;
	return row_of(r, b->y - 1);
}

static inline float prelu_one(float v, const float *slopes, int c) { return v < 0 ? v * slopes[c] : v; }

VECTORS static void add(float *sum, const float *from, float factor, int n, int out, int channels) {
	for (int x = 0; x < n; x++, sum += out, from += channels)
		for (int c = 0; c < out; c++) sum[c] += factor * from[c];
}

VECTORS static void prelu(float *sum, const float *slopes, int n, int out) {
	for (int x = 0; x < n; x++, sum += out)
		for (int c = 0; c < out; c++) sum[c] = prelu_one(sum[c], slopes, c);
}

VECTORS static void to_bf16(uint16_t *to, const float *sum, int n, int out, int channels) {
	for (int x = 0; x < n; x++, sum += out, to += channels)
		for (int c = 0; c < out; c++) to[c] = f32_to_bf16(sum[c]);
}

VECTORS static void prelu_to_bf16(uint16_t *to, const float *sum, const float *slopes, int n, int out, int channels) {
	for (int x = 0; x < n; x++, sum += out, to += channels)
		for (int c = 0; c < out; c++) to[c] = f32_to_bf16(prelu_one(sum[c], slopes, c));
}

static void scatter(float *to, const float *sum, int n, int out, int channels) {
	for (int x = 0; x < n; x++, sum += out, to += channels) memcpy(to, sum, out * sizeof *to);
}

// epilogue_part applies the epilogue to n positions of row y from x on.
static void epilogue_part(const od_band *b, int y, int x, int n) {
	float *sum = b->result + ((size_t)(y - b->y) * b->width + x) * b->out;
	for (int a = 0; a < 2; a++) {
		const od_ring *r = &b->residual[a].ring;
		if (r->data) add(sum, (float *)row_of(r, y) + (size_t)x * r->channels, b->residual[a].factor, n, b->out, r->channels);
	}
	if (b->kept.data) {
		if (b->slopes) prelu(sum, b->slopes, n, b->out);
		scatter((float *)row_of(&b->kept, y) + (size_t)x * b->kept.channels, sum, n, b->out, b->kept.channels);
	}
	if (!b->to.data) return;
	size_t at = (size_t)x * b->to.channels + b->at;
	if (b->to.type == OD_F32) {
		if (b->slopes && !b->kept.data) prelu(sum, b->slopes, n, b->out);
		scatter((float *)row_of(&b->to, y) + at, sum, n, b->out, b->to.channels);
		return;
	}
	uint16_t *to = (uint16_t *)row_of(&b->to, y) + at;
	if (b->slopes && !b->kept.data) prelu_to_bf16(to, sum, b->slopes, n, b->out, b->to.channels);
	else to_bf16(to, sum, n, b->out, b->to.channels);
}

// epilogue works in parts that fit into the L1 cache.
static void epilogue(void *data, int i, int count) {
	const od_band *b = data;
	int part = 4096 / b->out + 1, p, end;
	partition(b->height * b->width, i, count, &p, &end);
	while (p < end) {
		int row = p / b->width, x = p % b->width, n = b->width - x;
		if (n > end - p) n = end - p;
		if (n > part) n = part;
		epilogue_part(b, b->y + row, x, n);
		p += n;
	}
}

int od_band_run(const od_band *b) {
	void *source = rows_in_place(b);
	if (!source) {
		source = b->scratch;
		od_parallel(gather_rows, (void *)b);
	}
	int status = od_conv_run(b->conv, b->weights, source, b->result);
	if (!status && b->to.data) od_parallel(epilogue, (void *)b);
	return status;
}

void od_image_in(const od_ring *r, const void *image, int depth, int colors, int unshuffle, int y, int count) {
	int line = r->width * unshuffle * colors, area = unshuffle * unshuffle, half = colors * area;
	for (int row = 0; row < count; row++) {
		char *to = row_of(r, y + row);
		for (int x = 0; x < r->width; x++)
			for (int c = 0; c < half; c++) {
				int color = c / area, dy = c % area / unshuffle, dx = c % unshuffle;
				size_t at = (size_t)(row * unshuffle + dy) * line + (x * unshuffle + dx) * colors + color;
				float v = depth == 8 ? ((const uint8_t *)image)[at] : ((const uint16_t *)image)[at];
				size_t place = (size_t)x * r->channels + c;
				if (r->type == OD_F32) {
					((float *)to)[place] = v;
					continue;
				}
				uint16_t high = f32_to_bf16(v);
				((uint16_t *)to)[place] = high;
				if (r->channels >= 2 * half) ((uint16_t *)to)[place + half] = f32_to_bf16(v - bf16_to_f32(high));
			}
	}
}

typedef struct {
	const float *result;
	int height, width, shuffle, colors, depth;
	const void *residual;
	void *image;
} image_out;

static inline float clamped(float v, float most) { return v < 0 ? 0 : v > most ? most : v; }

VECTORS static void bytes_out(uint8_t *to, const float *sum, int n, int run, int channels, int colors, const uint8_t *residual) {
	float scratch[48]; // one position's samples
	for (int x = 0; x < n; x++, sum += channels, to += run) {
		for (int i = 0; i < run; i++) scratch[i] = sum[i];
		if (residual)
			for (int i = 0; i < run; i++) scratch[i] += residual[x * colors + i % colors];
		for (int i = 0; i < run; i++) to[i] = (uint8_t)clamped(scratch[i], 255.5f);
	}
}

VECTORS static void words_out(uint16_t *to, const float *sum, int n, int run, int channels, int colors, const uint16_t *residual) {
	float scratch[48];
	for (int x = 0; x < n; x++, sum += channels, to += run) {
		for (int i = 0; i < run; i++) scratch[i] = sum[i];
		if (residual)
			for (int i = 0; i < run; i++) scratch[i] += residual[x * colors + i % colors];
		for (int i = 0; i < run; i++) to[i] = (uint16_t)clamped(scratch[i], 65535.5f);
	}
}

static void image_out_part(void *data, int i, int count) {
	const image_out *l = data;
	int run = l->shuffle * l->colors, channels = run * l->shuffle, line, end;
	partition(l->height * l->shuffle, i, count, &line, &end);
	for (; line < end; line++) {
		int y = line / l->shuffle, dy = line % l->shuffle;
		const float *sum = l->result + (size_t)y * l->width * channels + dy * run;
		size_t to = (size_t)line * l->width * run, from = (size_t)y * l->width * l->colors;
		if (l->depth == 8)
			bytes_out((uint8_t *)l->image + to, sum, l->width, run, channels, l->colors, l->residual ? (const uint8_t *)l->residual + from : NULL);
		else
			words_out((uint16_t *)l->image + to, sum, l->width, run, channels, l->colors, l->residual ? (const uint16_t *)l->residual + from : NULL);
	}
}

void od_image_out(const float *result, int height, int width, int shuffle, int colors, const void *residual, void *image, int depth) {
	image_out l = {result, height, width, shuffle, colors, depth, residual, image};
	od_parallel(image_out_part, &l);
}
