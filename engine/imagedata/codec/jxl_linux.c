// JPEG XL by libjxl 0.7 or later, whose major interface has stayed the same but for one
// parameter.

#define _GNU_SOURCE
#include "codec_linux.h"

#include <stdlib.h>
#include <string.h>

struct basic_info {
	int container;
	uint32_t width, height, bits, exponent_bits;
	float intensity, least;
	int relative;
	float linear_below;
	int original_profile, preview, animation, orientation;
	uint32_t colors, extra, alpha_bits, alpha_exponent_bits;
	int premultiplied;
	uint32_t preview_size[2], ticks[2], loops;
	int timecodes;
	uint32_t intrinsic[2];
	uint8_t padding[100];
};

struct color_encoding {
	int space, white;
	double white_xy[2];
	int primaries;
	double primaries_xy[6];
	int transfer;
	double gamma;
	int intent;
};

struct channel_info {
	int type;
	uint32_t fields[16]; // more than any version has
};

struct pixel_format {
	uint32_t channels;
	int type, order;
	size_t align;
};

enum { SUCCESS, ERROR, MORE_INPUT, NEED_PIXELS = 5, NEED_BOX = 7, BASIC = 0x40, COLORS = 0x100, FRAME = 0x400, FULL = 0x1000, BOX = 0x4000 };
enum { UINT8 = 2, UINT16 = 3, GRAY = 1, OF_DATA = 1, D65 = 1, RELATIVE = 1, SRGB = 1, SRGB_CURVE = 13, PQ = 16, HLG = 18, BLACK = 4 };

static void *lib, *threads;
static int version;

// call(NAME, RESULT, PARAMETERS) is the function JxlNAME.
#define call(name, result, ...) ((result(*)(__VA_ARGS__))function(lib, "Jxl" #name))

static void *runner(const struct request *r) {
	return ((void *(*)(const void *, size_t))function(threads, "JxlThreadParallelRunnerCreate"))(NULL, r->threads > 0 ? (size_t)r->threads : 1);
}

// Colors that H.273 describes are stated by its code points, others by a profile.
static void put_colors(void *decoder, struct image *im, const struct pixel_format *format) {
	struct color_encoding c;
	size_t size = 0;
	int status;
	if (version < 9000)
		status = call(DecoderGetColorAsEncodedProfile, int, void *, const void *, int, void *)(decoder, format, OF_DATA, &c);
	else
		status = call(DecoderGetColorAsEncodedProfile, int, void *, int, void *)(decoder, OF_DATA, &c);
	int coded = c.transfer == SRGB_CURVE || c.transfer == PQ || c.transfer == HLG;
	if (status == SUCCESS && coded && c.space <= GRAY && c.white == D65 && (c.space == GRAY || c.primaries != 2)) {
		im->primaries = c.space == GRAY ? SRGB : c.primaries, im->transfer = c.transfer;
		if (im->primaries == 11) im->primaries = 12; // P3 with D65
		return;
	}
	if (version < 9000)
		status = call(DecoderGetICCProfileSize, int, void *, const void *, int, size_t *)(decoder, format, OF_DATA, &size);
	else
		status = call(DecoderGetICCProfileSize, int, void *, int, size_t *)(decoder, OF_DATA, &size);
	if (status != SUCCESS || size == 0) return;
	uint8_t *profile = allocate(size, 1);
	if (version < 9000)
		status = call(DecoderGetColorAsICCProfile, int, void *, const void *, int, uint8_t *, size_t)(decoder, format, OF_DATA, profile, size);
	else
		status = call(DecoderGetColorAsICCProfile, int, void *, int, uint8_t *, size_t)(decoder, OF_DATA, profile, size);
	if (status == SUCCESS) put("ICC ", profile, size);
	free(profile);
}

static void take_info(void *decoder, struct image *im, struct basic_info *info, struct pixel_format *format) {
	if (call(DecoderGetBasicInfo, int, const void *, void *)(decoder, info)) fail(DAMAGED, "basic info");
	im->width = (int32_t)info->width, im->height = (int32_t)info->height;
	if (info->width > INT32_MAX || info->height > INT32_MAX) fail(DAMAGED, "size");
	im->channels = info->colors == 1 ? 1 : 3;
	im->alpha = info->alpha_bits > 0;
	im->depth = info->bits > 8 || info->exponent_bits > 0 ? 16 : 8;
	im->notes = info->exponent_bits > 0 ? FLOATS : 0;
	for (uint32_t i = 0; i < info->extra; i++) {
		struct channel_info channel;
		if (call(DecoderGetExtraChannelInfo, int, const void *, size_t, void *)(decoder, i, &channel)) continue;
		if (channel.type == BLACK) fail(UNSUPPORTED, "JPEG XL images of inks cannot be read");
		if (channel.type != 0 || i > 0) im->notes |= CHANNELS;
	}
	*format = (struct pixel_format){(uint32_t)(im->channels + im->alpha), im->depth == 16 ? UINT16 : UINT8, 0, 0};
}

