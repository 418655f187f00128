/* Graphics cards as the system's Vulkan drivers describe them. */
#ifndef UPSCALED_VULKAN_H
#define UPSCALED_VULKAN_H

#include <stdint.h>

struct upscaled_card {
	char name[256]; /* ends with 0 */
	uint32_t type;  /* VkPhysicalDeviceType: 1 integrated, 2 discrete, 3 virtual, 4 CPU */
	uint64_t memory; /* the largest heap of the card's own, in bytes */
};

/* upscaled_cards writes up to most cards and returns their number, 0 without a
   driver. */
int upscaled_cards(struct upscaled_card *cards, uint32_t most);

#endif
