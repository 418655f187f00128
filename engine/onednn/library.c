//go:build linux

#define _GNU_SOURCE
#include "library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Values of the library's enumerations, equal in 2.x and 3.x.
enum {
	cpu_engine = 1,
	in_order = 1,
	forward_inference = 96,
	convolution_direct = 1,
	any_layout = 1,
	query_kernel_name = 8,
	query_weights = 131,
	arg_source = 1,
	arg_destination = 17,
	arg_weights = 33,
	arg_bias = 41,
	max_dims = 12,
};

// Bounds of version 2's structures, which have 696 and 5976 bytes in 2.6.
enum { descriptor_size = 2048, operation_size = 16384 };

typedef int64_t dims[max_dims];
typedef struct { int major, minor, patch; } version;
typedef struct { int arg; void *memory; } argument;

struct od_library {
	const version *version;
	void *engine, *stream;
	// Of OpenMP, both or none.
	void (*set_threads)(int);
	void (*parallel)(void (*)(void *), void *, unsigned, unsigned);

	const version *(*get_version)(void);
	int (*isa)(void);
	int (*engine_create)(void **, int, size_t);
	int (*stream_create)(void **, void *, unsigned);
	int (*stream_wait)(void *);
	int (*memory_create)(void **, const void *, void *, void *);
	int (*memory_set)(void *, void *);
	int (*memory_destroy)(void *);
	size_t (*descriptor_bytes)(const void *);
	int (*descriptor_equal)(const void *, const void *);
	int (*primitive_create)(void **, const void *);
	int (*primitive_execute)(const void *, void *, int, const argument *);
	int (*primitive_destroy)(void *);
	int (*plan_destroy)(void *);
	int (*plan_query)(const void *, int, int, void *);
	const void *(*plan_descriptor)(const void *, int, int);
	int (*memory_descriptor)(const void *, const void **);
	int (*reorder)(void **, const void *, void *, const void *, void *, const void *);
	// Version 2 only.
	int (*init_tag)(void *, int, const int64_t *, int, int);
	int (*init_strides)(void *, int, const int64_t *, int, const int64_t *);
	int (*conv_init)(void *, int, int, const void *, const void *, const void *, const void *, const int64_t *, const int64_t *, const int64_t *);
	int (*plan_create)(void **, const void *, const void *, void *, const void *);
	// Version 3 only.
	int (*create_tag)(void **, int, const int64_t *, int, int);
	int (*create_strides)(void **, int, const int64_t *, int, const int64_t *);
	int (*descriptor_destroy)(void *);
	int (*conv_plan)(void **, void *, int, int, const void *, const void *, const void *, const void *, const int64_t *, const int64_t *, const int64_t *, const int64_t *, const void *);
};

struct od_conv {
	od_library *library;
	void *plan, *primitive, *source, *destination;
	int in, out;
};

struct od_weights {
	od_library *library;
	void *weights, *bias; // memory objects
	void *weights_data, *bias_data;
	const void *descriptor; // the weights object's own
};

static int symbol(void *handle, void *place, const char *name, char *reason, int size) {
	void *found = dlsym(handle, name);
	if (!found) {
		snprintf(reason, size, "it has no %s", name);
		return 0;
	}
	memcpy(place, &found, sizeof found);
	return 1;
}

#define NEED(field, name) if (!symbol(handle, &l->field, name, reason, size)) goto no

od_library *od_open(const char *path, char *reason, int size) {
	// OpenMP's threads wait by spinning, which costs ten times the work's own time
	// if other programs need the cores. Its library reads this when it is loaded;
	// the user's own setting wins.
	setenv("OMP_WAIT_POLICY", "passive", 0);
	setenv("GOMP_SPINCOUNT", "1000", 0);
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		snprintf(reason, size, "%s", dlerror());
		return NULL;
	}
	od_library *l = calloc(1, sizeof *l);
	if (!l) return NULL;
	NEED(get_version, "dnnl_version");
	NEED(isa, "dnnl_get_effective_cpu_isa");
	NEED(engine_create, "dnnl_engine_create");
	NEED(stream_create, "dnnl_stream_create");
	NEED(stream_wait, "dnnl_stream_wait");
	NEED(memory_create, "dnnl_memory_create");
	NEED(memory_set, "dnnl_memory_set_data_handle");
	NEED(memory_destroy, "dnnl_memory_destroy");
	NEED(descriptor_bytes, "dnnl_memory_desc_get_size");
	NEED(descriptor_equal, "dnnl_memory_desc_equal");
	NEED(primitive_create, "dnnl_primitive_create");
	NEED(primitive_execute, "dnnl_primitive_execute");
	NEED(primitive_destroy, "dnnl_primitive_destroy");
	NEED(plan_destroy, "dnnl_primitive_desc_destroy");
	NEED(plan_query, "dnnl_primitive_desc_query");
	NEED(plan_descriptor, "dnnl_primitive_desc_query_md");
	NEED(memory_descriptor, "dnnl_memory_get_memory_desc");
	NEED(reorder, "dnnl_reorder_primitive_desc_create");
	l->version = l->get_version();
	if (l->version->major == 2 && l->version->minor >= 6) {
		NEED(init_tag, "dnnl_memory_desc_init_by_tag");
		NEED(init_strides, "dnnl_memory_desc_init_by_strides");
		NEED(conv_init, "dnnl_convolution_forward_desc_init");
		NEED(plan_create, "dnnl_primitive_desc_create");
	} else if (l->version->major == 3) {
		NEED(create_tag, "dnnl_memory_desc_create_with_tag");
		NEED(create_strides, "dnnl_memory_desc_create_with_strides");
		NEED(descriptor_destroy, "dnnl_memory_desc_destroy");
		NEED(conv_plan, "dnnl_convolution_forward_primitive_desc_create");
	} else {
		snprintf(reason, size, "it is version %d.%d", l->version->major, l->version->minor);
		goto no;
	}
	// dlsym on a handle also searches the library's dependencies.
	void *set = dlsym(handle, "omp_set_num_threads"), *parallel = dlsym(handle, "GOMP_parallel");
	if (set && parallel) {
		memcpy(&l->set_threads, &set, sizeof set);
		memcpy(&l->parallel, &parallel, sizeof parallel);
	}
	if (l->engine_create(&l->engine, cpu_engine, 0) || l->stream_create(&l->stream, l->engine, in_order)) {
		snprintf(reason, size, "it has no CPU engine");
		goto no;
	}
	return l;
