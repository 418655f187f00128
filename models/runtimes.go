package models

import (
	"path"

	"upscaled/models/artifact"
)

const (
	runtimeName     = "onnxruntime"
	cudaRuntimeName = "onnxruntime-cuda"

	onnxRuntimeOrigin = "ONNX Runtime by Microsoft, https://github.com/microsoft/onnxruntime"
)

// runtimes returns the builds of ONNX Runtime for a system, in Go's terms. It is
// empty if none is published.
func runtimes(system, arch string) []product {
	var out []product
	if file, ok := cpuLibrary(system, arch); ok {
		out = append(out, product{
			name: runtimeName, kind: Runtime, description: "runs models on the CPU",
			version: "onnxruntime-1.30.0-" + system + "-" + arch,
			forms:   [][]artifact.Artifact{{file}},
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

// cpuLibrary returns the library in Microsoft's Node.js package. On Windows it
// loads DirectML and the shader compiler only for a GPU, so onnxruntime.dll is
// enough.
func cpuLibrary(system, arch string) (artifact.Artifact, bool) {
	member := func(tail string, size int64, sum string) (artifact.Artifact, bool) {
		return runtimeFile("onnxruntime-node@1.30.0", 113_507_888, "bin/napi-v6/"+tail, size, sum), true
	}
	switch system + "/" + arch {
	case "linux/amd64":
		return member("linux/x64/libonnxruntime.so.1", 45_828_512, "ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23")
	case "linux/arm64":
		return member("linux/arm64/libonnxruntime.so.1", 25_135_496, "1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76")
	case "darwin/arm64":
		return member("darwin/arm64/libonnxruntime.1.30.0.dylib", 44_589_928, "685d2be5dba1309c89d3a5324b7fd06a5c42f1a61bfea32d14c4cc28d072121d")
	case "windows/amd64":
		return member("win32/x64/onnxruntime.dll", 28_754_232, "508c362f5673483dd3a086379c392795b2e42d10d5e6f3f90ebd7ac21c97af67")
	case "windows/arm64":
		return member("win32/arm64/onnxruntime.dll", 29_815_136, "6c3a2abf5c6aca11c48a0d338a91af309f2266f25ce2e4084e6a87bbcb0fbfd0")
	}
	return artifact.Artifact{}, false
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
