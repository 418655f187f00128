// The table of instruction sets.
#include "kernels.h"
#include "conv.h"

#if defined(__x86_64__)
#include <cpuid.h>

// The features that are asked for are those that the operating system saves.
static int has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

static int has_avx512(void) {
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512dq") && has_avx2();
}

static int has_avx512_bf16(void) {
	unsigned a, b, c, d;
	return has_avx512() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && a >> 5 & 1;
}

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

// has_amx asks Linux for the tiles, which a process has to.
static int has_amx(void) {
#if defined(CPU_EMULATE_AMX)
	return has_avx512();
#else
	enum { request_permission = 0x1023, tile_data = 18 };
	unsigned a, b, c, d;
	return has_avx512_bf16() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && d >> 22 & 1 && d >> 24 & 1 &&
	       syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#endif
}

extern const cpu_kernel cpu_tiles_bf16_amx;
#endif

extern const cpu_kernel cpu_direct_f32_avx2, cpu_winograd_f32_avx2;
extern const cpu_kernel cpu_direct_f32_avx512, cpu_winograd_f32_avx512, cpu_dot_bf16_avx512;
#elif defined(__aarch64__)
extern const cpu_kernel cpu_direct_f32_neon, cpu_winograd_f32_neon;
#endif

extern const cpu_kernel cpu_direct_f32_portable, cpu_winograd_f32_portable;

static int always(void) { return 1; }

const cpu_isa *cpu_isas(void) {
	static const cpu_isa table[] = {
#if defined(__x86_64__)
#if defined(__linux__)
		{"amx-bf16", has_amx, &cpu_direct_f32_avx512, &cpu_winograd_f32_avx512, &cpu_tiles_bf16_amx},
#endif
		{"avx512-bf16", has_avx512_bf16, &cpu_direct_f32_avx512, &cpu_winograd_f32_avx512, &cpu_dot_bf16_avx512},
		{"avx512", has_avx512, &cpu_direct_f32_avx512, &cpu_winograd_f32_avx512, NULL},
		{"avx2", has_avx2, &cpu_direct_f32_avx2, &cpu_winograd_f32_avx2, NULL},
#elif defined(__aarch64__)
		{"neon", always, &cpu_direct_f32_neon, &cpu_winograd_f32_neon, NULL},
#endif
		{"portable", always, &cpu_direct_f32_portable, &cpu_winograd_f32_portable, NULL},
		{NULL, NULL, NULL, NULL, NULL},
	};
	return table;
}

void cpu_conv_free(cpu_conv *conv) {
	if (!conv) return;
	free_aligned(conv->bias);
	free_aligned(conv->weights);
	free(conv);
}

int cpu_isa_supported(const cpu_isa *isa) { return isa->supported(); }

cpu_conv *cpu_kernel_pack(const cpu_kernel *k, int in, int out, const float *weight, const float *bias, int precise) {
	return k->pack(in, out, weight, bias, precise);
}

size_t cpu_kernel_scratch(const cpu_kernel *k, const cpu_conv *conv) { return k->scratch(conv); }

void *cpu_allocate(size_t bytes) { return aligned(bytes); }

void cpu_free(void *p) { free_aligned(p); }
