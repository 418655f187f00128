// A step is a list of operations that run one after the other, each cut into
// units that any number of threads share.
#ifndef UPSCALED_CPU_STEP_H
#define UPSCALED_CPU_STEP_H

#include "kernels.h"

// cpu_image_rows converts between rows of an image file's samples and rings.
typedef struct {
	void *samples; // interleaved, of the first row
	int depth;     // 8 or 16 bits
	int colors;    // samples per pixel
	int block;     // side of the square of pixels that is one position
	int width;     // positions
	int y, rows;   // in positions
	cpu_ring ring; // input only: float32
	int ones;      // input only: whether a channel of ones precedes the samples
	// Output only: rows x width x (block*block*colors) sums, channels ordered
	// (y, x, color), and the input's samples to add, or NULL.
	const float *sums;
	const void *added;
} cpu_image_rows;

typedef enum { CPU_OP_IMAGE_IN, CPU_OP_CONV, CPU_OP_IMAGE_OUT } cpu_op_kind;

// cpu_op is one operation; kernel, conv and band belong to a convolution, image
// to the other two.
typedef struct {
	cpu_op_kind kind;
	const cpu_kernel *kernel;
	const cpu_conv *conv;
	cpu_band band;
	cpu_image_rows image;
} cpu_op;

// cpu_step is shared by the threads that run it.
typedef struct cpu_step cpu_step;

// cpu_step_new returns NULL if there is no memory; cpu_step_free accepts NULL.
cpu_step *cpu_step_new(void);
void cpu_step_free(cpu_step *);

// cpu_step_begin copies count operations and returns 1, or 0 if there is no memory.
// No thread may be running.
int cpu_step_begin(cpu_step *, const cpu_op *ops, int count);

enum { CPU_STEP_STOPPED, CPU_STEP_FINISHED, CPU_STEP_RELEASED };

// cpu_step_run takes part in the step until all operations are finished, the step
// is stopped or this thread is released. Any number of threads may call it, each
// with its own scratch; a thread that comes late or never is not waited for.
int cpu_step_run(cpu_step *, void *scratch);

// cpu_step_time is cpu_step_run and returns the nanoseconds that this thread computed,
// which other programs hardly change.
double cpu_step_time(cpu_step *, void *scratch);

// cpu_step_stop makes all threads return soon, cpu_step_release one of them before
// its next operation.
void cpu_step_stop(cpu_step *);
void cpu_step_release(cpu_step *);

void cpu_image_in(const cpu_image_rows *, int unit);
void cpu_image_out(const cpu_image_rows *, int unit);

#endif