// The box that is being read.
struct box {
	char type[4];
	uint8_t *data;
	size_t size;
};

static void end_box(void *decoder, struct box *box, int write) {
	if (!box->data) return;
	size_t used = box->size - call(DecoderReleaseBoxBuffer, size_t, void *)(decoder);
	if (write && !memcmp(box->type, "xml ", 4)) put("XMP ", box->data, used);
	if (write && !memcmp(box->type, "Exif", 4) && used > 4) {
		const uint8_t *d = box->data; // the first four bytes are the distance of the TIFF header
		size_t skip = (size_t)d[0] << 24 | (size_t)d[1] << 16 | (size_t)d[2] << 8 | d[3];
		if (skip < used - 4) put("EXIF", d + 4 + skip, used - 4 - skip);
	}
	free(box->data);
	box->data = NULL;
}

static void begin_box(void *decoder, struct box *box, struct image *im) {
	if (call(DecoderGetBoxType, int, void *, char *, int)(decoder, box->type, 1)) return;
	if (!memcmp(box->type, "jhgm", 4)) im->notes |= GAIN_MAP;
	if (memcmp(box->type, "xml ", 4) && memcmp(box->type, "Exif", 4)) return;
	box->data = allocate(box->size = 1 << 16, 1);
	call(DecoderSetBoxBuffer, int, void *, uint8_t *, size_t)(decoder, box->data, box->size);
}

static void grow_box(void *decoder, struct box *box) {
	size_t used = box->size - call(DecoderReleaseBoxBuffer, size_t, void *)(decoder);
	if (used > 32 << 20) fail(DAMAGED, "metadata of more than 32 MiB");
	box->data = realloc(box->data, box->size = 2 * box->size);
	if (!box->data) exit(1);
	call(DecoderSetBoxBuffer, int, void *, uint8_t *, size_t)(decoder, box->data + used, box->size - used);
}

// Reads to the end when probing: metadata may follow the pixels. HEAD comes last then.
static void decode(const struct request *r, const uint8_t *data, int probe) {
	void *decoder = call(DecoderCreate, void *, const void *)(NULL);
	call(DecoderSetParallelRunner, int, void *, void *, void *)(decoder, function(threads, "JxlThreadParallelRunner"), runner(r));
	call(DecoderSubscribeEvents, int, void *, int)(decoder, BASIC | COLORS | (probe ? FRAME | BOX : FULL));
	if (probe) call(DecoderSetDecompressBoxes, int, void *, int)(decoder, 1);
	call(DecoderSetInput, int, void *, const uint8_t *, size_t)(decoder, data, (size_t)r->sizes[0]);
	call(DecoderCloseInput, void, void *)(decoder);
	struct image im = {0};
	struct basic_info info;
	struct pixel_format format;
	struct box box = {0};
	struct samples s = {0};
	size_t size = 0;
	for (int frames = 0;;) {
		int status = call(DecoderProcessInput, int, void *)(decoder);
		switch (status) {
		case BASIC: take_info(decoder, &im, &info, &format); break;
		case COLORS:
			put_colors(decoder, &im, &format);
			if (!probe) put("HEAD", &im, sizeof im);
			break;
		case FRAME:
			if (++frames > 1) im.notes |= MORE_FRAMES;
			break;
		case BOX:
			end_box(decoder, &box, 1);
			begin_box(decoder, &box, &im);
			break;
		case NEED_BOX: grow_box(decoder, &box); break;
		case NEED_PIXELS:
			if (call(DecoderImageOutBufferSize, int, const void *, const void *, size_t *)(decoder, &format, &size)) fail(DAMAGED, "size");
			s.rows = allocate(size, 1);
			if (call(DecoderSetImageOutBuffer, int, void *, const void *, void *, size_t)(decoder, &format, (void *)s.rows, size)) fail(DAMAGED, "size");
			break;
		case FULL:
			s.words = im.depth == 16, s.peak = s.words ? 65535 : 255, s.premultiplied = im.alpha && info.premultiplied;
			s.stride = (size_t)im.width * (size_t)(im.channels + im.alpha) * (size_t)(1 + s.words);
			put_pixels(&im, &s);
			return;
		case SUCCESS:
			if (!probe) fail(DAMAGED, "no pixels");
			end_box(decoder, &box, 1);
			put("HEAD", &im, sizeof im);
			return;
		case MORE_INPUT:
			// A file cut off within its metadata or last frame is reported when it is decoded.
			if (!probe || im.width == 0) fail(DAMAGED, "truncated");
			end_box(decoder, &box, 0);
			put("HEAD", &im, sizeof im);
			return;
		default: fail(DAMAGED, "libjxl");
		}
	}
}

