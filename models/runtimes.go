package models

import (
	"path"

	"upscaled/models/artifact"
)

const (
	runtimeName     = "onnxruntime"
	cudaRuntimeName = "onnxruntime-cuda"

	// Licenses of libraries that ONNX Runtime uses on Windows.
	directML = "Microsoft DirectML license"
	directX  = "Microsoft DirectX license"

	onnxRuntimeOrigin = "ONNX Runtime by Microsoft, https://github.com/microsoft/onnxruntime"
)

// runtimes returns the builds of ONNX Runtime for a system, in Go's terms. It is
// empty if none is published.
func runtimes(system, arch string) []product {
	var out []product
	if files := cpuLibrary(system, arch); files != nil {
		notice := ""
		if len(files) > 1 {
			notice = "Its DirectML.dll and dxil.dll are under Microsoft's licenses, for use on Windows."
		}
		out = append(out, product{
			name: runtimeName, kind: Runtime, description: "runs models on the CPU and on GPUs without CUDA",
			notice:  notice,
			version: "onnxruntime-1.30.0-" + system + "-" + arch,
			forms:   [][]artifact.Artifact{files},
		})
	}
	if system == "linux" && arch == "amd64" {
		out = append(out, product{
			name: cudaRuntimeName, kind: Runtime, description: "runs models on NVIDIA GPUs; needs CUDA 13 and cuDNN 9",
			version: "onnxruntime-cuda-1.29.0-linux-amd64",
			forms:   [][]artifact.Artifact{cudaLibraries()},
		})
	}
	return out
}

// cpuLibrary returns the library in Microsoft's Node.js package, nil if there is none
// for the system. On Windows it loads DirectML and the shader compiler for a GPU.
func cpuLibrary(system, arch string) []artifact.Artifact {
	member := func(tail string, size int64, sum string) artifact.Artifact {
		return runtimeFile("onnxruntime-node@1.30.0", 113_507_888, "bin/napi-v6/"+tail, size, sum)
	}
	microsoft := func(licence, tail string, size int64, sum string) artifact.Artifact {
		file := member(tail, size, sum)
		file.Licence = licence
		return file
	}
	switch system + "/" + arch {
	case "linux/amd64":
		return []artifact.Artifact{member("linux/x64/libonnxruntime.so.1", 45_828_512, "ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23")}
	case "linux/arm64":
		return []artifact.Artifact{member("linux/arm64/libonnxruntime.so.1", 25_135_496, "1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76")}
	case "darwin/arm64":
		return []artifact.Artifact{member("darwin/arm64/libonnxruntime.1.30.0.dylib", 44_589_928, "685d2be5dba1309c89d3a5324b7fd06a5c42f1a61bfea32d14c4cc28d072121d")}
	case "windows/amd64":
		return []artifact.Artifact{
			member("win32/x64/onnxruntime.dll", 28_754_232, "508c362f5673483dd3a086379c392795b2e42d10d5e6f3f90ebd7ac21c97af67"),
			microsoft(directML, "win32/x64/DirectML.dll", 18_527_584, "234e8898778cdec88d3cb0539508273494082812c968699f3de665a018971625"),
			microsoft("NCSA", "win32/x64/dxcompiler.dll", 17_986_360, "593d42df78c7f9cbd97c1374af107cfe20985759f98b77afc1448fe41ee3cc76"),
			microsoft(directX, "win32/x64/dxil.dll", 1_508_664, "cf9a3981263f8ec30c9905d136eeaf4b4573209c602198671b958ec86905dea8"),
		}
	case "windows/arm64":
		return []artifact.Artifact{
			member("win32/arm64/onnxruntime.dll", 29_815_136, "6c3a2abf5c6aca11c48a0d338a91af309f2266f25ce2e4084e6a87bbcb0fbfd0"),
			microsoft(directML, "win32/arm64/DirectML.dll", 18_444_600, "aaf72a9d55aa123e0708d957d30dd4fbeb7a2e335ec6257ed5ff4261a402b9ee"),
			microsoft("NCSA", "win32/arm64/dxcompiler.dll", 22_285_624, "442a995492579e1048cf1f05a86ab00f476c46b7f9d0996e588884040a543bbe"),
			microsoft(directX, "win32/arm64/dxil.dll", 1_769_784, "859b6d638c5ca3df39e9cab2a602cb0f63d0e63d750f84bb2a9ec9031319b73e"),
		}
	}
	return nil
}

// cudaLibraries returns a library and the providers that match it; the library
// looks for them in its own folder.
func cudaLibraries() []artifact.Artifact {
	const (
		folder  = "Plugins/Linux/x64/"
		base    = "com.github.asus4.onnxruntime@0.4.9"
		gpu     = "com.github.asus4.onnxruntime.linux-x64-gpu@0.4.9"
		baseTgz = 149_786_233
		gpuTgz  = 179_145_956
	)
	return []artifact.Artifact{
		runtimeFile(base, baseTgz, folder+"libonnxruntime.so", 28_497_752, "5715f06d8992ca8eeeddcce43df3a7d38f97d537052126f558e912cb312460ca"),
		runtimeFile(gpu, gpuTgz, folder+"libonnxruntime_providers_shared.so", 14_632, "c6a12593396095f5670160e284c35d1700b7708cf3037b7042e2a5200ccae772"),
		runtimeFile(gpu, gpuTgz, folder+"libonnxruntime_providers_cuda.so", 229_780_440, "56cf3254b118ad837ccc4ed8f6d1b23504bbf7ef91b34cbc0b289cb7f10b3037"),
		runtimeFile(gpu, gpuTgz, folder+"libonnxruntime_providers_tensorrt.so", 859_144, "ef6071798a339038ad66c428fb1a809cf8e499bffc3b6870e4e8bc4f4c6a6320"),
	}
}

func runtimeFile(pkg string, packed int64, member string, size int64, sum string) artifact.Artifact {
	return artifact.Artifact{
		Name: baseName(member), SHA256: sum, Size: size, Licence: "MIT", Origin: onnxRuntimeOrigin,
		Sources: []artifact.Source{{Package: pkg, Member: member, PackedSize: packed}},
	}
}

func baseName(slashed string) string { return path.Base(slashed) }
