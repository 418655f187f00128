// A process for one file. Codecs in C and C++ run on files of strangers here, where a
// crash or endless work harms nobody: the program starts itself under another name and
// ends up in child() before Go's runtime begins. The libraries are opened only here.

#define _GNU_SOURCE
#include "codec_linux.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static const char child_name[] = "upscaled-codec";

static void put_bytes(const void *data, size_t size) {
	for (const uint8_t *p = data; size > 0;) {
		ssize_t n = write(STDOUT_FILENO, p, size);
		if (n < 0 && errno == EINTR) continue;
		if (n <= 0) _exit(1); // the parent has gone
		p += n, size -= (size_t)n;
	}
}

static void put_head(const char *name, uint64_t size) {
	put_bytes(name, 4);
	put_bytes(&size, sizeof size);
}

void put(const char *name, const void *data, size_t size) {
	put_head(name, size);
	put_bytes(data, size);
}

void fail(enum failure kind, const char *text) {
	char line[512] = {(char)kind};
	strncpy(line + 1, text ? text : "", sizeof line - 2);
	put("FAIL", line, strlen(line));
	_exit(0);
}

void *allocate(size_t count, size_t size) {
	void *p = calloc(count ? count : 1, size);
	if (!p) _exit(1); // the parent reports the memory limit
	return p;
}

void *library(const char *const *names) {
	for (const char *const *name = names; *name; name++) {
		void *opened = dlopen(*name, RTLD_NOW | RTLD_GLOBAL);
		if (opened) return opened;
	}
	fail(MISSING, names[0]);
}

void *function(void *from, const char *name) {
	void *found = dlsym(from, name);
	if (!found) fail(MISSING, name);
	return found;
}

static void get_bytes(void *data, size_t size) {
	for (uint8_t *p = data; size > 0;) {
		ssize_t n = read(STDIN_FILENO, p, size);
		if (n < 0 && errno == EINTR) continue;
		if (n <= 0) _exit(1);
		p += n, size -= (size_t)n;
	}
}

// One row at a time: plane 0 has the colors, plane 1 alpha.
static void put_plane(const struct image *im, const struct samples *s, int plane) {
	int all = im->channels + im->alpha, first = plane ? im->channels : 0, last = plane ? all : im->channels;
	size_t bytes = im->depth == 16 ? 2 : 1, row = (size_t)im->width * (size_t)(last - first) * bytes;
	uint32_t full = im->depth == 16 ? 65535 : 255;
	uint8_t *out = allocate(row, 1);
	put_head(plane ? "ALPH" : "COLR", (uint64_t)row * (uint64_t)im->height);
	for (int y = 0; y < im->height; y++) {
		const uint8_t *narrow = s->rows + (size_t)y * s->stride;
		const uint16_t *wide = (const uint16_t *)narrow;
		uint8_t *to = out;
		for (size_t x = 0; x < (size_t)im->width; x++) {
			for (int c = first; c < last; c++, to += bytes) {
				size_t at = x * (size_t)all + (size_t)c;
				uint64_t v = s->words ? wide[at] : narrow[at];
				if (s->premultiplied && !plane) {
					size_t alpha_at = x * (size_t)all + (size_t)im->channels;
					uint64_t alpha = s->words ? wide[alpha_at] : narrow[alpha_at];
					v = alpha ? (v * s->peak + alpha / 2) / alpha : 0;
				}
				if (v > s->peak) v = s->peak;
				if (s->peak != full) v = (v * full + s->peak / 2) / s->peak;
				if (bytes == 1) *to = (uint8_t)v;
				else *(uint16_t *)to = (uint16_t)v;
			}
		}
		put_bytes(out, row);
	}
	free(out);
}

void put_pixels(const struct image *im, const struct samples *s) {
	put_plane(im, s, 0);
	if (im->alpha) put_plane(im, s, 1);
}

static void bound(int what, int64_t most) {
	struct rlimit limit = {(rlim_t)most, (rlim_t)most};
	setrlimit(what, &limit);
}

// The heaps of threads would count as memory long before they are used.
static void confine(const struct request *r) {
	mallopt(M_ARENA_MAX, 2);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	bound(RLIMIT_CORE, 0);
	bound(RLIMIT_FSIZE, 0);
	if (r->seconds > 0) bound(RLIMIT_CPU, r->seconds);
#ifndef __SANITIZE_ADDRESS__
	if (r->memory > 0) bound(RLIMIT_AS, r->memory);
#endif
}

static void work(void) {
	struct request r;
	get_bytes(&r, sizeof r);
	confine(&r);
	uint8_t *data[5];
	for (int i = 0; i < 5; i++) {
		data[i] = allocate((size_t)r.sizes[i], 1);
		get_bytes(data[i], (size_t)r.sizes[i]);
	}
	switch (r.format) {
	case HEIC:
	case AVIF: heif_child(&r, data); break;
	case JXL: jxl_child(&r, data); break;
	case JP2: jp2_child(&r, data); break;
	}
	put("DONE", "", 0);
}

// Runs at each start of the program, in every program with this package. The command
// line is read from /proc because only some C libraries pass it here.
__attribute__((constructor)) static void child(void) {
	char line[sizeof child_name];
	int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	if (file < 0) return;
	ssize_t n = read(file, line, sizeof line);
	close(file);
	if (n != sizeof line || memcmp(line, child_name, sizeof line) != 0) return;
	work();
	_exit(0);
}
