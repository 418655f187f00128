// oneDNN's C interface, declared here so that neither its headers nor the library
// are needed to build. Descriptors are opaque: version 2 has structures, version 3
// pointers.
#ifndef UPSCALED_ONEDNN_LIBRARY_H
#define UPSCALED_ONEDNN_LIBRARY_H

#include <stdint.h>

typedef struct od_library od_library;
typedef struct od_conv od_conv;
typedef struct od_weights od_weights;

enum { OD_F16 = 1, OD_BF16 = 2, OD_F32 = 3 }; // dnnl_data_type_t

// od_open loads a library. On failure it returns NULL and a reason of at most size
// bytes. The library is never unloaded, because its threads live on.
od_library *od_open(const char *path, char *reason, int size);

void od_version(const od_library *, int *major, int *minor, int *patch);

// od_isa is dnnl_get_effective_cpu_isa, a dnnl_cpu_isa_t: 0x27 is AVX-512, 0xe7
// AVX-512 with bfloat16.
int od_isa(const od_library *);

// od_bind sets the number of threads that compute for the calling thread. All
// functions below are called on that one thread.
void od_bind(od_library *, int threads);

// od_parallel calls body(data, i, count) for i in 0..count-1, on the library's own
// threads if those are OpenMP's.
void od_parallel(void (*body)(void *data, int i, int count), void *data);

// od_conv_new creates a 3x3 convolution of height+2 rows of width positions (NHWC),
// padded by one position left and right, to float32. type is that of source and
// weights. NULL means that the library has none; *status is its error, 1 for out of
// memory.
od_conv *od_conv_new(od_library *, int type, int in, int out, int height, int width, int *status);
void od_conv_free(od_conv *);

// od_conv_name returns the library's name of the kernel.
const char *od_conv_name(const od_conv *);

// od_weights_new packs weights [out][in][3][3] for a convolution.
od_weights *od_weights_new(od_conv *, const float *weight, const float *bias, int *status);
void od_weights_free(od_weights *);
// od_weights_fit reports whether a convolution can use weights packed for another.
int od_weights_fit(const od_conv *, const od_weights *);

// od_conv_run computes and waits; 0 is success.
int od_conv_run(od_conv *, const od_weights *, void *source, float *destination);

#endif
