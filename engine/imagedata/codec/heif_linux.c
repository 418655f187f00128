// HEIC and AVIF by libheif 1.14 or later. Its interface consists of functions on opaque
// types; the few structures below are the documented ones.

#define _GNU_SOURCE
#include "codec_linux.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

struct heif_error {
	int code, subcode;
	const char *message;
};

struct nclx {
	uint8_t version;
	int primaries, transfer, matrix;
	uint8_t full_range;
	float xy[8];
};

struct writer {
	int version;
	struct heif_error (*write)(void *context, const void *data, size_t size, void *user);
};

// The start of heif_encoding_options, version 4.
struct encoding_options {
	uint8_t version, save_alpha, macos, two_profiles;
	struct nclx *output;
};

enum { HEVC = 1, AV1 = 4, COLOR = 1, MONOCHROME = 2, CHANNEL_Y = 0, CHANNEL_ALPHA = 6, INTERLEAVED = 10 };
enum { CHROMA_MONOCHROME = 0, CHROMA_RGB = 10, CHROMA_RRGGBB_LE = 14, MATRIX_GBR = 0, MATRIX_601 = 6 };
enum { WITHOUT_ALPHA_AND_DEPTH = 6, UNSUPPORTED_FILETYPE = 3, UNSUPPORTED_FEATURE = 4, MEMORY = 6, PROFILE_NCLX = 0x6e636c78 };

static void *lib;

// call(NAME, RESULT, PARAMETERS) is the function heif_NAME.
#define call(name, result, ...) ((result(*)(__VA_ARGS__))function(lib, "heif_" #name))

static void check(struct heif_error e) {
	if (e.code == MEMORY) fail(TOO_LARGE, e.message);
	if (e.code == UNSUPPORTED_FILETYPE || e.code == UNSUPPORTED_FEATURE) fail(UNSUPPORTED, e.message);
	if (e.code) fail(DAMAGED, e.message);
}

// An image is gray if every codec configuration in the file says so: AV1's in its third
// byte, HEVC's in its 17th.
static int monochrome(const uint8_t *data, size_t size) {
	int gray = 0, color = 0;
	for (const uint8_t *p = data; (p = memmem(p, (size_t)(data + size - p), "av1C", 4)) && data + size - p > 6; p += 4)
		if (p[4] == 0x81) *(p[6] & 0x10 ? &gray : &color) += 1;
	for (const uint8_t *p = data; (p = memmem(p, (size_t)(data + size - p), "hvcC", 4)) && data + size - p > 20; p += 4)
		if (p[4] == 1) *((p[20] & 3) == 0 ? &gray : &color) += 1;
	return gray > 0 && color == 0;
}

