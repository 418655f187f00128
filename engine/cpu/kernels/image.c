// Conversion between an image's samples and the network's channels.
#include "step.h"
#include "bf16.h"
#include "conv.h"

void cpu_image_in(const cpu_image_rows *m, int unit) {
	int block = m->block, colors = m->colors, area = block * block;
	float *to = (float *)ring_row(&m->ring, m->y + unit);
	size_t line = (size_t)m->width * block * colors;
	for (int x = 0; x < m->width; x++, to += m->ring.channels - m->ones) {
		if (m->ones) *to++ = 1;
		for (int c = 0; c < colors * area; c++) {
			int color = c / area, dy = c % area / block, dx = c % block;
			size_t at = ((size_t)unit * block + dy) * line + ((size_t)x * block + dx) * colors + color;
			to[c] = m->depth == 8 ? ((const uint8_t *)m->samples)[at] : ((const uint16_t *)m->samples)[at];
		}
	}
}

static inline float clamp(float v, float most) { return v < 0 ? 0 : v > most ? most : v; }

// out_line converts one line of pixels: run samples per position. Sums carry the
// half that makes truncation round.
#define OUT_LINE(name, type, most) \
	static void name(type *restrict to, const float *restrict sums, int width, int run, int step, int colors, const type *restrict added) { \
		for (int x = 0; x < width; x++, sums += step, to += run) \
			for (int i = 0; i < run; i++) \
				to[i] = (type)clamp(sums[i] + (added ? added[(size_t)x * colors + i % colors] : 0), most + 0.5f); \
	}
OUT_LINE(line_u8, uint8_t, 255)
OUT_LINE(line_u16, uint16_t, 65535)

void cpu_image_out(const cpu_image_rows *m, int unit) {
	int run = m->block * m->colors, step = run * m->block;
	for (int dy = 0; dy < m->block; dy++) {
		const float *sums = m->sums + (size_t)unit * m->width * step + dy * run;
		size_t to = ((size_t)unit * m->block + dy) * m->width * run, from = (size_t)unit * m->width * m->colors;
		if (m->depth == 8)
			line_u8((uint8_t *)m->samples + to, sums, m->width, run, step, m->colors, m->added ? (const uint8_t *)m->added + from : NULL);
		else
			line_u16((uint16_t *)m->samples + to, sums, m->width, run, step, m->colors, m->added ? (const uint16_t *)m->added + from : NULL);
	}
}
