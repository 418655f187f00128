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

static int has_avx512_fp16(void) {
#if defined(CPU_EMULATE)
	return has_avx512();
#else
	unsigned a, b, c, d;
	return has_avx512() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && d >> 23 & 1;
#endif
}

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

// has_amx asks Linux for the tiles, which a process has to.
static int has_amx(void) {
#if defined(CPU_EMULATE)
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
extern const cpu_kernel cpu_direct_f32_avx512, cpu_winograd_f32_avx512, cpu_winograd_f16_avx512, cpu_dot_bf16_avx512;
#elif defined(__aarch64__)
#if defined(__linux__)
#include <sys/auxv.h>

// The bits are HWCAP_ASIMDHP and HWCAP2_BF16.
static int has_neon_fp16(void) { return getauxval(AT_HWCAP) >> 10 & 1; }
static int has_neon_bf16(void) { return getauxval(AT_HWCAP2) >> 14 & 1; }
#elif defined(__APPLE__)
#include <sys/sysctl.h>

static int has_feature(const char *name) {
	int value = 0;
	size_t size = sizeof value;
	return sysctlbyname(name, &value, &size, NULL, 0) == 0 && value;
}
static int has_neon_fp16(void) { return has_feature("hw.optional.arm.FEAT_FP16"); }
static int has_neon_bf16(void) { return has_feature("hw.optional.arm.FEAT_BF16"); }
#else
static int has_neon_fp16(void) { return 0; }
static int has_neon_bf16(void) { return 0; }
#endif

extern const cpu_kernel cpu_direct_f32_neon, cpu_winograd_f32_neon, cpu_winograd_f16_neon, cpu_dot_bf16_neon;
#endif

extern const cpu_kernel cpu_direct_f32_portable, cpu_winograd_f32_portable;

static int always(void) { return 1; }

const cpu_isa *cpu_isas(void) {
	static const cpu_isa table[] = {
#if defined(__x86_64__)
#if defined(__linux__)
		{"amx-bf16", has_amx, &cpu_direct_f32_avx512, &cpu_winograd_f32_avx512, &cpu_tiles_bf16_amx},
#endif
		{"avx512-fp16", has_avx512_fp16, &cpu_direct_f32_avx512, &cpu_winograd_f32_avx512, &cpu_winograd_f16_avx512},
		{"avx512-bf16", has_avx512_bf16, &cpu_direct_f32_avx512, &cpu_winograd_f32_avx512, &cpu_dot_bf16_avx512},
		{"avx512", has_avx512, &cpu_direct_f32_avx512, &cpu_winograd_f32_avx512, NULL},
		{"avx2", has_avx2, &cpu_direct_f32_avx2, &cpu_winograd_f32_avx2, NULL},
#elif defined(__aarch64__)
		{"neon-bf16", has_neon_bf16, &cpu_direct_f32_neon, &cpu_winograd_f32_neon, &cpu_dot_bf16_neon},
		{"neon-fp16", has_neon_fp16, &cpu_direct_f32_neon, &cpu_winograd_f32_neon, &cpu_winograd_f16_neon},
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
