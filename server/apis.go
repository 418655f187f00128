package server

import (
	"upscaled/server/dialect/aetherforge"
	"upscaled/server/dialect/ailab"
	"upscaled/server/dialect/artnex"
	"upscaled/server/dialect/automatic1111"
	"upscaled/server/dialect/maskr"
	"upscaled/server/dialect/mnml"
	"upscaled/server/dialect/native"
	"upscaled/server/dialect/replicate"
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
		Automatic: automatic1111.Defaults(), ArtnexPerDay: 100,
	}
}

// Quotas returns the APIs' own quotas by dialect name.
func (a APIs) Quotas() map[string]int { return map[string]int{"artnex": a.ArtnexPerDay} }

// largestBody returns about how many bytes the largest request of any API has: a
// file in base64 is a third longer.
func (a APIs) largestBody() int64 {
	return max(a.Native.MaxRequestBytes, a.Maskr.MaxBatchBytes, a.Automatic.MaxBodyBytes, a.Automatic.MaxBytes*3/2,
		a.Native.MaxBytes*3/2, a.Artnex.MaxBytes*3/2, a.Replicate.MaxBytes*3/2, a.Maskr.MaxBytes, a.Mnml.MaxBytes,
		a.AILab.MaxBytes, a.Aetherforge.MaxBytes)
}

// problems lists limits and prices that cannot be.
func (a APIs) problems() []string {
	var all []string
	for _, x := range []struct {
		flag         string
		price, bytes int64
	}{
		{"mnml", a.Mnml.Price, a.Mnml.MaxBytes}, {"ailab", a.AILab.Price, a.AILab.MaxBytes},
		{"maskr", a.Maskr.Price, a.Maskr.MaxBytes}, {"artnex", a.Artnex.Price, a.Artnex.MaxBytes},
		{"aetherforge", a.Aetherforge.Price, a.Aetherforge.MaxBytes}, {"native", a.Native.Price, a.Native.MaxBytes},
		{"replicate", a.Replicate.Price, a.Replicate.MaxBytes}, {"automatic1111", a.Automatic.Price, a.Automatic.MaxBytes},
	} {
		if x.price < 0 {
			all = append(all, "--"+x.flag+"-price must not be below 0")
		}
		if x.bytes <= 0 {
			all = append(all, "--"+x.flag+"-max-bytes must be above 0")
		}
	}
	if a.Native.MaxRequestBytes < a.Native.MaxBytes || a.Native.MaxFiles < 1 {
		all = append(all, "--native-max-request-bytes must be at least --native-max-bytes, and --native-max-files at least 1")
	}
	if a.Automatic.MaxBodyBytes < a.Automatic.MaxBytes || a.Automatic.MaxImages < 1 || a.Automatic.MaxOutputPixels < 1 {
		all = append(all, "--automatic1111-max-body-bytes must be at least --automatic1111-max-bytes, and --automatic1111-max-images and --automatic1111-max-output-pixels at least 1")
	}
	if a.Mnml.MaxInputWidth < 0 || a.ArtnexPerDay < 0 {
		all = append(all, "--mnml-max-width and --artnex-per-day must not be below 0")
	}
	return all
}
