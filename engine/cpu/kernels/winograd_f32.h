// Float32 elements of conv3x3_winograd.h. It is included behind
// conv3x3_f32_direct.h, which computes layers with few inputs.
#define WINO_NAME NAME(winograd_f32)

typedef float wino_element;
typedef vec wino_vec;
enum {
	wino_type = CPU_F32, wino_lanes = lanes, wino_flush = 1 << 20, wino_unit = 1,
	// Transforming fewer inputs takes longer than the products that it saves.
	wino_least_in = 12,
};

#define wino_load_n vec_load_n
#define wino_store_vec vec_store
#define wino_vec_zero vec_zero
#define wino_vec_load vec_load
#define wino_vec_fma vec_fma
INLINE float wino_from_f32(float v) { return v; }
INLINE vec wino_vec_set1(const float *p) { return vec_set1(*p); }
// wino_add stores sums or adds them to those that are there.
INLINE void wino_add(float *sums, vec v, int add) { vec_store(sums, add ? vec_add(vec_load(sums), v) : v); }

#define DIRECTLY(in, call) \
	if ((in) < wino_least_in) return call
