// JPEG 2000 by OpenJPEG 2, of which this reads codestreams and the JP2 container.

#define _GNU_SOURCE
#include "codec_linux.h"

#include <stdlib.h>
#include <string.h>

struct component {
	uint32_t dx, dy, w, h, x0, y0, prec, bpp, sgnd, resno, factor;
	int32_t *data;
	uint16_t alpha;
};

struct opj_image {
	uint32_t x0, y0, x1, y1, count;
	int space;
	struct component *components;
	uint8_t *profile;
	uint32_t profile_size;
};

enum { CODESTREAM = 0, CONTAINER = 2, SYCC = 3, EYCC = 4, CMYK = 5 };

static void *lib;

// call(NAME, RESULT, PARAMETERS) is the function opj_NAME.
#define call(name, result, ...) ((result(*)(__VA_ARGS__))function(lib, "opj_" #name))

// The file in memory and the position in it.
struct input {
	const uint8_t *data;
	size_t size, at;
};

static size_t read_input(void *to, size_t n, void *user) {
	struct input *in = user;
	if (in->at >= in->size) return (size_t)-1;
	if (n > in->size - in->at) n = in->size - in->at;
	memcpy(to, in->data + in->at, n);
	in->at += n;
	return n;
}

static int64_t skip_input(int64_t n, void *user) {
	struct input *in = user;
	if (n < 0 || (uint64_t)n > in->size - in->at) return -1;
	in->at += (size_t)n;
	return n;
}

static int seek_input(int64_t to, void *user) {
	struct input *in = user;
	if (to < 0 || (uint64_t)to > in->size) return 0;
	in->at = (size_t)to;
	return 1;
}

static uint32_t big32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

// What boxes say that OpenJPEG applies only when it decodes: columns of a palette, and
// which channel is alpha, -1 without any.
struct boxes {
	int columns, alpha, premultiplied, described, space;
	const uint8_t *stream; // the codestream
	size_t length;
};

static void walk(const uint8_t *p, size_t n, struct boxes *found, int depth) {
	static const uint8_t exif_id[] = "JpgTiffExif->JP2";
	static const uint8_t xmp_id[] = {0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8, 0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3, 0xaf, 0xac};
	while (n >= 8) {
		uint64_t size = big32(p);
		size_t head = 8;
		if (size == 1 && n >= 16) size = (uint64_t)big32(p + 8) << 32 | big32(p + 12), head = 16;
		if (size == 0) size = n;
		if (size < head || size > n) return;
		const uint8_t *body = p + head;
		size_t length = (size_t)size - head;
		if (!memcmp(p + 4, "jp2h", 4) && depth == 0) walk(body, length, found, 1);
		if (!memcmp(p + 4, "jp2c", 4) && depth == 0 && !found->stream) found->stream = body, found->length = length;
		if (!memcmp(p + 4, "pclr", 4) && length > 3) found->columns = body[2];
		if (!memcmp(p + 4, "colr", 4) && length >= 7 && body[0] == 1 && !found->space) found->space = (int)big32(body + 3);
		if (!memcmp(p + 4, "cdef", 4) && length >= 2) {
			found->described = 1;
			for (size_t i = 2; i + 6 <= length; i += 6)
				if (body[i + 3] == 1 || body[i + 3] == 2) found->alpha = body[i + 1], found->premultiplied = body[i + 3] == 2;
		}
		if (!memcmp(p + 4, "uuid", 4) && length > 16 && depth == 0) {
			if (!memcmp(body, exif_id, 16)) put("EXIF", body + 16, length - 16);
			if (!memcmp(body, xmp_id, 16)) put("XMP ", body + 16, length - 16);
		}
		p += size, n -= (size_t)size;
	}
}

