//go:build linux

#include "rows.h"

#include <string.h>

// Loops over channels and samples are left to the compiler to vectorise, once
// for each of these; the loader picks.
#if defined(__x86_64__)
#define VECTORS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VECTORS
#endif

// share gives thread i of count its part of n things.
static inline void share(int n, int i, int count, int *from, int *to) {
	*from = (int)((int64_t)n * i / count);
	*to = (int)((int64_t)n * (i + 1) / count);
}

// copy takes the first bytes of each position: many times 32 as a rule.
static inline void copy(char *to, const char *from, size_t bytes) {
	for (; bytes >= 32; bytes -= 32, to += 32, from += 32) memcpy(to, from, 32);
	if (bytes) memcpy(to, from, bytes);
}

// fill makes the window's rows: positions of the ring's first channels,
// enlarged, and zeros above and below the picture.
VECTORS static void fill(void *data, int i, int count) {
	const od_band *b = data;
	size_t size = od_number_size(b->from.type), bytes = b->in * size, step = b->from.channels * size;
	int positions = (b->height + 2) * b->width, p, end;
	share(positions, i, count, &p, &end);
	while (p < end) {
		int row = p / b->width, x = p % b->width, y = b->y - 1 + row;
		int stop = end - p < b->width - x ? x + end - p : b->width;
		char *to = (char *)b->window + (size_t)p * bytes;
		p += stop - x;
		if (y < 0 || y >= b->last) {
			memset(to, 0, (stop - x) * bytes);
			continue;
		}
		const char *from = row_of(&b->from, y / b->enlarge);
		if (b->enlarge == 1 && bytes == step) {
			memcpy(to, from + x * step, (stop - x) * bytes);
			continue;
		}
		if (b->enlarge == 1)
			for (; x < stop; x++, to += bytes) copy(to, from + x * step, bytes);
		else
			for (; x < stop; x++, to += bytes) copy(to, from + (x / b->enlarge) * step, bytes);
	}
}

// direct gives the window's rows where they lie as the convolution wants them.
static void *direct(const od_band *b) {
	const od_ring *r = &b->from;
	if (b->enlarge != 1 || b->in != r->channels || b->y < 1 || b->y + b->height >= b->last) return NULL;
	if ((b->y - 1) % r->capacity + b->height + 2 > r->capacity) return NULL;
	return row_of(r, b->y - 1);
}

// bent is a leaky slope's result.
static inline float bent(float v, const float *slopes, int c) { return v < 0 ? v * slopes[c] : v; }

VECTORS static void add(float *sum, const float *from, float factor, int n, int out, int channels) {
	for (int x = 0; x < n; x++, sum += out, from += channels)
		for (int c = 0; c < out; c++) sum[c] += factor * from[c];
}

VECTORS static void bend(float *sum, const float *slopes, int n, int out) {
	for (int x = 0; x < n; x++, sum += out)
		for (int c = 0; c < out; c++) sum[c] = bent(sum[c], slopes, c);
}

VECTORS static void narrow(uint16_t *to, const float *sum, int n, int out, int channels) {
	for (int x = 0; x < n; x++, sum += out, to += channels)
		for (int c = 0; c < out; c++) to[c] = near(sum[c]);
}

VECTORS static void bend_narrow(uint16_t *to, const float *sum, const float *slopes, int n, int out, int channels) {
	for (int x = 0; x < n; x++, sum += out, to += channels)
		for (int c = 0; c < out; c++) to[c] = near(bent(sum[c], slopes, c));
}

static void spread(float *to, const float *sum, int n, int out, int channels) {
	for (int x = 0; x < n; x++, sum += out, to += channels) memcpy(to, sum, out * sizeof *to);
}

// stretch finishes n positions of row y from x on.
static void stretch(const od_band *b, int y, int x, int n) {
	float *sum = b->result + ((size_t)(y - b->y) * b->width + x) * b->out;
	for (int a = 0; a < 2; a++) {
		const od_ring *r = &b->added[a].ring;
		if (r->data) add(sum, (float *)row_of(r, y) + (size_t)x * r->channels, b->added[a].factor, n, b->out, r->channels);
	}
	if (b->kept.data) {
		if (b->slopes) bend(sum, b->slopes, n, b->out);
		spread((float *)row_of(&b->kept, y) + (size_t)x * b->kept.channels, sum, n, b->out, b->kept.channels);
	}
	if (!b->to.data) return;
	size_t at = (size_t)x * b->to.channels + b->at;
	if (b->to.type == OD_F32) {
		if (b->slopes && !b->kept.data) bend(sum, b->slopes, n, b->out);
		spread((float *)row_of(&b->to, y) + at, sum, n, b->out, b->to.channels);
		return;
	}
	uint16_t *to = (uint16_t *)row_of(&b->to, y) + at;
	if (b->slopes && !b->kept.data) bend_narrow(to, sum, b->slopes, n, b->out, b->to.channels);
	else narrow(to, sum, n, b->out, b->to.channels);
}

