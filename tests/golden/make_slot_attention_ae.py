"""Writes the small autoencoder arrays of this directory with a second implementation, in PyTorch and float64.

The reference's own autoencoder arrays (128x128, 890,308 weights) are too large to ship. This script holds an
independent implementation of the same network; `--check DIR` compares it with the reference's arrays in DIR, and only
what passes that check is worth writing. PyTorch is needed for nothing else in this project.

    python tests/golden/make_slot_attention_ae.py --check DIR
    python tests/golden/make_slot_attention_ae.py --write tests/golden
"""

import argparse
import pathlib

import numpy as np
import slot_attention_torch as layers
import torch
from torch.nn import functional as F

SIZES = {"image": 32, "batch": 2, "slots": 5, "more_slots": 8, "iterations": 3, "more_iterations": 4, "channels": 12,
         "slot_size": 16, "hidden": 20, "convolutions": 4, "strides": (2, 2, 1)}


def deconvolution(x, w, name, stride):
    """SAME transposed convolution: tap t of cell i lands on stride * i + t - before, before = (k - stride) // 2."""
    kernel = w[name + "/kernel"].permute(3, 2, 0, 1)  # (kh, kw, out, in) -> (in, out, kh, kw)
    size, before = kernel.shape[-1], (kernel.shape[-1] - stride) // 2
    y = F.conv_transpose2d(x.permute(0, 3, 1, 2), kernel, w[name + "/bias"], stride=stride)
    height, width = stride * x.shape[1], stride * x.shape[2]
    assert y.shape[2] == stride * (x.shape[1] - 1) + size
    return y[:, :, before:before + height, before:before + width].permute(0, 2, 3, 1)


def forward(w, image, noise, iterations, strides, grid):
    """Runs the autoencoder; returns every stage by its stored name, unsliced."""
    convolutions = sum(n.startswith("encoder/conv") and n.endswith("kernel") for n in w)
    out = layers.encode(w, image, (1,) * convolutions)
    out.update(layers.attend(w, out["features_sub"], noise, iterations))
    slots = out["slots"]
    batch, num_slots, size = slots.shape
    x = slots.reshape(-1, 1, 1, size).expand(-1, grid, grid, size)
    x = x + layers.dense(layers.positions(grid, grid), w, "decoder/pos")
    out["dec_in_sub"] = x
    for i, stride in enumerate((*strides, 1)):
        x = deconvolution(x, w, f"decoder/deconv{i}", stride)
        x = torch.relu(x) if i < len(strides) else x
        if i == 0:
            out["deconv0_sub"] = x
    x = x.reshape(batch, num_slots, *x.shape[1:])
    out["recons_sub"], out["masks"] = x[..., :-1], torch.softmax(x[..., -1:], 1)
    out["recon_combined"] = (out["recons_sub"] * out["masks"]).sum(1)
    out["loss"] = ((image - out["recon_combined"])**2).mean()
    return out


SLICES = {"enc_cnn_sub": (1, 16, 16), "enc_pos_sub": (1, 16, 16), "features_sub": (1, 61), "dec_in_sub": (1, 2, 2),
          "deconv0_sub": (1, 3, 3, 2), "recons_sub": (1, 1, 8, 8),
          "test_more/recon_combined_sub": (1, 4, 4), "test_more/masks_sub": (1, 1, 8, 8)}


def sliced(name, value):
    """Takes the stored strided slice of a stage."""
    steps = SLICES.get(name, (1, 61) if name.startswith("attn_") else ())
    return value[tuple(slice(None, None, step) for step in steps)].detach().numpy()


def compute(weights, image, noise, more_noise, iterations, more_iterations, strides, grid, keep_gradient):
    """Computes every array of the io file."""
    w = layers.tensors_of(weights)
    tensors = [torch.tensor(value, dtype=torch.float64) for value in (image, noise, more_noise)]
    out = forward(w, tensors[0], tensors[1], iterations, strides, grid)
    out["loss"].backward()
    io = {name: sliced(name, value) for name, value in out.items()}
    for name, value in w.items():
        if name != "slot_attention/norm_slots/beta":
            io[f"grad_norm/{name}"] = value.grad.norm().numpy()
            if keep_gradient(name, value):
                io[f"grad/{name}"] = value.grad.numpy()
    more = forward(w, tensors[0], tensors[2], more_iterations, strides, grid)
    for name, source in (("slots", "slots"), ("recon_combined_sub", "recon_combined"), ("masks_sub", "masks"),
                         ("loss", "loss")):
        io[f"test_more/{name}"] = sliced(f"test_more/{name}", more[source])
    return io


def check(directory):
    """Prints the largest relative error against the reference's arrays; fails above 3e-5 forward, 2e-4 gradients."""
    weights = dict(np.load(directory / "slot_attention_ae_weights.npz"))
    stored = dict(np.load(directory / "slot_attention_ae_io.npz"))
    io = compute(weights, stored["image"], stored["noise"], stored["test_more/noise"], 3,
                 int(stored["test_more/num_iterations"]), (2, 2, 2, 2, 1), 8, lambda name, _: True)
    worst = {"forward": (0.0, ""), "gradient": (0.0, "")}
    for name, value in io.items():
        if name in stored:
            error = np.abs(value - stored[name]).max() / np.abs(stored[name]).max()
            kind = "gradient" if name.startswith("grad") else "forward"
            worst[kind] = max(worst[kind], (float(error), name))
    print(worst)
    assert worst["forward"][0] < 3e-5 and worst["gradient"][0] < 2e-4  # the reference ran in float32


def shapes_of(s):
    """Shapes of all weights, dict by name."""
    c, d = s["channels"], s["slot_size"]
    shapes = layers.shapes_of(c, d, s["hidden"], s["convolutions"])
    shapes.update({"decoder/pos/kernel": (4, d), "decoder/pos/bias": (d,)})
    for i in range(len(s["strides"]) + 1):
        last = i == len(s["strides"])
        shapes[f"decoder/deconv{i}/kernel"] = (3, 3, 4, c) if last else (5, 5, c, c if i else d)
        shapes[f"decoder/deconv{i}/bias"] = (4 if last else c,)
    return shapes


def write(directory):
    """Writes both files."""
    rng, s = np.random.default_rng(20), SIZES
    weights = layers.random_weights(shapes_of(s), rng)
    image_uint8 = rng.integers(0, 256, (s["batch"], s["image"] // 4, s["image"] // 4, 3), dtype=np.uint8)
    image_uint8 = image_uint8.repeat(4, axis=1).repeat(4, axis=2)
    image = ((image_uint8 / np.float32(255) - np.float32(0.5)) * 2).astype(np.float32)
    noise, more = (rng.standard_normal((s["batch"], k, s["slot_size"])).astype(np.float16).astype(np.float32)
                   for k in (s["slots"], s["more_slots"]))
    grid = s["image"] // int(np.prod(s["strides"]))
    io = compute(weights, image, noise, more, s["iterations"], s["more_iterations"], s["strides"], grid,
                 lambda name, value: value.numel() <= 2000)
    io = {name: np.asarray(value, np.float32) for name, value in io.items()}
    io.update({"image_uint8": image_uint8, "image": image, "noise": noise, "test_more/noise": more,
               "test_more/num_iterations": np.int32(s["more_iterations"])})
    np.savez_compressed(directory / "slot_attention_ae_weights.npz", **weights)
    np.savez_compressed(directory / "slot_attention_ae_io.npz", **io)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", type=pathlib.Path)
    parser.add_argument("--write", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.check:
        check(arguments.check)
    if arguments.write:
        write(arguments.write)
