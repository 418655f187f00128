// Tile registers of AMX: eight of 16 rows of 64 bytes. With CPU_EMULATE they
// are emulated, so that kernels are tested on CPUs without them.
#ifndef UPSCALED_CPU_AMX_H
#define UPSCALED_CPU_AMX_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#ifdef CPU_EMULATE

#include "bf16.h"

static __thread uint32_t amx_tiles[8][16][16];

static inline void amx_begin(void) {}
static inline void amx_end(void) {}

static inline void amx_zero(int tile) { memset(amx_tiles[tile], 0, sizeof amx_tiles[tile]); }

static inline void amx_load(int tile, const void *p, size_t stride) {
	for (int i = 0; i < 16; i++) memcpy(amx_tiles[tile][i], (const char *)p + i * stride, 64);
}

static inline void amx_store(int tile, void *p) { memcpy(p, amx_tiles[tile], sizeof amx_tiles[tile]); }

static inline void amx_multiply(int sum, int a, int b) {
	for (int m = 0; m < 16; m++)
		for (int n = 0; n < 16; n++) {
			float s;
			memcpy(&s, &amx_tiles[sum][m][n], 4);
			for (int k = 0; k < 16; k++) {
				uint32_t x = amx_tiles[a][m][k], y = amx_tiles[b][k][n];
				s += bf16_to_f32(x & 0xffff) * bf16_to_f32(y & 0xffff);
				s += bf16_to_f32(x >> 16) * bf16_to_f32(y >> 16);
			}
			memcpy(&amx_tiles[sum][m][n], &s, 4);
		}
}

#else

// amx_begin configures the thread's tiles. Until amx_end the operating system saves
// them at every context switch.
#define amx_begin() \
	do { \
		struct { \
			uint8_t palette, start, reserved[14]; \
			uint16_t bytes[16]; \
			uint8_t rows[16]; \
		} config = {.palette = 1}; \
		for (int i = 0; i < 8; i++) config.bytes[i] = 64, config.rows[i] = 16; \
		_tile_loadconfig(&config); \
	} while (0)
#define amx_end() _tile_release()
#define amx_zero(tile) _tile_zero(tile)
#define amx_load(tile, p, stride) _tile_loadd(tile, p, stride)
#define amx_store(tile, p) _tile_stored(tile, p, 64)
// amx_multiply adds the products of pairs of bfloat16 in rows of a and columns of b.
#define amx_multiply(sum, a, b) _tile_dpbf16ps(sum, a, b)

#endif

#endif
