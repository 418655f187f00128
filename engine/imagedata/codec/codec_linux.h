// Shared by the codecs in the child process. Its types mirror those of codec_linux.go.
#pragma once

#include <stddef.h>
#include <stdint.h>

// What the parent asks for, at the start of the child's standard input. sizes are the
// bytes that follow: the file or the samples, a profile, EXIF, XMP, and the light of HDR
// as in PNG's mDCV and cLLI. bits are those of depth that count.
struct request {
	int32_t verb, format, threads, seconds;
	int64_t memory, sizes[5];
	int32_t width, height, channels, depth, alpha, quality, lossless, primaries, transfer, bits;
};

enum verb { PROBE, DECODE, ENCODE, CHECK };
enum format { HEIC, AVIF, JXL, JP2 };

// An image in a file. primaries and transfer are code points of ITU-T H.273 if the file
// has them and no profile, otherwise 0.
struct image {
	int32_t width, height, channels, depth, alpha, primaries, transfer, notes, bits;
};

// Parts of a file that are left out; see notes in codec.go.
enum note { MORE_FRAMES = 1, GAIN_MAP = 2, DEPTH_MAP = 4, AUXILIARY = 8, MORE_IMAGES = 16, CHANNELS = 32, FLOATS = 64 };

// What a failure is: a fault in the file, a variant that is not supported, a size that
// the library refuses, or a library or a part of it that is not installed.
enum failure { DAMAGED = 'd', UNSUPPORTED = 'u', TOO_LARGE = 'l', MISSING = 'm' };

// Ends the child.
_Noreturn void fail(enum failure kind, const char *text);

// Writes a record; name has four letters.
void put(const char *name, const void *data, size_t size);

// calloc that ends the child if there is no memory.
void *allocate(size_t count, size_t size);

// Opens the first of the libraries that is there, and ends the child if none is.
void *library(const char *const *names);

// Returns a function of a library, and ends the child if it lacks that.
void *function(void *from, const char *name);

// Interleaved samples, alpha last, of 8 bits or in 16-bit words. peak is the value of
// white.
struct samples {
	const uint8_t *rows;
	size_t stride;
	uint32_t peak;
	int words, premultiplied;
};

// Writes an image's pixels: color, then alpha, at its depth.
void put_pixels(const struct image *image, const struct samples *samples);

void heif_child(const struct request *request, uint8_t *const *data);
void jxl_child(const struct request *request, uint8_t *const *data);
void jp2_child(const struct request *request, uint8_t *const *data);