no:
	free(l);
	dlclose(handle);
	return NULL;
}

void od_version(const od_library *l, int *major, int *minor, int *patch) {
	*major = l->version->major;
	*minor = l->version->minor;
	*patch = l->version->patch;
}

int od_isa(const od_library *l) { return l->isa(); }

// The threads that od_parallel uses: one set, as one thread of the process
// computes.
static __thread od_library *bound;
static __thread int bound_threads = 1;

void od_bind(od_library *l, int threads) {
	bound = l;
	bound_threads = l->parallel ? threads : 1;
	if (l->set_threads) l->set_threads(threads);
}

typedef struct {
	void (*body)(void *, int, int);
	void *data;
	int count, next;
} work;

// Each thread takes the next index.
static void take(void *p) {
	work *w = p;
	int i = __atomic_fetch_add(&w->next, 1, __ATOMIC_RELAXED);
	for (; i < w->count; i = __atomic_fetch_add(&w->next, 1, __ATOMIC_RELAXED)) w->body(w->data, i, w->count);
}

void od_parallel(void (*body)(void *, int, int), void *data) {
	work w = {body, data, bound_threads, 0};
	if (w.count > 1) bound->parallel(take, &w, w.count, 0);
	else take(&w);
}

static void drop_descriptor(od_library *l, void *d) {
	if (!d) return;
	if (l->descriptor_destroy) l->descriptor_destroy(d);
	else free(d);
}

// tagged and strided create descriptors; NULL is lack of memory or a mistake.
static void *tagged(od_library *l, int n, const int64_t *size, int type, int tag) {
	void *d = NULL;
	if (l->create_tag) return l->create_tag(&d, n, size, type, tag) ? NULL : d;
	if ((d = calloc(1, descriptor_size)) && l->init_tag(d, n, size, type, tag)) {
		free(d);
		d = NULL;
	}
	return d;
}

static void *strided(od_library *l, int n, const int64_t *size, int type, const int64_t *strides) {
	void *d = NULL;
	if (l->create_strides) return l->create_strides(&d, n, size, type, strides) ? NULL : d;
	if ((d = calloc(1, descriptor_size)) && l->init_strides(d, n, size, type, strides)) {
		free(d);
		d = NULL;
	}
	return d;
}

// pixels describes rows of positions with their channels side by side (NHWC).
static void *pixels(od_library *l, int type, int64_t channels, int64_t height, int64_t width) {
	dims size = {1, channels, height, width};
	dims strides = {height * width * channels, 1, width * channels, channels};
	return strided(l, 4, size, type, strides);
}

static int conv_plan(od_library *l, void **plan, const void *source, const void *weights, const void *bias, const void *destination) {
	dims one = {1, 1}, none = {0, 0}, sides = {0, 1};
	if (l->conv_plan)
		return l->conv_plan(plan, l->engine, forward_inference, convolution_direct, source, weights, bias, destination, one, none, sides, sides, NULL);
	void *operation = calloc(1, operation_size);
	if (!operation) return 1;
	int status = l->conv_init(operation, forward_inference, convolution_direct, source, weights, bias, destination, one, sides, sides);
	if (!status) status = l->plan_create(plan, operation, NULL, l->engine, NULL);
	free(operation);
	return status;
}

