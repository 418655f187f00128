package automatic1111

import (
	"context"

	"upscaled/server/job"
)

// Config is what an operator may set.
type Config struct {
	// Price of one run of a network in credits: a picture with two upscalers
	// takes two.
	Price int64
	// MaxBytes bounds a picture's file, MaxBodyBytes the JSON of a batch.
	MaxBytes, MaxBodyBytes int64
	// MaxPixels and MaxSide bound an input picture, in pixels; with 0 only the
	// engine's own limit holds. MaxOutputPixels bounds a result before it is
	// cropped, all frames together: what is cropped, blended or resized here is
	// held in memory.
	MaxPixels, MaxOutputPixels int64
	MaxSide                    int
	// MaxImages bounds a batch, Parallel how many of its pictures are worked on
	// at once.
	MaxImages, Parallel int
	// AtOnce is how many pictures this process crops, blends or resizes at once.
	AtOnce int
	// Upscalers are the names that clients may ask for, in the order shown.
	// "None", "Lanczos" and "Nearest" are always there.
	Upscalers []Upscaler
	// GFPGAN is the restorer that gfpgan_visibility asks for; "" is the best
	// that is installed.
	GFPGAN string
	// CodeFormer is the imported restorer that codeformer_visibility asks for;
	// "" refuses it. CodeFormerWeight is the codeformer_weight that its network
	// was made with: other weights are refused, as the engine cannot set one.
	CodeFormer       string
	CodeFormerWeight float64
}

// Upscaler is a name that clients send and the network behind it.
type Upscaler struct {
	// Name is shown to clients, Model is the catalogue's.
	Name, Model string
	// Scale is the network's own factor.
	Scale int
}

// Defaults are the vendor's names for the official networks, and room for
// pictures of a camera.
func Defaults() Config {
	return Config{
		Price: 1, MaxBytes: 32 << 20, MaxBodyBytes: 128 << 20, MaxOutputPixels: 100_000_000,
		MaxImages: 50, Parallel: 4, AtOnce: 2,
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

// Fetcher downloads a picture from a URL that a stranger named: fault.TooLarge
// past its limit.
type Fetcher interface {
	Fetch(ctx context.Context, url string) ([]byte, error)
}

// Stores are what this API needs beside the host.
type Stores struct {
	// Fetcher is nil where pictures may not be given as URLs.
	Fetcher Fetcher
	// Lister is nil where progress cannot be told: its path is not there then.
	Lister job.Lister
}

// Names of what resizes without a network.
const (
	none    = "None"
	lanczos = "Lanczos"
	nearest = "Nearest"
	// plainScale is what the vendor shows for them.
	plainScale = 4
)

// upscalers are all that there are, in the vendor's order.
func (c Config) upscalers() []Upscaler {
	plain := []Upscaler{{Name: none, Scale: plainScale}, {Name: lanczos, Scale: plainScale}, {Name: nearest, Scale: plainScale}}
	return append(plain, c.Upscalers...)
}

// upscaler finds one by its exact name.
func (c Config) upscaler(name string) (Upscaler, error) {
	for _, u := range c.upscalers() {
		if u.Name == name {
			return u, nil
		}
	}
	return Upscaler{}, failed("AssertionError", "could not find upscaler named "+name)
}
