package automatic1111

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"upscaled/models"
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
	// Upscalers are the names that clients may use, in the order shown, before the other
	// models' names. "None", "Lanczos" and "Nearest" always exist.
	Upscalers []Upscaler
	// Substitutes are names of upscalers that scripts expect. NAME=MODEL runs that
	// model if none has the name, NAME alone the server's default one.
	Substitutes []string
	// GFPGAN is the restorer of gfpgan_visibility; "" is the best one installed.
	GFPGAN string
	// CodeFormer is the imported restorer of codeformer_visibility: "" uses
	// GFPGAN's, Off rejects it. CodeFormerWeight is the codeformer_weight built
	// into its model; others are rejected.
	CodeFormer       string
	CodeFormerWeight float64
}

// Upscaler is a name that clients send and the model behind it.
type Upscaler struct {
	// Name is shown to clients, Model is the catalog's; "" is the server's default
	// one.
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
		Substitutes: []string{
			"SwinIR_4x", "ESRGAN_4x", "LDSR", "BSRGAN", "ScuNET", "ScuNET GAN", "ScuNET PSNR", "DAT x2", "DAT x3", "DAT x4",
			"4x-UltraSharp", "4x-UltraSharpV2", "4x-UltraSharpV10", "4x_NMKD-Siax_200k", "4x_NMKD-Superscale-SP_178000_G",
			"4x_foolhardy_Remacri", "4x-AnimeSharp",
		},
	}
}

// Off is the value of Config.CodeFormer that rejects codeformer_visibility.
const Off = "off"

// Stores are the services that this API needs beyond those of all dialects.
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

// plain reports whether an upscaler uses no model.
func (u Upscaler) plain() bool { return u.Name == none || u.Name == lanczos || u.Name == nearest }

// upscalers returns all upscalers in the vendor's order, then the other
// models under their own names.
func (m menus) upscalers(ctx context.Context) ([]Upscaler, error) {
	all := append([]Upscaler{
		{Name: none, Scale: plainScale}, {Name: lanczos, Scale: plainScale}, {Name: nearest, Scale: plainScale},
	}, m.config.Upscalers...)
	others, err := m.services.Upscalers(ctx)
	for _, o := range others {
		if !slices.ContainsFunc(all, func(u Upscaler) bool { return u.Model == o.Name }) {
			all = append(all, Upscaler{o.Name, o.Name, o.Scale})
		}
	}
	return all, err
}

// upscaler finds an upscaler by its name, its model's, or a substitute's. Case,
// spaces and punctuation do not matter.
func (m menus) upscaler(ctx context.Context, name string) (Upscaler, error) {
	all, err := m.upscalers(ctx)
	if err != nil {
		return Upscaler{}, err
	}
	at := slices.IndexFunc(all, func(u Upscaler) bool { return u.Name == name })
	if at < 0 {
		at = slices.IndexFunc(all, func(u Upscaler) bool {
			return models.SameName(u.Name, name) || u.Model != "" && models.SameName(u.Model, name)
		})
	}
	if at >= 0 {
		return all[at], nil
	}
	for _, entry := range m.config.Substitutes {
		if asked, model, _ := strings.Cut(entry, "="); models.SameName(asked, name) {
			return Upscaler{Name: asked + " (" + cmp.Or(model, "default model") + ")", Model: model}, nil
		}
	}
	return Upscaler{}, exception("AssertionError", "could not find upscaler named "+dialect.DisplayName(name))
}
