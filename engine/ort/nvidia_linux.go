package ort

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// nvidia returns a GPU's name and memory in bytes from the driver's management
// library, which works without occupying the GPU. number counts as CUDA does.
// Without the library the name is a made-up one.
func nvidia(number int) (name string, total, free int64) {
	name = fmt.Sprintf("CUDA device %d", number)
	if nvml.Init() != nvml.SUCCESS {
		return name, 0, 0
	}
	defer nvml.Shutdown()
	card, found := nvidiaCard(number)
	if !found {
		return name, 0, 0
	}
	if text, code := card.GetName(); code == nvml.SUCCESS {
		name = text
	}
	if memory, code := card.GetMemoryInfo(); code == nvml.SUCCESS {
		total, free = int64(memory.Total), int64(memory.Free)
	}
	return name, total, free
}

// nvidiaCard finds a GPU by CUDA's number: CUDA_VISIBLE_DEVICES may hide and order
// GPUs, by index or UUID.
func nvidiaCard(number int) (nvml.Device, bool) {
	visible, limited := os.LookupEnv("CUDA_VISIBLE_DEVICES")
	if !limited {
		card, code := nvml.DeviceGetHandleByIndex(number)
		return card, code == nvml.SUCCESS
	}
	names := strings.Split(visible, ",")
	if number >= len(names) {
		return nil, false
	}
	name := strings.TrimSpace(names[number])
	if index, err := strconv.Atoi(name); err == nil {
		card, code := nvml.DeviceGetHandleByIndex(index)
		return card, code == nvml.SUCCESS
	}
	card, code := nvml.DeviceGetHandleByUUID(name)
	return card, code == nvml.SUCCESS
}
