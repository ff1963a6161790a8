"""Writes the small set-prediction arrays of this directory with a second implementation, in PyTorch and float64.

The reference's own model (128x128, 380,755 weights) is too large to ship; its cases of the loss alone are shipped as
they are. `--check DIR` compares this implementation with the reference's arrays in DIR, `--write DIR OUT` writes the
small model and the loss cases. PyTorch is needed for nothing else in this project.

    python tests/golden/make_slot_attention_set.py --check DIR
    python tests/golden/make_slot_attention_set.py --write DIR tests/golden
"""

import argparse
import functools
import pathlib

import numpy as np
import slot_attention_torch as layers
import torch
from torch.nn import functional as F

SIZES = {"image": 32, "batch": 2, "slots": 5, "iterations": 3, "channels": 8, "slot_size": 12, "hidden": 16,
         "head": 10, "objects": (3, 5)}
STRIDES = (1, 2, 2, 1)
PROPERTIES = 19
STEM = "slot_attention_set.npz"


def cheapest(cost):
    """Column of every row of a square matrix, by trying all of them once for every set of columns that are left."""
    @functools.cache
    def rest(row, columns):
        if not columns:
            return 0.0, ()
        ends = ((column, rest(row + 1, columns - {column})) for column in sorted(columns))
        return min((cost[row][column] + total, (column, *others)) for column, (total, others) in ends)

    return list(rest(0, frozenset(range(len(cost))))[1])


def set_loss(target, prediction):
    """Mean over images of the cheapest sum of Huber costs."""
    cost = F.huber_loss(prediction[:, None].expand(-1, target.shape[1], -1, -1),
                        target[:, :, None].expand(-1, -1, prediction.shape[1], -1), reduction="none").mean(-1)
    rows = torch.arange(target.shape[1])
    return torch.stack([image[rows, cheapest(image.tolist())].sum() for image in cost]).mean()


def forward(w, image, noise, target, iterations):
    """Every stage by its stored name, unsliced."""
    out = layers.encode(w, image, STRIDES)
    out.update(layers.attend(w, out["features_sub"], noise, iterations))
    hidden = torch.relu(layers.dense(out["slots"], w, "classifier/dense0"))
    out["predictions"] = torch.sigmoid(layers.dense(hidden, w, "classifier/dense1"))
    out["loss"] = set_loss(target, out["predictions"])
    out["attn_last"] = out[f"attn_{iterations}_sub"]
    return out


def compute(weights, image_uint8, noise, target, iterations, keep_gradient):
    """Computes every array of the file."""
    w = layers.tensors_of(weights)
    image = torch.tensor((image_uint8 / 255.0 - 0.5) * 2.0, dtype=torch.float64)
    noise = torch.tensor(noise, dtype=torch.float64)
    out = forward(w, image, noise, torch.tensor(target, dtype=torch.float64), iterations)
    slices = {"enc_cnn_sub": (1, 4, 4), "features_sub": (1, 7), "attn_last": (), "slots": (), "predictions": (),
              "loss": ()}
    arrays = {name: out[name][tuple(slice(None, None, step) for step in steps)].detach().numpy()
              for name, steps in slices.items()}
    out["loss"].backward()
    for name, value in w.items():
        if name != "slot_attention/norm_slots/beta":
            arrays[f"grad_norm/{name}"] = value.grad.norm().numpy()
            if keep_gradient(value):
                arrays[f"grad/{name}"] = value.grad.numpy()
    return arrays


def check(directory):
    """Prints the largest relative errors against the reference's arrays; fails above 2e-5 forward, 1e-4 gradients."""
    stored = dict(np.load(directory / STEM))
    arrays = compute(stored, stored["image_uint8"], stored["noise"], stored["target"], 3, lambda value: True)
    worst = {"forward": (0.0, ""), "gradient": (0.0, "")}
    for name, value in arrays.items():
        if name in stored:
            kind = "gradient" if name.startswith("grad") else "forward"
            error = float(np.abs(value - stored[name]).max() / np.abs(stored[name]).max())
            worst[kind] = max(worst[kind], (error, name))
    print(worst)
    assert worst["forward"][0] < 2e-5 and worst["gradient"][0] < 1e-4  # the reference ran in float32


def random_target(rng, s):
    """Rows as in `tfobj.properties`, padded with zeros."""
    target = np.zeros((s["batch"], s["slots"], PROPERTIES), np.float32)
    for image, number in zip(target, s["objects"]):
        for row in image[:number]:
            row[:3] = rng.random(3)
            for start, classes in ((3, 2), (5, 2), (7, 3), (10, 8)):
                row[start + rng.integers(classes)] = 1.0
            row[18] = 1.0
    return target


def write(reference, directory):
    """Writes the small model, and the loss cases of the reference."""
    rng, s = np.random.default_rng(21), SIZES
    shapes = layers.shapes_of(s["channels"], s["slot_size"], s["hidden"], len(STRIDES))
    shapes.update({"classifier/dense0/kernel": (s["slot_size"], s["head"]), "classifier/dense0/bias": (s["head"],),
                   "classifier/dense1/kernel": (s["head"], PROPERTIES), "classifier/dense1/bias": (PROPERTIES,)})
    weights = layers.random_weights(shapes, rng)
    image = rng.integers(0, 256, (s["batch"], s["image"] // 4, s["image"] // 4, 3), dtype=np.uint8)
    image = image.repeat(4, axis=1).repeat(4, axis=2)
    noise = rng.standard_normal((s["batch"], s["slots"], s["slot_size"])).astype(np.float16).astype(np.float32)
    target = random_target(rng, s)
    arrays = compute(weights, image, noise, target, s["iterations"], lambda value: value.numel() <= 700)
    arrays = {name: np.asarray(value, np.float32) for name, value in arrays.items()}
    cases = {name: value for name, value in np.load(reference / STEM).items()
             if name.startswith("loss_cases/") and not name.endswith("/match")}
    np.savez_compressed(directory / STEM, **weights, **arrays, **cases, image_uint8=image, noise=noise, target=target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", type=pathlib.Path)
    parser.add_argument("--write", type=pathlib.Path, nargs=2)
    arguments = parser.parse_args()
    if arguments.check:
        check(arguments.check)
    if arguments.write:
        write(*arguments.write)
