package server

import (
	"upscaled/server/dialect/aetherforge"
	"upscaled/server/dialect/ailab"
	"upscaled/server/dialect/artnex"
	"upscaled/server/dialect/automatic1111"
	"upscaled/server/dialect/cog"
	"upscaled/server/dialect/comfyui"
	"upscaled/server/dialect/maskr"
	"upscaled/server/dialect/mnml"
	"upscaled/server/dialect/native"
	"upscaled/server/dialect/openai"
	"upscaled/server/dialect/replicate"
	"upscaled/server/dialect/stability"
)

// APIs holds the settings of each API.
type APIs struct {
	Mnml        mnml.Config
	AILab       ailab.Config
	Maskr       maskr.Config
	Artnex      artnex.Config
	Aetherforge aetherforge.Config
	Native      native.Config
	Replicate   replicate.Config
	Automatic   automatic1111.Config
	Stability   stability.Config
	OpenAI      openai.Config
	Cog         cog.Config
	ComfyUI     comfyui.Config
	// AutomaticURLs allows images of AUTOMATIC1111's API to be URLs.
	AutomaticURLs bool
	// ArtnexPerDay is artnex's quota of requests in 24 rolling hours for keys
	// without one of their own; 0 is none.
	ArtnexPerDay int
}

// DefaultAPIs returns the vendors' own limits and prices.
func DefaultAPIs() APIs {
	return APIs{
		Mnml: mnml.Defaults(), AILab: ailab.Defaults(), Maskr: maskr.Defaults(),
		Artnex: artnex.Defaults(), Aetherforge: aetherforge.Defaults(), Native: native.Defaults(), Replicate: replicate.Defaults(),
		Automatic: automatic1111.Defaults(), ComfyUI: comfyui.Defaults(), Cog: cog.Defaults(), Stability: stability.Defaults(), OpenAI: openai.Defaults(), ArtnexPerDay: 100,
	}
}

// Quotas returns the APIs' own quotas by dialect name.
func (a APIs) Quotas() map[string]int { return map[string]int{"artnex": a.ArtnexPerDay} }

// Models returns the models for the APIs whose requests cannot name one, by dialect
// name; "" is the server's default.
func (a APIs) Models() map[string]string {
	return map[string]string{
		"mnml": a.Mnml.Model, "maskr": a.Maskr.Model, "artnex": a.Artnex.Model, "aetherforge": a.Aetherforge.Model,
		replicate.Name: a.Replicate.Model, cog.Name: a.Cog.Model, stability.Name: a.Stability.Model,
	}
}

// largestBody returns about how many bytes the largest request of any API is
// charged: a file in base64 is a third longer, and JSON is charged twice.
func (a APIs) largestBody() int64 {
	return max(a.Native.MaxRequestBytes, a.Maskr.MaxBatchBytes, a.Automatic.MaxBodyBytes*2, a.Automatic.MaxBytes*3,
		a.Native.MaxBytes*3, a.Artnex.MaxBytes*3, a.Replicate.MaxBytes*3, a.Cog.MaxBytes*3, a.OpenAI.MaxBytes*3, a.Stability.MaxBytes, a.Maskr.MaxBytes, a.Mnml.MaxBytes,
		a.AILab.MaxBytes, a.Aetherforge.MaxBytes, a.ComfyUI.MaxBytes)
}

// problems lists limits that contradict each other; the settings have the range
// of each.
func (a APIs) problems() []string {
	var all []string
	if a.Native.MaxRequestBytes < a.Native.MaxBytes {
		all = append(all, "apis.native.max-request-bytes must be at least apis.native.max-bytes")
	}
	if a.Automatic.MaxBodyBytes < a.Automatic.MaxBytes {
		all = append(all, "apis.automatic1111.max-body-bytes must be at least apis.automatic1111.max-bytes")
	}
	return all
}
