#include "step.h"
#include "conv.h"

#include <stdatomic.h>
#include <time.h>
#ifdef _WIN32
#include <windows.h>
#define sched_yield SwitchToThread // else libwinpthread is needed
#else
#include <sched.h>
#endif

// progress counts an operation's units. It has a cache line of its own.
typedef struct {
	atomic_int next, done;
	int units;
	char padding[64 - 3 * sizeof(int)];
} progress;

struct cpu_step {
	int capacity, count;
	atomic_int stopped, releases;
	cpu_op *ops;
	progress *progress;
};

cpu_step *cpu_step_new(void) { return calloc(1, sizeof(cpu_step)); }

void cpu_step_free(cpu_step *s) {
	if (!s) return;
	free(s->ops);
	free_aligned(s->progress);
	free(s);
}

static int units_of(const cpu_op *op) { return op->kind == CPU_OP_CONV ? op->kernel->units(op->conv, &op->band) : op->image.rows; }

// reserve makes room for count operations.
static int reserve(cpu_step *s, int count) {
	if (count <= s->capacity) return 1;
	free(s->ops);
	free_aligned(s->progress);
	s->ops = calloc(count, sizeof *s->ops);
	s->progress = aligned(count * sizeof *s->progress);
	s->capacity = s->ops && s->progress ? count : 0;
	return s->capacity > 0;
}

int cpu_step_begin(cpu_step *s, const cpu_op *ops, int count) {
	s->count = 0;
	if (!reserve(s, count)) return 0;
	s->count = count;
	atomic_store(&s->stopped, 0);
	atomic_store(&s->releases, 0);
	for (int i = 0; i < count; i++) {
		s->ops[i] = ops[i];
		s->progress[i].units = units_of(&ops[i]);
		atomic_store(&s->progress[i].next, 0);
		atomic_store(&s->progress[i].done, 0);
	}
	return 1;
}

static void run_unit(const cpu_op *op, void *scratch, int unit) {
	switch (op->kind) {
	case CPU_OP_IMAGE_IN: cpu_image_in(&op->image, unit); break;
	case CPU_OP_IMAGE_OUT: cpu_image_out(&op->image, unit); break;
	case CPU_OP_CONV: op->kernel->run(op->conv, &op->band, scratch, unit);
	}
}

// wait_turn passes time while other threads finish an operation: first without
// leaving the CPU, since units take microseconds.
static void wait_turn(int tries) {
	if (tries > 200) {
		sched_yield();
		return;
	}
	for (int i = 0; i < 20; i++) {
#if defined(__x86_64__)
		__builtin_ia32_pause();
#elif defined(__aarch64__)
		__asm__ volatile("yield");
#endif
	}
}

// released takes one release, if there is any.
static int released(cpu_step *s) {
	int n = atomic_load_explicit(&s->releases, memory_order_relaxed);
	return n > 0 && atomic_compare_exchange_strong(&s->releases, &n, n - 1);
}

int cpu_step_run(cpu_step *s, void *scratch) {
	for (int i = 0; i < s->count; i++) {
		if (released(s)) return CPU_STEP_RELEASED;
		progress *p = &s->progress[i];
		for (int unit; (unit = atomic_fetch_add(&p->next, 1)) < p->units; atomic_fetch_add(&p->done, 1)) {
			if (atomic_load_explicit(&s->stopped, memory_order_relaxed)) return CPU_STEP_STOPPED;
			run_unit(&s->ops[i], scratch, unit);
		}
		for (int tries = 0; atomic_load(&p->done) < p->units; tries++) {
			if (atomic_load_explicit(&s->stopped, memory_order_relaxed)) return CPU_STEP_STOPPED;
			wait_turn(tries);
		}
	}
	return CPU_STEP_FINISHED;
}

double cpu_step_time(cpu_step *s, void *scratch) {
#ifdef _WIN32 // whose threads' times are multiples of 15 ms
	LARGE_INTEGER began, ended, second;
	QueryPerformanceFrequency(&second);
	QueryPerformanceCounter(&began);
	cpu_step_run(s, scratch);
	QueryPerformanceCounter(&ended);
	return (double)(ended.QuadPart - began.QuadPart) / second.QuadPart * 1e9;
#else
	struct timespec began, ended;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &began);
	cpu_step_run(s, scratch);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended);
	return (ended.tv_sec - began.tv_sec) * 1e9 + (ended.tv_nsec - began.tv_nsec);
#endif
}

void cpu_step_stop(cpu_step *s) { atomic_store(&s->stopped, 1); }

void cpu_step_release(cpu_step *s) { atomic_fetch_add(&s->releases, 1); }