static void put_metadata(const void *handle) {
	uint32_t ids[64];
	int n = call(image_handle_get_list_of_metadata_block_IDs, int, const void *, const char *, uint32_t *, int)(handle, NULL, ids, 64);
	for (int i = 0; i < n && i < 64; i++) {
		size_t size = call(image_handle_get_metadata_size, size_t, const void *, uint32_t)(handle, ids[i]);
		const char *type = call(image_handle_get_metadata_type, const char *, const void *, uint32_t)(handle, ids[i]);
		const char *content = call(image_handle_get_metadata_content_type, const char *, const void *, uint32_t)(handle, ids[i]);
		if (size == 0 || !type) continue;
		uint8_t *block = allocate(size, 1);
		check(call(image_handle_get_metadata, struct heif_error, const void *, uint32_t, void *)(handle, ids[i], block));
		// EXIF begins with the distance of its TIFF header.
		uint32_t skip = size < 4 ? 0 : (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 | (uint32_t)block[2] << 8 | block[3];
		if (!strcmp(type, "Exif") && size > 4 && skip < size - 4) put("EXIF", block + 4 + skip, size - 4 - skip);
		if (!strcmp(type, "mime") && content && !strcmp(content, "application/rdf+xml")) put("XMP ", block, size);
		free(block);
	}
}

static void put_colors(const void *handle, struct image *im) {
	size_t size = call(image_handle_get_raw_color_profile_size, size_t, const void *)(handle);
	int kind = call(image_handle_get_color_profile_type, int, const void *)(handle);
	if (size > 0 && kind != PROFILE_NCLX) {
		uint8_t *profile = allocate(size, 1);
		check(call(image_handle_get_raw_color_profile, struct heif_error, const void *, void *)(handle, profile));
		put("ICC ", profile, size);
		free(profile);
	}
	struct nclx *colors = NULL;
	if (!call(image_handle_get_nclx_color_profile, struct heif_error, const void *, struct nclx **)(handle, &colors).code && colors) {
		im->primaries = colors->primaries, im->transfer = colors->transfer;
	}
}

static int notes(void *context, const void *handle) {
	int found = 0;
	if (call(context_get_number_of_top_level_images, int, void *)(context) > 1) found |= MORE_IMAGES;
	if (call(image_handle_has_depth_image, int, const void *)(handle)) found |= DEPTH_MAP;
	uint32_t ids[64];
	int n = call(image_handle_get_list_of_auxiliary_image_IDs, int, const void *, int, uint32_t *, int)(handle, WITHOUT_ALPHA_AND_DEPTH, ids, 64);
	for (int i = 0; i < n && i < 64; i++) {
		void *auxiliary;
		const char *type = NULL;
		if (call(image_handle_get_auxiliary_image_handle, struct heif_error, const void *, uint32_t, void **)(handle, ids[i], &auxiliary).code) continue;
		call(image_handle_get_auxiliary_type, struct heif_error, const void *, const char **)(auxiliary, &type);
		found |= type && strstr(type, "gainmap") ? GAIN_MAP : AUXILIARY;
	}
	return found;
}

// libheif returns grays as they are coded; in the limited range of film black is 16 and
// white 235, in 8 bits.
static void expand(void *image, int width, int height, int bits) {
	struct nclx *colors = NULL;
	if (call(image_get_nclx_color_profile, struct heif_error, const void *, struct nclx **)(image, &colors).code || !colors || colors->full_range) return;
	int stride;
	uint8_t *rows = call(image_get_plane, uint8_t *, void *, int, int *)(image, CHANNEL_Y, &stride);
	int64_t black = 16 << (bits - 8), range = 219 << (bits - 8), peak = (1 << bits) - 1;
	for (int y = 0; rows && y < height; y++, rows += stride)
		for (int x = 0; x < width; x++) {
			uint16_t *wide = (uint16_t *)rows + x;
			int64_t v = ((bits > 8 ? *wide : rows[x]) - black) * peak / range;
			v = v < 0 ? 0 : v > peak ? peak : v;
			if (bits > 8) *wide = (uint16_t)v;
			else rows[x] = (uint8_t)v;
		}
}

static void decode(const void *handle, const struct image *im, int bits) {
	void *image = NULL;
	struct samples s = {.peak = (1u << bits) - 1, .words = bits > 8};
	int chroma = (s.words ? CHROMA_RRGGBB_LE : CHROMA_RGB) + im->alpha;
	struct heif_error (*decode_as)(const void *, void **, int, int, const void *) = call(decode_image, struct heif_error, const void *, void **, int, int, const void *);
	// libheif does not convert all grays to gray, but to color.
	int gray = im->channels == 1 && !decode_as(handle, &image, MONOCHROME, CHROMA_MONOCHROME, NULL).code;
	if (!gray) check(decode_as(handle, &image, COLOR, chroma, NULL));
	const uint8_t *(*plane)(const void *, int, int *) = call(image_get_plane_readonly, const uint8_t *, const void *, int, int *);
	int (*width)(const void *, int) = call(image_get_width, int, const void *, int);
	int (*height)(const void *, int) = call(image_get_height, int, const void *, int);
	int stride = 0, channel = gray ? CHANNEL_Y : INTERLEAVED;
	s.rows = plane(image, channel, &stride);
	s.stride = (size_t)stride;
	if (!s.rows || width(image, channel) != im->width || height(image, channel) != im->height)
		fail(DAMAGED, "decoded size differs");
	if (gray && bits >= 8) expand(image, im->width, im->height, bits);
	s.premultiplied = im->alpha && call(image_handle_is_premultiplied_alpha, int, const void *)(handle);
	if (im->channels == 3 || (gray && !im->alpha)) {
		put_pixels(im, &s);
		return;
	}
	// Gray, and alpha from its own plane or beside the colors.
	const uint8_t *alpha = gray ? plane(image, CHANNEL_ALPHA, &stride) : s.rows;
	size_t sample = s.words ? 2 : 1, w = (size_t)im->width, all = 1 + (size_t)im->alpha;
	size_t step = gray ? sample : (3 + (size_t)im->alpha) * sample, alpha_at = gray ? 0 : 3 * sample;
	if (gray && (!alpha || width(image, CHANNEL_ALPHA) != im->width || height(image, CHANNEL_ALPHA) != im->height))
		fail(DAMAGED, "alpha has another size");
	uint8_t *both = allocate(w * (size_t)im->height, all * sample);
	for (size_t y = 0; y < (size_t)im->height; y++)
		for (size_t x = 0; x < w; x++) {
			uint8_t *to = both + (y * w + x) * all * sample;
			memcpy(to, s.rows + y * s.stride + x * step, sample);
			if (im->alpha) memcpy(to + sample, alpha + y * (size_t)stride + x * step + alpha_at, sample);
		}
	s.rows = both, s.stride = all * w * sample;
	put_pixels(im, &s);
}

static struct heif_error write_file(void *context, const void *data, size_t size, void *user) {
	(void)context, (void)user;
	put("FILE", data, size);
	return (struct heif_error){0, 0, ""};
}

// Copies the samples of a request into an image: gray with alpha into two planes.
static void *fill(const struct request *r, const uint8_t *from, int bits) {
	void *image;
	int gray = r->channels == 1, all = r->channels + r->alpha, planes = gray ? all : 1, words = bits > 8;
	int chroma = gray ? CHROMA_MONOCHROME : (words ? CHROMA_RRGGBB_LE : CHROMA_RGB) + r->alpha;
	check(call(image_create, struct heif_error, int, int, int, int, void **)(r->width, r->height, gray ? MONOCHROME : COLOR, chroma, &image));
	for (int p = 0; p < planes; p++) {
		int stride, channel = !gray ? INTERLEAVED : p ? CHANNEL_ALPHA : CHANNEL_Y, step = gray ? all : 1, each = gray ? 1 : all;
		check(call(image_add_plane, struct heif_error, void *, int, int, int, int)(image, channel, r->width, r->height, bits));
		uint8_t *to = call(image_get_plane, uint8_t *, void *, int, int *)(image, channel, &stride);
		for (int y = 0; y < r->height; y++) {
			const uint8_t *row = from + (size_t)y * (size_t)r->width * (size_t)all * (size_t)(1 + words);
			uint8_t *narrow = to + (size_t)y * (size_t)stride;
			for (size_t x = 0; x < (size_t)r->width * (size_t)each; x++) {
				size_t at = x * (size_t)step + (size_t)p;
				if (words) ((uint16_t *)narrow)[x] = (uint16_t)((((const uint16_t *)row)[at] * ((1u << bits) - 1) + 32767) / 65535);
				else narrow[x] = row[at];
			}
		}
	}
	return image;
}

static uint32_t big(const uint8_t *p, int n) { return n ? big(p, n - 1) << 8 | p[n - 1] : 0; }

// Sets the light of HDR from PNG's, whose order is red, green, blue and whose unit is
// 0.0001 cd/m2.
static void set_light(void *image, const uint8_t *p) {
	struct {
		uint16_t x[3], y[3], white_x, white_y;
		uint32_t most, least;
	} mastering = {.white_x = (uint16_t)big(p + 12, 2), .white_y = (uint16_t)big(p + 14, 2), .most = big(p + 16, 4), .least = big(p + 20, 4)};
	for (int c = 0; c < 3; c++) {
		const uint8_t *from = p + 4 * ((c + 1) % 3);
		mastering.x[c] = (uint16_t)big(from, 2), mastering.y[c] = (uint16_t)big(from + 2, 2);
	}
	uint16_t content[2] = {(uint16_t)(big(p + 24, 4) / 10000), (uint16_t)(big(p + 28, 4) / 10000)};
	if (mastering.most) call(image_set_mastering_display_colour_volume, void, void *, const void *)(image, &mastering);
	if (content[0]) call(image_set_content_light_level, void, void *, const void *)(image, content);
}

static void encode(const struct request *r, uint8_t *const *data) {
	void *context = call(context_alloc, void *, void)(), *encoder, *handle;
	if (call(context_get_encoder_for_format, struct heif_error, void *, int, void **)(context, AV1, &encoder).code)
		fail(MISSING, "an encoder of AV1");
	// Before 1.15.2 libheif states a wrong profile of AV1 for 10 bits, which ends libaom.
	int ten = r->bits == 10 && call(get_version_number, uint32_t, void)() >= 0x010f0200;
	int bits = r->depth == 8 ? 8 : ten ? 10 : 12;
	void *image = fill(r, data[0], bits);
	if (r->sizes[4] == 32) set_light(image, data[4]);
	check(call(encoder_set_lossy_quality, struct heif_error, void *, int)(encoder, r->quality));
	check(call(encoder_set_lossless, struct heif_error, void *, int)(encoder, r->lossless));
	struct heif_error (*integer)(void *, const char *, int) = call(encoder_set_parameter_integer, struct heif_error, void *, const char *, int);
	integer(encoder, "threads", r->threads); // some encoders lack these
	integer(encoder, "speed", 6);
	call(encoder_set_parameter_string, struct heif_error, void *, const char *, const char *)(encoder, "chroma", r->quality >= 90 || r->lossless ? "444" : "420");
	struct nclx *colors = call(nclx_color_profile_alloc, struct nclx *, void)();
	colors->primaries = r->primaries, colors->transfer = r->transfer, colors->full_range = 1;
	colors->matrix = r->lossless && r->channels == 3 ? MATRIX_GBR : MATRIX_601;
	check(call(image_set_nclx_color_profile, struct heif_error, void *, const struct nclx *)(image, colors));
	if (r->sizes[1] > 0)
		check(call(image_set_raw_color_profile, struct heif_error, void *, const char *, const void *, size_t)(image, "prof", data[1], (size_t)r->sizes[1]));
	struct encoding_options *options = call(encoding_options_alloc, struct encoding_options *, void)();
	options->output = colors, options->two_profiles = 1;
	check(call(context_encode_image, struct heif_error, void *, const void *, void *, const void *, void **)(context, image, encoder, options, &handle));
	if (r->sizes[2] > 0)
		check(call(context_add_exif_metadata, struct heif_error, void *, const void *, const void *, int)(context, handle, data[2], (int)r->sizes[2]));
	if (r->sizes[3] > 0)
		check(call(context_add_XMP_metadata, struct heif_error, void *, const void *, const void *, int)(context, handle, data[3], (int)r->sizes[3]));
	struct writer writer = {1, write_file};
	check(call(context_write, struct heif_error, void *, struct writer *, void *)(context, &writer, NULL));
}

void heif_child(const struct request *r, uint8_t *const *data) {
	lib = library((const char *const[]){"libheif.so.1", NULL});
	void *init = dlsym(lib, "heif_init");
	if (init) ((struct heif_error(*)(void *))init)(NULL);
	if (r->verb == ENCODE) {
		encode(r, data);
		return;
	}
	if (!call(have_decoder_for_format, int, int)(r->format == AVIF ? AV1 : HEVC)) fail(MISSING, "a decoder");
	if (r->verb == CHECK) {
		if (r->format == AVIF && !call(have_encoder_for_format, int, int)(AV1)) fail(MISSING, "an encoder");
		if (call(get_version_number, uint32_t, void)() < 0x010e0000) fail(MISSING, "libheif 1.14");
		return;
	}
	void *context = call(context_alloc, void *, void)(), *handle;
	size_t size = (size_t)r->sizes[0];
	check(call(context_read_from_memory_without_copy, struct heif_error, void *, const void *, size_t, const void *)(context, data[0], size, NULL));
	check(call(context_get_primary_image_handle, struct heif_error, void *, void **)(context, &handle));
	int bits = call(image_handle_get_luma_bits_per_pixel, int, const void *)(handle);
	if (bits < 1 || bits > 16) fail(UNSUPPORTED, "bits per sample");
	struct image im = {
		.width = call(image_handle_get_width, int, const void *)(handle),
		.height = call(image_handle_get_height, int, const void *)(handle),
		.channels = monochrome(data[0], size) ? 1 : 3,
		.depth = bits > 8 ? 16 : 8,
		.bits = bits > 8 && bits < 16 ? bits : 0,
		.alpha = call(image_handle_has_alpha_channel, int, const void *)(handle) != 0,
		.notes = notes(context, handle),
	};
	put_colors(handle, &im);
	put("HEAD", &im, sizeof im);
	if (r->verb == PROBE) put_metadata(handle);
	else decode(handle, &im, bits);
}
