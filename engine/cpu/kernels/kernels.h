// Kernels for 3x3 convolutions on the CPU: one table entry per instruction set
// and number format, chosen at run time. All kernels share the layouts below, so
// that a caller only picks an entry.
#ifndef UPSCALED_CPU_KERNELS_H
#define UPSCALED_CPU_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// Element types of rings.
enum { CPU_F32, CPU_F16, CPU_BF16 };

// cpu_ring holds the last rows of a tensor in channels-last layout: row y is at
// index y % capacity, or at places[y % capacity] if there are places, as width
// positions of channels elements. Rings have no padding; kernels supply the zeros
// around an image.
typedef struct {
	void *data; // NULL if there is no ring
	const int32_t *places;
	int type;
	int capacity, channels, width;
} cpu_ring;

// cpu_residual is a float32 ring whose leading channels are added, times scale.
typedef struct {
	cpu_ring ring;
	float scale;
} cpu_residual;

// cpu_band is one convolution of rows output rows from row y on, and its
// epilogue: add residuals, gate, apply PReLU, store. All rings have the output's
// size except src, which is upsample times smaller (nearest neighbor).
typedef struct {
	cpu_ring src;
	int in, out; // channels; in are the leading channels of src
	int upsample;
	int y, rows;
	int width, height; // of the whole output
	cpu_residual residuals[2];
	// A gated sum is multiplied by sigmoid(v) + gate_bias, with v the convolution's
	// result: SiLU if there are no residuals and no bias.
	int gated;
	float gate_bias;
	const float *prelu; // one slope per output channel; NULL for no activation
	// The result is stored in dst from channel dst_channel on, in float32 in kept,
	// and in result, rows x width x out, as far as there are such. Either dst or
	// result is NULL.
	cpu_ring dst, kept;
	int dst_channel;
	float *result;
} cpu_band;

// cpu_conv is a convolution's weights, packed for one kernel.
typedef struct cpu_conv cpu_conv;

// cpu_kernel computes bands. A band is cut into independent units, which may run
// concurrently and in any order; the result does not depend on how they run.
typedef struct cpu_kernel {
	const char *name;
	// type is the element type of the rings that are read and written. The exact
	// kernel of the same instruction set also writes them, from float32.
	int type;
	// precision is the element type that is multiplied.
	int precision;
	// row_multiple is the number of rows computed at once: bands should begin and
	// end at multiples of it.
	int row_multiple;
	// pack copies weight, [out][in][3][3], and bias, [out]. precise asks for more
	// digits where the kernel has a choice. It returns NULL if there is no memory.
	cpu_conv *(*pack)(int in, int out, const float *weight, const float *bias, int precise);
	// scratch returns how many bytes a running unit needs, aligned to 64.
	size_t (*scratch)(const cpu_conv *);
	int (*units)(const cpu_conv *, const cpu_band *);
	void (*run)(const cpu_conv *, const cpu_band *, void *scratch, int unit);
} cpu_kernel;

// cpu_isa is what one instruction set offers.
typedef struct {
	const char *name;
	int (*supported)(void);
	// exact sums products in ONNX Runtime's order; fast is Winograd's F(4x4,3x3);
	// half, which may be NULL, multiplies elements of 16 bits, from rings of such.
	const cpu_kernel *exact, *fast, *half;
} cpu_isa;

// cpu_isas returns the table, most capable first, terminated by a NULL name. The
// last entry is portable C and always supported.
const cpu_isa *cpu_isas(void);

// cpu_conv_free accepts NULL.
void cpu_conv_free(cpu_conv *);

// Go cannot call through pointers; these do.
int cpu_isa_supported(const cpu_isa *);
cpu_conv *cpu_kernel_pack(const cpu_kernel *, int in, int out, const float *weight, const float *bias, int precise);
size_t cpu_kernel_scratch(const cpu_kernel *, const cpu_conv *);

// cpu_allocate returns zeroed memory aligned to cache lines, or NULL; cpu_free
// releases it and accepts NULL.
void *cpu_allocate(size_t bytes);
void cpu_free(void *);

#endif