// Adds a metadata box; EXIF begins with the distance of its TIFF header.
static void add_box(void *encoder, const char *type, const uint8_t *data, size_t size, size_t before) {
	if (size == 0) return;
	uint8_t *box = allocate(size + before, 1);
	memcpy(box + before, data, size);
	if (call(EncoderAddBox, int, void *, const char *, const uint8_t *, size_t, int)(encoder, type, box, size + before, 0)) fail(DAMAGED, "box");
	free(box);
}

// A profile that libjxl refuses is damaged; package engine notes that.
static void set_colors(const struct request *r, const uint8_t *profile, void *encoder) {
	if (r->sizes[1] > 0 && !call(EncoderSetICCProfile, int, void *, const uint8_t *, size_t)(encoder, profile, (size_t)r->sizes[1])) return;
	struct color_encoding c = {.space = r->channels == 1, .white = D65, .primaries = r->primaries, .transfer = r->transfer, .intent = RELATIVE};
	if (c.primaries == 12) c.primaries = 11;
	if (call(EncoderSetColorEncoding, int, void *, const void *)(encoder, &c)) fail(UNSUPPORTED, "colors");
}

static void encode(const struct request *r, uint8_t *const *data) {
	void *encoder = call(EncoderCreate, void *, const void *)(NULL);
	call(EncoderSetParallelRunner, int, void *, void *, void *)(encoder, function(threads, "JxlThreadParallelRunner"), runner(r));
	struct basic_info info;
	call(EncoderInitBasicInfo, void, void *)(&info);
	info.width = (uint32_t)r->width, info.height = (uint32_t)r->height, info.bits = (uint32_t)r->depth;
	info.colors = (uint32_t)r->channels, info.original_profile = r->lossless;
	// The luminance of the brightest color, in cd/m2.
	info.intensity = r->transfer == PQ ? 10000 : r->transfer == HLG ? 1000 : 255;
	if (r->alpha) info.extra = 1, info.alpha_bits = info.bits;
	if (r->lossless && r->depth == 16) call(EncoderSetCodestreamLevel, int, void *, int)(encoder, 10);
	if (call(EncoderSetBasicInfo, int, void *, const void *)(encoder, &info)) fail(DAMAGED, "basic info");
	set_colors(r, data[1], encoder);
	if (r->sizes[2] + r->sizes[3] > 0) {
		call(EncoderUseBoxes, int, void *)(encoder);
		add_box(encoder, "Exif", data[2], (size_t)r->sizes[2], 4);
		add_box(encoder, "xml ", data[3], (size_t)r->sizes[3], 0);
		call(EncoderCloseBoxes, void, void *)(encoder);
	}
	void *settings = call(EncoderFrameSettingsCreate, void *, void *, const void *)(encoder, NULL);
	enum { EFFORT = 0 };
	call(EncoderFrameSettingsSetOption, int, void *, int, int64_t)(settings, EFFORT, r->lossless ? 2 : 3);
	// Butteraugli's distance: 1 is visually the same, and is reached at quality 90.
	if (r->lossless) call(EncoderSetFrameLossless, int, void *, int)(settings, 1);
	else call(EncoderSetFrameDistance, int, void *, float)(settings, 0.1f + 0.09f * (float)(100 - r->quality));
	struct pixel_format format = {(uint32_t)(r->channels + r->alpha), r->depth == 16 ? UINT16 : UINT8, 0, 0};
	if (call(EncoderAddImageFrame, int, const void *, const void *, const void *, size_t)(settings, &format, data[0], (size_t)r->sizes[0])) fail(DAMAGED, "frame");
	call(EncoderCloseInput, void, void *)(encoder);
	size_t most = 1 << 20;
	uint8_t *buffer = allocate(most, 1);
	for (int status = MORE_INPUT; status != SUCCESS;) {
		uint8_t *next = buffer;
		size_t left = most;
		status = call(EncoderProcessOutput, int, void *, uint8_t **, size_t *)(encoder, &next, &left);
		if (status == ERROR) fail(DAMAGED, "libjxl");
		put("FILE", buffer, most - left);
	}
}

void jxl_child(const struct request *r, uint8_t *const *data) {
	lib = library((const char *const[]){"libjxl.so.0.11", "libjxl.so.0.10", "libjxl.so.0.9", "libjxl.so.0.8", "libjxl.so.0.7", NULL});
	threads = library((const char *const[]){"libjxl_threads.so.0.11", "libjxl_threads.so.0.10", "libjxl_threads.so.0.9", "libjxl_threads.so.0.8", "libjxl_threads.so.0.7", NULL});
	version = (int)call(DecoderVersion, uint32_t, void)();
	if (r->verb == ENCODE) encode(r, data);
	else if (r->verb != CHECK) decode(r, data[0], r->verb == PROBE);
}