// finish does so piece by piece, so that a piece stays in the first cache.
static void finish(void *data, int i, int count) {
	const od_band *b = data;
	int piece = 4096 / b->out + 1, p, end;
	share(b->height * b->width, i, count, &p, &end);
	while (p < end) {
		int row = p / b->width, x = p % b->width, n = b->width - x;
		if (n > end - p) n = end - p;
		if (n > piece) n = piece;
		stretch(b, b->y + row, x, n);
		p += n;
	}
}

int od_band_run(const od_band *b) {
	void *window = direct(b);
	if (!window) {
		window = b->window;
		od_parallel(fill, (void *)b);
	}
	int status = od_conv_run(b->conv, b->weights, window, b->result);
	if (!status && b->to.data) od_parallel(finish, (void *)b);
	return status;
}

void od_picture_in(const od_ring *r, const void *picture, int depth, int colours, int fold, int y, int count) {
	int line = r->width * fold * colours, area = fold * fold, half = colours * area;
	for (int row = 0; row < count; row++) {
		char *to = row_of(r, y + row);
		for (int x = 0; x < r->width; x++)
			for (int c = 0; c < half; c++) {
				int colour = c / area, dy = c % area / fold, dx = c % fold;
				size_t at = (size_t)(row * fold + dy) * line + (x * fold + dx) * colours + colour;
				float v = depth == 8 ? ((const uint8_t *)picture)[at] : ((const uint16_t *)picture)[at];
				size_t place = (size_t)x * r->channels + c;
				if (r->type == OD_F32) {
					((float *)to)[place] = v;
					continue;
				}
				uint16_t high = near(v);
				((uint16_t *)to)[place] = high;
				if (r->channels >= 2 * half) ((uint16_t *)to)[place + half] = near(v - wide(high));
			}
	}
}

typedef struct {
	const float *result;
	int height, width, block, colours, depth;
	const void *added;
	void *picture;
} leaving;

static inline float clamped(float v, float most) { return v < 0 ? 0 : v > most ? most : v; }

VECTORS static void bytes_out(uint8_t *to, const float *sum, int n, int run, int channels, int colours, const uint8_t *added) {
	float room[48]; // one position's samples, colours many times over
	for (int x = 0; x < n; x++, sum += channels, to += run) {
		for (int i = 0; i < run; i++) room[i] = sum[i];
		if (added)
			for (int i = 0; i < run; i++) room[i] += added[x * colours + i % colours];
		for (int i = 0; i < run; i++) to[i] = (uint8_t)clamped(room[i], 255.5f);
	}
}

VECTORS static void words_out(uint16_t *to, const float *sum, int n, int run, int channels, int colours, const uint16_t *added) {
	float room[48];
	for (int x = 0; x < n; x++, sum += channels, to += run) {
		for (int i = 0; i < run; i++) room[i] = sum[i];
		if (added)
			for (int i = 0; i < run; i++) room[i] += added[x * colours + i % colours];
		for (int i = 0; i < run; i++) to[i] = (uint16_t)clamped(room[i], 65535.5f);
	}
}

static void leave(void *data, int i, int count) {
	const leaving *l = data;
	int run = l->block * l->colours, channels = run * l->block, line, end;
	share(l->height * l->block, i, count, &line, &end);
	for (; line < end; line++) {
		int y = line / l->block, dy = line % l->block;
		const float *sum = l->result + (size_t)y * l->width * channels + dy * run;
		size_t to = (size_t)line * l->width * run, from = (size_t)y * l->width * l->colours;
		if (l->depth == 8)
			bytes_out((uint8_t *)l->picture + to, sum, l->width, run, channels, l->colours, l->added ? (const uint8_t *)l->added + from : NULL);
		else
			words_out((uint16_t *)l->picture + to, sum, l->width, run, channels, l->colours, l->added ? (const uint16_t *)l->added + from : NULL);
	}
}

void od_picture_out(const float *result, int height, int width, int block, int colours, const void *added, void *picture, int depth) {
	leaving l = {result, height, width, block, colours, depth, added, picture};
	od_parallel(leave, &l);
}