// Memory objects get no data here: the handle is set before each run.
od_conv *od_conv_new(od_library *l, int type, int in, int out, int height, int width, int *status) {
	od_conv *c = calloc(1, sizeof *c);
	dims filter = {out, in, 3, 3}, biases = {out}, unit = {1};
	void *source = pixels(l, type, in, height + 2, width), *destination = pixels(l, OD_F32, out, height, width);
	void *weights = tagged(l, 4, filter, type, any_layout), *bias = strided(l, 1, biases, OD_F32, unit);
	*status = 1;
	if (c && source && destination && weights && bias) {
		c->library = l;
		c->in = in;
		c->out = out;
		*status = conv_plan(l, &c->plan, source, weights, bias, destination);
		if (!*status) *status = l->primitive_create(&c->primitive, c->plan);
		if (!*status) *status = l->memory_create(&c->source, source, l->engine, NULL);
		if (!*status) *status = l->memory_create(&c->destination, destination, l->engine, NULL);
	}
	drop_descriptor(l, source);
	drop_descriptor(l, destination);
	drop_descriptor(l, weights);
	drop_descriptor(l, bias);
	if (*status) {
		od_conv_free(c);
		c = NULL;
	}
	return c;
}

void od_conv_free(od_conv *c) {
	if (!c) return;
	od_library *l = c->library;
	if (c->source) l->memory_destroy(c->source);
	if (c->destination) l->memory_destroy(c->destination);
	if (c->primitive) l->primitive_destroy(c->primitive);
	if (c->plan) l->plan_destroy(c->plan);
	free(c);
}

const char *od_conv_name(const od_conv *c) {
	const char *name = NULL;
	return c->library->plan_query(c->plan, query_kernel_name, 0, &name) || !name ? "" : name;
}

static const void *wanted(const od_conv *c) { return c->library->plan_descriptor(c->plan, query_weights, 0); }

int od_weights_fit(const od_conv *c, const od_weights *w) { return c->library->descriptor_equal(wanted(c), w->descriptor); }

static int reordered(od_library *l, void *from, const void *plain, void *to, const void *layout) {
	void *plan = NULL, *primitive = NULL;
	int status = l->reorder(&plan, plain, l->engine, layout, l->engine, NULL);
	if (!status) status = l->primitive_create(&primitive, plan);
	argument arguments[] = {{arg_source, from}, {arg_destination, to}};
	if (!status) status = l->primitive_execute(primitive, l->stream, 2, arguments);
	if (!status) status = l->stream_wait(l->stream);
	if (primitive) l->primitive_destroy(primitive);
	if (plan) l->plan_destroy(plan);
	return status;
}

static int aligned(void **data, size_t bytes) { return posix_memalign(data, 64, bytes ? bytes : 64) ? 1 : 0; }

od_weights *od_weights_new(od_conv *c, const float *weight, const float *bias, int *status) {
	od_library *l = c->library;
	od_weights *w = calloc(1, sizeof *w);
	dims filter = {c->out, c->in, 3, 3}, strides = {c->in * 9, 9, 3, 1}, biases = {c->out}, unit = {1};
	void *plain = strided(l, 4, filter, OD_F32, strides), *line = strided(l, 1, biases, OD_F32, unit);
	void *from = NULL;
	const void *layout = wanted(c);
	*status = 1;
	if (w && plain && line) {
		w->library = l;
		*status = aligned(&w->weights_data, l->descriptor_bytes(layout));
		if (!*status) *status = aligned(&w->bias_data, c->out * sizeof(float));
		if (!*status) *status = l->memory_create(&from, plain, l->engine, (void *)weight);
		if (!*status) *status = l->memory_create(&w->weights, layout, l->engine, w->weights_data);
		if (!*status) *status = l->memory_create(&w->bias, line, l->engine, w->bias_data);
		if (!*status) *status = reordered(l, from, plain, w->weights, layout);
	}
	if (!*status) {
		memcpy(w->bias_data, bias, c->out * sizeof(float));
		*status = l->memory_descriptor(w->weights, &w->descriptor);
	}
	if (from) l->memory_destroy(from);
	drop_descriptor(l, plain);
	drop_descriptor(l, line);
	if (*status) {
		od_weights_free(w);
		w = NULL;
	}
	return w;
}

void od_weights_free(od_weights *w) {
	if (!w) return;
	if (w->weights) w->library->memory_destroy(w->weights);
	if (w->bias) w->library->memory_destroy(w->bias);
	free(w->weights_data);
	free(w->bias_data);
	free(w);
}

int od_conv_run(od_conv *c, const od_weights *w, void *source, float *destination) {
	od_library *l = c->library;
	int status = l->memory_set(c->source, source);
	if (!status) status = l->memory_set(c->destination, destination);
	argument arguments[] = {{arg_source, c->source}, {arg_weights, w->weights}, {arg_bias, w->bias}, {arg_destination, c->destination}};
	if (!status) status = l->primitive_execute(c->primitive, l->stream, 4, arguments);
	return status ? status : l->stream_wait(l->stream);
}
