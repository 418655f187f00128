// Conversions between float32 and bfloat16.
#ifndef UPSCALED_CPU_BF16_H
#define UPSCALED_CPU_BF16_H

#include <stdint.h>
#include <string.h>

// f32_to_bf16 rounds to nearest, ties to even; infinities stay.
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

#endif
