package ort

// #include "vulkan.h"
import "C"

import (
	"cmp"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"upscaled/engine/host"
)

// CardType is how a graphics card relates to the CPU.
type CardType int

// Types of cards, the fastest last.
const (
	Software   CardType = iota // computes on the CPU
	Integrated                 // shares the CPU's memory
	Discrete
)

// String implements fmt.Stringer.
func (t CardType) String() string { return [...]string{"software", "integrated", "discrete"}[t] }

// MarshalText implements encoding.TextMarshaler.
func (t CardType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Card is a graphics card that drivers of the system present.
type Card struct {
	Name string   `json:"name"`
	Type CardType `json:"type"`
	// Memory is its own in bytes; 0 if unknown.
	Memory int64 `json:"memory,omitempty"`
}

// Cards returns the machine's graphics cards, the fastest first. On macOS it is the
// one of the CPU; elsewhere Vulkan's drivers know.
func Cards() []Card {
	if !mayHaveCards() {
		return nil
	}
	if runtime.GOOS == "darwin" {
		return []Card{{Name: host.CPU() + " GPU", Type: Integrated}}
	}
	const most = 16
	var found [most]C.struct_upscaled_card
	var cards []Card
	for _, c := range found[:C.upscaled_cards(&found[0], most)] {
		cards = append(cards, Card{Name: C.GoString(&c.name[0]), Type: cardType(uint32(c._type)), Memory: int64(c.memory)})
	}
	slices.SortStableFunc(cards, func(a, b Card) int { return cmp.Compare(b.Type, a.Type) })
	return cards
}

// cardType translates a VkPhysicalDeviceType. Virtual cards are taken for
// integrated ones: measured before use.
func cardType(vulkan uint32) CardType {
	const integrated, discrete, virtual = 1, 2, 3
	switch vulkan {
	case discrete:
		return Discrete
	case integrated, virtual:
		return Integrated
	}
	return Software
}

// mayHaveCards reports whether there may be a graphics card, without loading
// drivers, which takes a tenth of a second. On Linux a card has a file, or the user
// names a driver.
func mayHaveCards() bool {
	if runtime.GOOS != "linux" {
		return true
	}
	for _, name := range []string{"VK_DRIVER_FILES", "VK_ICD_FILENAMES"} {
		if os.Getenv(name) != "" {
			return true
		}
	}
	for _, pattern := range []string{"/dev/dri/renderD*", "/dev/dxg"} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}
