// The representation of packed convolutions, shared by all kernels.
#ifndef UPSCALED_CPU_CONV_H
#define UPSCALED_CPU_CONV_H

#include "kernels.h"

#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <malloc.h>
#endif

#if defined(_WIN64) && defined(__x86_64__) && !defined(__clang__)
// GCC for Windows aligns the stack to 16 bytes but accesses vectors on it as if they
// were aligned to their size (GCC bug 54412): these macros of the assembler replace
// such instructions.
#define WITHOUT_ALIGNMENT(name, by) ".macro " name " operands:vararg\n\t" by " \\operands\n.endm\n"
__asm__(WITHOUT_ALIGNMENT("vmovaps", "vmovups") WITHOUT_ALIGNMENT("vmovapd", "vmovupd") WITHOUT_ALIGNMENT("vmovdqa", "vmovdqu")
		WITHOUT_ALIGNMENT("vmovdqa32", "vmovdqu32") WITHOUT_ALIGNMENT("vmovdqa64", "vmovdqu64"));
#endif

struct cpu_conv {
	int in, out;
	float *bias;   // padded with zeros to whole vectors
	void *weights; // layout is the kernel's
};

static inline size_t element_size(int type) { return type == CPU_F32 ? 4 : 2; }

static inline char *ring_row(const cpu_ring *r, int y) {
	int at = y % r->capacity;
	return (char *)r->data + (size_t)(r->places ? r->places[at] : at) * r->width * r->channels * element_size(r->type);
}

static inline int ceil_div(int a, int b) { return (a + b - 1) / b; }

static inline int round_up(int a, int b) { return ceil_div(a, b) * b; }

static inline int min_int(int a, int b) { return a < b ? a : b; }

// aligned returns zeroed memory at a multiple of 64 bytes, or NULL. free_aligned
// releases it and accepts NULL.
static inline void *aligned(size_t bytes) {
	void *p = NULL;
#ifdef _WIN32
	p = _aligned_malloc(bytes, 64);
#else
	if (posix_memalign(&p, 64, bytes)) return NULL;
#endif
	if (p) memset(p, 0, bytes);
	return p;
}

static inline void free_aligned(void *p) {
#ifdef _WIN32
	_aligned_free(p);
#else
	free(p);
#endif
}

// conv_alloc allocates what a convolution of known channels points to: a bias of
// padded channels and weights. On failure it frees conv and returns 0.
static inline int conv_alloc(cpu_conv *conv, int padded, const float *bias, size_t weight_bytes) {
	conv->bias = aligned(padded * sizeof(float));
	conv->weights = aligned(weight_bytes);
	if (!conv->bias || !conv->weights) {
		cpu_conv_free(conv);
		return 0;
	}
	memcpy(conv->bias, bias, conv->out * sizeof(float));
	return 1;
}

// conv_new returns a convolution with room for its weights, or NULL.
static inline cpu_conv *conv_new(int in, int out, int padded, const float *bias, size_t weight_bytes) {
	cpu_conv *conv = calloc(1, sizeof *conv);
	if (!conv) return NULL;
	conv->in = in, conv->out = out;
	return conv_alloc(conv, padded, bias, weight_bytes) ? conv : NULL;
}

#endif
