package automatic1111

import (
	"upscaled/server/dialect"
	"upscaled/server/job"
)

// Config holds the operator's settings. Price is for one run of a model: an
// image with two upscalers takes two.
type Config struct {
	dialect.Config
	// MaxBodyBytes limits the JSON of a batch.
	MaxBodyBytes int64
	// MaxOutputPixels limits a result before it is cropped, all frames together.
	MaxOutputPixels int64
	// MaxImages limits a batch, Parallel how many of its images are processed at
	// once.
	MaxImages, Parallel int
	// Upscalers are the names that clients may use, in the order shown. "None",
	// "Lanczos" and "Nearest" always exist.
	Upscalers []Upscaler
	// GFPGAN is the restorer of gfpgan_visibility; "" is the best one installed.
	GFPGAN string
	// CodeFormer is the imported restorer of codeformer_visibility; "" rejects
	// it. CodeFormerWeight is the codeformer_weight built into its model; others
	// are rejected.
	CodeFormer       string
	CodeFormerWeight float64
}

// Upscaler is a name that clients send and the model behind it.
type Upscaler struct {
	// Name is shown to clients, Model is the catalog's.
	Name, Model string
	// Scale is the model's own scale.
	Scale int
}

// Defaults are the vendor's names of the official models, and room for images of
// a camera.
func Defaults() Config {
	return Config{
		Config:       dialect.Config{Price: 1, MaxBytes: 32 << 20},
		MaxBodyBytes: 128 << 20, MaxOutputPixels: 100_000_000,
		MaxImages: 50, Parallel: 4,
		Upscalers: []Upscaler{
			{"R-ESRGAN General 4xV3", "realesr-general-x4v3", 4},
			{"R-ESRGAN General WDN 4xV3", "realesr-general-wdn-x4v3", 4},
			{"R-ESRGAN AnimeVideo", "realesr-animevideov3", 4},
			{"R-ESRGAN 4x+", "realesrgan-x4plus", 4},
			{"R-ESRGAN 4x+ Anime6B", "realesrgan-x4plus-anime-6b", 4},
			{"R-ESRGAN 2x+", "realesrgan-x2plus", 2},
		},
	}
}

// Stores are what this API needs beyond the services that all dialects get.
type Stores struct {
	// Fetcher is nil if images cannot be given as URLs.
	Fetcher dialect.Fetcher
	// Lister is nil if progress is not available; its path does not exist then.
	Lister job.Lister
}

// Upscalers that use no model.
const (
	none    = "None"
	lanczos = "Lanczos"
	nearest = "Nearest"
	// plainScale is their scale in the vendor's list.
	plainScale = 4
)

// upscalers returns all upscalers in the vendor's order.
func (c Config) upscalers() []Upscaler {
	plain := []Upscaler{{Name: none, Scale: plainScale}, {Name: lanczos, Scale: plainScale}, {Name: nearest, Scale: plainScale}}
	return append(plain, c.Upscalers...)
}

// upscaler finds an upscaler by its exact name.
func (c Config) upscaler(name string) (Upscaler, error) {
	for _, u := range c.upscalers() {
		if u.Name == name {
			return u, nil
		}
	}
	return Upscaler{}, exception("AssertionError", "could not find upscaler named "+dialect.DisplayName(name))
}
