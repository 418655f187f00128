#!/usr/bin/env python3
"""Times the same models in PyTorch: channels_last, float16, torch.compile.

usage: gpu-compare.py HOME SIZES
HOME is upscaled's folder of installed models, SIZES are such as
512x512,1920x1080. Needs torch with a CUDA device. For the end-to-end figure,
torchvision decodes and encodes JPEG if it is installed, else Pillow does.
"""
import io
import json
import pathlib
import struct
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


def tensors(path):
    """Reads a safetensors file of float32 tensors."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    out = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        raw = bytearray(data[8 + length + begin : 8 + length + end])
        out[name] = torch.frombuffer(raw, dtype=torch.float32).reshape(entry["shape"])
    return out


class Compact(nn.Module):
    """SRVGGNetCompact as in BasicSR: body.N are convolutions and PReLUs."""

    def __init__(self, weights, scale=4):
        super().__init__()
        self.scale, self.body = scale, nn.ModuleList()
        for index in range(1 + max(int(name.split(".")[1]) for name in weights)):
            weight = weights[f"body.{index}.weight"]
            if weight.dim() == 4:
                layer = nn.Conv2d(weight.shape[1], weight.shape[0], 3, 1, 1)
                layer.bias.data = weights[f"body.{index}.bias"]
            else:
                layer = nn.PReLU(weight.numel())
            layer.weight.data = weight
            self.body.append(layer)

    def forward(self, x):
        out = x
        for layer in self.body:
            out = layer(out)
        return F.pixel_shuffle(out, self.scale) + F.interpolate(x, scale_factor=self.scale, mode="nearest")


class RRDB(nn.Module):
    """RRDBNet 4x: conv_first, body.i.rdbJ.convK, conv_body, conv_up1, ..."""

    def __init__(self, weights):
        super().__init__()
        self.layers = nn.ModuleDict()
        for name in weights:
            if name.endswith(".weight"):
                weight, stem = weights[name], name[: -len(".weight")]
                layer = nn.Conv2d(weight.shape[1], weight.shape[0], 3, 1, 1)
                layer.weight.data, layer.bias.data = weight, weights[stem + ".bias"]
                self.layers[stem.replace(".", "_")] = layer
        self.blocks = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("body."))

    def dense(self, x, stem):
        features = [x]
        for k in range(1, 5):
            features.append(F.leaky_relu(self.layers[f"{stem}_conv{k}"](torch.cat(features, 1)), 0.2))
        return x + 0.2 * self.layers[f"{stem}_conv5"](torch.cat(features, 1))

    def forward(self, x):
        first = self.layers["conv_first"](x)
        out = first
        for i in range(self.blocks):
            inner = out
            for j in range(1, 4):
                inner = self.dense(inner, f"body_{i}_rdb{j}")
            out = out + 0.2 * inner
        out = first + self.layers["conv_body"](out)
        for name in ("conv_up1", "conv_up2"):
            out = F.leaky_relu(self.layers[name](F.interpolate(out, scale_factor=2, mode="nearest")), 0.2)
        return self.layers["conv_last"](F.leaky_relu(self.layers["conv_hr"](out), 0.2))


def codec():
    """Returns JPEG decode and encode functions of the fastest library available."""
    try:
        from torchvision import io as tv

        def decode(data):
            return tv.decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8))

        return decode, lambda image: tv.encode_jpeg(image.cpu(), quality=95), "torchvision"
    except ImportError:
        pass
    import numpy
    from PIL import Image

    def decode(data):
        return torch.from_numpy(numpy.array(Image.open(io.BytesIO(data)))).permute(2, 0, 1)

    def encode(image):
        Image.fromarray(image.permute(1, 2, 0).cpu().numpy()).save(io.BytesIO(), "JPEG", quality=95)

    return decode, encode, "Pillow"


def measure(run, seconds=3.0, least=3):
    """Median seconds of a call."""
    times, began = [], time.perf_counter()
    while len(times) < least or time.perf_counter() - began < seconds:
        started = time.perf_counter()
        run()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return sorted(times)[len(times) // 2]


def main():
    home, sizes = pathlib.Path(sys.argv[1]), sys.argv[2].split(",")
    torch.backends.cudnn.benchmark = True
    print(f"torch {torch.__version__}, {torch.cuda.get_device_name()}")
    try:
        decode, encode, name = codec()
    except ImportError:
        decode = encode = name = None
    for model, make in (("realesr-general-x4v3", Compact), ("realesrgan-x4plus", RRDB)):
        weights = tensors(next((home / "models" / model).glob("weights-*.safetensors")))
        net = make(weights).cuda().half().to(memory_format=torch.channels_last).eval()
        with torch.inference_mode():
            for size in sizes:
                width, height = (int(side) for side in size.split("x"))
                x = torch.rand(1, 3, height, width, device="cuda").half().contiguous(memory_format=torch.channels_last)
                for label, module in (("eager", net), ("torch.compile", torch.compile(net))):
                    try:
                        module(x)
                        line = f"{model} {size} {label}: model {1000 * measure(lambda: module(x)):.1f} ms"
                        if decode:
                            line += end_to_end(module, x, decode, encode, name)
                        print(line, flush=True)
                    except RuntimeError as problem:
                        print(f"{model} {size} {label}: {str(problem).splitlines()[0]}", flush=True)


def end_to_end(module, x, decode, encode, name):
    """Returns images per second of one process, JPEG to JPEG."""
    noise = (torch.rand(3, x.shape[2] // 8, x.shape[3] // 8)[None] * 255)
    photo = F.interpolate(noise, size=x.shape[2:], mode="bilinear")[0].byte()
    data = bytes_of(photo)

    def one():
        image = decode(data).cuda()[None].half().div(255).contiguous(memory_format=torch.channels_last)
        encode(module(image)[0].clamp(0, 1).mul(255).round().byte())

    one()
    return f", {1 / measure(one):.2f} images/s ({name})"


def bytes_of(photo):
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(photo.permute(1, 2, 0).numpy()).save(out, "JPEG", quality=90)
    return out.getvalue()


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main()
