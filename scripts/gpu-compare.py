#!/usr/bin/env python3
"""Times the same models in PyTorch: channels_last, float16, torch.compile.

usage: gpu-compare.py HOME SIZES MODELS DEVICE
HOME is upscaled's folder of installed models, SIZES are such as
512x512,1920x1080, DEVICE is cuda, or cpu to test this script in float32. For the
end-to-end figure, torchvision decodes and encodes JPEG if it is installed, else
Pillow does.
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


def measure(run, device, seconds=2.0, least=3):
    """Median seconds of a call."""
    times, began = [], time.perf_counter()
    while len(times) < least or time.perf_counter() - began < seconds:
        started = time.perf_counter()
        run()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return sorted(times)[len(times) // 2]


def main():
    home, sizes, models, device = pathlib.Path(sys.argv[1]), sys.argv[2].split(","), sys.argv[3].split(","), sys.argv[4]
    torch.backends.cudnn.benchmark = True
    dtype = torch.half if device == "cuda" else torch.float
    print(f"torch {torch.__version__}, {torch.cuda.get_device_name() if device == 'cuda' else 'cpu'}")
    try:
        photos = codec()
    except ImportError:
        photos = None
    for model in models:
        weights = tensors(next((home / "models" / model).glob("weights-*.safetensors")))
        make = Compact if "body.0.weight" in weights else RRDB
        net = make(weights).to(device, dtype).to(memory_format=torch.channels_last).eval()
        # Every form is timed before a larger size, so that a time limit cuts the largest.
        for size in sizes:
            width, height = (int(side) for side in size.split("x"))
            x = torch.rand(1, 3, height, width, device=device).to(dtype).contiguous(memory_format=torch.channels_last)
            for label, form in (("eager", lambda net: net), ("torch.compile", lambda net: torch.compile(net))):
                print(f"{model} {size} {label}: {time_of(form, net, x, device, photos)}", flush=True)


def time_of(form, net, x, device, photos):
    """Returns the time of a model and images per second, or why there are none."""
    try:
        with torch.inference_mode():
            module = form(net)
            module(x)
            line = f"model {1000 * measure(lambda: module(x), device):.1f} ms"
            return line + end_to_end(module, x, device, *photos) if photos else line
    except (AttributeError, RuntimeError) as problem:  # torch before 2.0 has no compile
        return str(problem).splitlines()[0]


def end_to_end(module, x, device, decode, encode, name):
    """Returns images per second of one process, JPEG to JPEG."""
    noise = torch.rand(3, x.shape[2] // 8, x.shape[3] // 8)[None] * 255
    photo = F.interpolate(noise, size=x.shape[2:], mode="bilinear")[0].byte()
    data = bytes_of(photo)

    def one():
        image = decode(data).to(x)[None].div(255).contiguous(memory_format=torch.channels_last)
        encode(module(image)[0].clamp(0, 1).mul(255).round().byte())

    one()
    return f", {1 / measure(one, device):.2f} images/s ({name})"


def bytes_of(photo):
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(photo.permute(1, 2, 0).numpy()).save(out, "JPEG", quality=90)
    return out.getvalue()


if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main()