// Reports whether every tile has a part in the codestream: OpenJPEG leaves tiles that
// are missing black.
static int complete(const uint8_t *p, size_t n) {
	if (n < 40 || big32(p) != 0xff4fff51) return 0;
	uint64_t w = big32(p + 8), h = big32(p + 12), tw = big32(p + 24), th = big32(p + 28), tx = big32(p + 32), ty = big32(p + 36);
	if (!tw || !th || tx > w || ty > h) return 0;
	uint64_t tiles = ((w - tx + tw - 1) / tw) * ((h - ty + th - 1) / th), seen = 0;
	if (tiles > 65535) return 0;
	uint8_t *found = allocate((size_t)tiles, 1);
	for (size_t at = 2; at + 12 <= n;) {
		if (p[at] != 0xff) break;
		if (p[at + 1] != 0x90) { // a segment of the main header
			at += 2 + ((size_t)p[at + 2] << 8 | p[at + 3]);
			continue;
		}
		uint32_t tile = (uint32_t)p[at + 4] << 8 | p[at + 5], length = big32(p + at + 6);
		if (tile < tiles && !found[tile]) found[tile] = 1, seen++;
		if (length < 12) break; // the last part, up to the end
		at += length;
	}
	free(found);
	return seen == tiles;
}

// The unsigned value of a component at a place of the image; components may have fewer
// samples than the image has pixels.
static inline int64_t sample(const struct component *c, const struct opj_image *o, uint32_t x, uint32_t y) {
	uint32_t cx = (o->x0 + x) / c->dx, cy = (o->y0 + y) / c->dy;
	cx = cx > c->x0 ? cx - c->x0 : 0, cy = cy > c->y0 ? cy - c->y0 : 0;
	if (cx >= c->w) cx = c->w - 1;
	if (cy >= c->h) cy = c->h - 1;
	return (int64_t)c->data[(size_t)cy * c->w + cx] + (c->sgnd ? (int64_t)1 << (c->prec - 1) : 0);
}

static uint16_t scaled(double v, double from, double to) {
	v = v * to / from + 0.5;
	return v < 0 ? 0 : v > to ? (uint16_t)to : (uint16_t)v;
}

// One pixel in channels of the depth's range: CMYK without a profile, YCC by BT.601.
static void convert(const struct opj_image *o, const struct image *im, const struct boxes *b, int space, uint32_t x, uint32_t y, uint16_t *out) {
	double v[4] = {0}, full = im->depth == 16 ? 65535 : 255;
	int n = 0, alpha = -1;
	for (uint32_t i = 0; i < o->count; i++) {
		const struct component *c = &o->components[i];
		double unit = (double)sample(c, o, x, y) / (double)(((uint64_t)1 << c->prec) - 1);
		if (im->alpha && (int)i == b->alpha) alpha = scaled(unit, 1, full);
		else if (n < 4) v[n++] = unit;
	}
	if (space == CMYK)
		for (int i = 0; i < 3; i++) v[i] = (1 - v[i]) * (1 - v[3]);
	if (space == SYCC || space == EYCC) {
		double luma = v[0], cb = v[1] - 0.5, cr = v[2] - 0.5;
		v[0] = luma + 1.402 * cr, v[1] = luma - 0.344136 * cb - 0.714136 * cr, v[2] = luma + 1.772 * cb;
	}
	for (int i = 0; i < im->channels; i++) out[i] = scaled(v[i], 1, full);
	if (im->alpha) out[im->channels] = (uint16_t)alpha;
}

static void put_samples(const struct opj_image *o, const struct image *im, const struct boxes *b, int space) {
	for (uint32_t i = 0; i < o->count; i++)
		if (!o->components[i].data || !o->components[i].w || !o->components[i].h) fail(DAMAGED, "a component is empty");
	size_t all = (size_t)(im->channels + im->alpha), row = (size_t)im->width * all;
	uint16_t *rows = allocate(row * (size_t)im->height, 2);
	for (uint32_t y = 0; y < (uint32_t)im->height; y++)
		for (uint32_t x = 0; x < (uint32_t)im->width; x++)
			convert(o, im, b, space, x, y, rows + y * row + x * all);
	put_pixels(im, &(struct samples){(const uint8_t *)rows, 2 * row, im->depth == 16 ? 65535 : 255, 1, b->premultiplied && im->alpha});
}

// The samples' distance on the reference grid if it is the same in all components: then
// each sample is a pixel. Otherwise a pixel is a point of the grid.
static void pixel_of(const struct opj_image *o, uint32_t *dx, uint32_t *dy) {
	*dx = o->components[0].dx, *dy = o->components[0].dy;
	for (uint32_t i = 1; i < o->count; i++)
		if (o->components[i].dx != *dx || o->components[i].dy != *dy) *dx = *dy = 1;
}

