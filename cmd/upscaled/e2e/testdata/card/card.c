/* A Vulkan driver that makes a graphics card with faults of SwiftShader. Its
   environment variables, all optional:
   CARD_TYPE    the type in the card's properties: 1 integrated, 2 discrete, 4 CPU
   CARD_MEMORY  bytes that can be allocated at once
   CARD_LOST    a file; once it exists, the card is lost */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { out_of_device_memory = -2, device_lost = -4, most_blocks = 4096 };

typedef void (*function)(void);

static void *driver(const char *name) {
	static void *library;
	if (library == NULL)
		library = dlopen("/usr/lib/chromium/libvk_swiftshader.so", RTLD_NOW);
	return dlsym(library, name);
}

static function (*of_instance)(void *, const char *);
static function (*of_device)(void *, const char *);
static void *last_device;

static function of_card(const char *name) { return of_device(last_device, name); }

static struct { uint64_t memory, size; } blocks[most_blocks];
static uint64_t used;

static int allocate(void *device, const char *info, const void *allocator, uint64_t *memory) {
	const char *limit = getenv("CARD_MEMORY");
	uint64_t size;
	memcpy(&size, info + 16, sizeof size); /* VkMemoryAllocateInfo.allocationSize */
	if (limit != NULL && used + size > strtoull(limit, NULL, 10))
		return out_of_device_memory;
	last_device = device;
	int code = ((int (*)(void *, const char *, const void *, uint64_t *))of_card("vkAllocateMemory"))(device, info, allocator, memory);
	for (int i = 0; code == 0 && i < most_blocks; i++)
		if (blocks[i].size == 0) {
			blocks[i].memory = *memory, blocks[i].size = size, used += size;
			break;
		}
	return code;
}

static void release(void *device, uint64_t memory, const void *allocator) {
	for (int i = 0; memory != 0 && i < most_blocks; i++)
		if (blocks[i].size != 0 && blocks[i].memory == memory) {
			used -= blocks[i].size, blocks[i].size = 0;
			break;
		}
	last_device = device;
	((void (*)(void *, uint64_t, const void *))of_card("vkFreeMemory"))(device, memory, allocator);
}

static int (*real_submit)(void *, uint32_t, const void *, uint64_t);

static int submit(void *queue, uint32_t count, const void *work, uint64_t fence) {
	const char *lost = getenv("CARD_LOST");
	if (lost != NULL && access(lost, F_OK) == 0)
		return device_lost;
	return real_submit(queue, count, work, fence);
}

static void set_type(char *properties) {
	const char *type = getenv("CARD_TYPE");
	uint32_t number = type == NULL ? 4 : (uint32_t)atoi(type);
	memcpy(properties + 16, &number, sizeof number); /* VkPhysicalDeviceProperties.deviceType */
}

static void (*real_properties)(void *, char *);
static void (*real_properties2)(void *, char *);
static void seen_properties(void *card, char *out) { real_properties(card, out); set_type(out); }
static void seen_properties2(void *card, char *out) { real_properties2(card, out); set_type(out + 16); }

static function device_function(void *device, const char *name);

static function ours(const char *name, function real) {
	if (real == NULL)
		return NULL;
	if (strcmp(name, "vkGetDeviceProcAddr") == 0) {
		of_device = (function (*)(void *, const char *))real;
		return (function)device_function;
	}
	if (strcmp(name, "vkAllocateMemory") == 0)
		return (function)allocate;
	if (strcmp(name, "vkFreeMemory") == 0)
		return (function)release;
	if (strcmp(name, "vkQueueSubmit") == 0) {
		real_submit = (int (*)(void *, uint32_t, const void *, uint64_t))real;
		return (function)submit;
	}
	if (strcmp(name, "vkGetPhysicalDeviceProperties") == 0) {
		real_properties = (void (*)(void *, char *))real;
		return (function)seen_properties;
	}
	if (strcmp(name, "vkGetPhysicalDeviceProperties2") == 0 || strcmp(name, "vkGetPhysicalDeviceProperties2KHR") == 0) {
		real_properties2 = (void (*)(void *, char *))real;
		return (function)seen_properties2;
	}
	return real;
}

static function device_function(void *device, const char *name) {
	last_device = device;
	return ours(name, of_device(device, name));
}

function vk_icdGetInstanceProcAddr(void *instance, const char *name) {
	of_instance = (function (*)(void *, const char *))driver("vk_icdGetInstanceProcAddr");
	return ours(name, of_instance(instance, name));
}

function vk_icdGetPhysicalDeviceProcAddr(void *instance, const char *name) {
	function (*real)(void *, const char *) = (function (*)(void *, const char *))driver("vk_icdGetPhysicalDeviceProcAddr");
	return real == NULL ? NULL : ours(name, real(instance, name));
}

int vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
	return ((int (*)(uint32_t *))driver("vk_icdNegotiateLoaderICDInterfaceVersion"))(version);
}
