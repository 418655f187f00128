#include "vulkan.h"

#include <stddef.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
static void *open_loader(void) { return (void *)LoadLibraryA("vulkan-1.dll"); }
static void *find(void *loader, const char *name) { return (void *)GetProcAddress((HMODULE)loader, name); }
#else
#include <dlfcn.h>
static void *open_loader(void) { return dlopen("libvulkan.so.1", RTLD_NOW); }
static void *find(void *loader, const char *name) { return dlsym(loader, name); }
#endif

/* The parts of Vulkan 1.0 that are used, by the names of its specification. */
struct instance_create_info {
	uint32_t type; /* VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO */
	const void *next;
	uint32_t flags;
	const void *application;
	uint32_t layer_count;
	const void *layers;
	uint32_t extension_count;
	const void *extensions;
};

struct properties {
	uint32_t api, driver, vendor, device, type;
	char name[256];
	uint8_t cache_uuid[16];
	uint64_t limits[128]; /* at least VkPhysicalDeviceLimits and sparse properties */
};

struct memory_properties {
	uint32_t type_count, types[32][2], heap_count;
	struct {
		uint64_t size;
		uint32_t flags;
	} heaps[16];
};

enum { instance_create = 1, device_local = 1, most_cards = 16, most_heaps = 16 };

static uint64_t largest(const struct memory_properties *m) {
	uint64_t size = 0;
	for (uint32_t i = 0; i < m->heap_count && i < most_heaps; i++)
		if ((m->heaps[i].flags & device_local) != 0 && m->heaps[i].size > size)
			size = m->heaps[i].size;
	return size;
}

int upscaled_cards(struct upscaled_card *cards, uint32_t most) {
	void *loader = open_loader();
	if (loader == NULL)
		return 0;
	int32_t (*create)(const struct instance_create_info *, const void *, void **) = find(loader, "vkCreateInstance");
	int32_t (*enumerate)(void *, uint32_t *, void **) = find(loader, "vkEnumeratePhysicalDevices");
	void (*describe)(void *, struct properties *) = find(loader, "vkGetPhysicalDeviceProperties");
	void (*memory)(void *, struct memory_properties *) = find(loader, "vkGetPhysicalDeviceMemoryProperties");
	void (*destroy)(void *, const void *) = find(loader, "vkDestroyInstance");
	struct instance_create_info info = {.type = instance_create};
	void *instance, *devices[most_cards];
	if (create == NULL || enumerate == NULL || describe == NULL || memory == NULL || destroy == NULL || create(&info, NULL, &instance) != 0)
		return 0;
	uint32_t count = most < most_cards ? most : most_cards;
	if (enumerate(instance, &count, devices) < 0)
		count = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct properties p = {0};
		struct memory_properties m = {0};
		describe(devices[i], &p);
		memory(devices[i], &m);
		memcpy(cards[i].name, p.name, sizeof p.name);
		cards[i].name[sizeof p.name - 1] = 0;
		cards[i].type = p.type;
		cards[i].memory = largest(&m);
	}
	destroy(instance, NULL);
	return (int)count;
}