static uint32_t up(uint32_t v, uint32_t by) { return (uint32_t)(((uint64_t)v + by - 1) / by); }

void jp2_child(const struct request *r, uint8_t *const *data) {
	lib = library((const char *const[]){"libopenjp2.so.7", NULL});
	if (r->verb == CHECK) return;
	struct input in = {data[0], (size_t)r->sizes[0], 0};
	struct boxes boxes = {.alpha = -1};
	int raw = in.size > 2 && data[0][0] == 0xff;
	if (raw) boxes.stream = in.data, boxes.length = in.size;
	else walk(in.data, in.size, &boxes, 0);
	if (!boxes.stream || !complete(boxes.stream, boxes.length)) fail(DAMAGED, "tiles are missing");
	void *stream = call(stream_create, void *, size_t, int)(1 << 20, 1);
	call(stream_set_user_data, void, void *, void *, void *)(stream, &in, NULL);
	call(stream_set_user_data_length, void, void *, uint64_t)(stream, in.size);
	call(stream_set_read_function, void, void *, void *)(stream, (void *)read_input);
	call(stream_set_skip_function, void, void *, void *)(stream, (void *)skip_input);
	call(stream_set_seek_function, void, void *, void *)(stream, (void *)seek_input);
	void *codec = call(create_decompress, void *, int)(raw ? CODESTREAM : CONTAINER);
	void *parameters = allocate(1 << 16, 1); // a structure of some 8 KiB
	call(set_default_decoder_parameters, void, void *)(parameters);
	struct opj_image *o = NULL;
	if (!codec || !call(setup_decoder, int, void *, void *)(codec, parameters)) fail(DAMAGED, "OpenJPEG");
	call(codec_set_threads, int, void *, int)(codec, r->threads);
	if (!call(read_header, int, void *, void *, struct opj_image **)(stream, codec, &o) || !o || !o->count) fail(DAMAGED, "header");
	int count = boxes.columns ? boxes.columns : (int)o->count, space = boxes.space == 12 ? CMYK : boxes.space == 18 ? SYCC : 0;
	uint32_t dx, dy;
	pixel_of(o, &dx, &dy);
	struct image im = {.width = (int32_t)(up(o->x1, dx) - up(o->x0, dx)), .height = (int32_t)(up(o->y1, dy) - up(o->y0, dy)), .depth = 8};
	for (uint32_t i = 0; i < o->count; i++) {
		if (o->components[i].prec < 1 || o->components[i].prec > 31) fail(UNSUPPORTED, "JPEG 2000 images of more than 31 bits cannot be read");
		if (o->components[i].prec > 8 && !boxes.columns) im.depth = 16;
	}
	// Without a definition of its channels, the second of two and the fourth of four is alpha.
	if (!boxes.described && space != CMYK && (count == 2 || count == 4)) boxes.alpha = count - 1;
	im.alpha = boxes.alpha >= 0 && boxes.alpha < count;
	im.channels = count - im.alpha >= 3 ? 3 : 1;
	im.notes = count - im.alpha > (space == CMYK ? 4 : im.channels) ? CHANNELS : 0;
	if (space == CMYK && count < 4) fail(DAMAGED, "inks are missing");
	if (space == SYCC && im.channels == 1) space = 0;
	if (o->profile && o->profile_size > 0 && space != CMYK) put("ICC ", o->profile, o->profile_size);
	put("HEAD", &im, sizeof im);
	if (r->verb == PROBE) return;
	if (!call(decode, int, void *, void *, void *)(codec, stream, o)) fail(DAMAGED, "codestream");
	if (!call(end_decompress, int, void *, void *)(codec, stream)) fail(DAMAGED, "end of the codestream");
	if ((int)o->count != count) fail(DAMAGED, "palette");
	for (uint32_t i = 0; i < o->count; i++) o->components[i].dx /= dx, o->components[i].dy /= dy;
	o->x0 = up(o->x0, dx), o->y0 = up(o->y0, dy);
	put_samples(o, &im, &boxes, space);
}
