"""Writes the small GENESIS-V2 arrays of this directory with a second implementation, in PyTorch and float64.

The reference's own arrays of the model and its U-Net hold megabytes of weights. `--check DIR` compares the second
implementation, `genesis_v2_torch.py`, with the reference's arrays in DIR, and only what passes that check is worth
writing. What is written has the same format, with weights and inputs that are drawn from their names instead of stored.

    python tests/golden/make_genesis_v2.py --check DIR
    python tests/golden/make_genesis_v2.py --write tests/golden
"""

import argparse
import pathlib

import numpy as np
import torch

from genesis_v2_torch import BETA, Weights, forward, gradients, sample, train, unet  # beside this script
from genesis_v2_weights import drawn, drawn_image, inputs

NOT_DETACHED = "decoder.out.kernel"
SMALL = {"side": 32, "batch": 2, "slots": 3, "features": 16}


def numpy_of(values):
    """Detached arrays of a dict of tensors."""
    return {name: value.detach().numpy() for name, value in values.items()}


def check(directory):
    """Compares with the reference's arrays and prints the largest relative errors."""
    files = {stem: dict(np.load(directory / f"genesis_v2_{stem}.npz")) for stem in ("unet", "forward", "train6")}
    arrays, w = files["unet"], Weights(files["unet"])
    for name in ("unet32", "unet128"):
        x = torch.tensor(arrays[f"{name}.x"]).double().permute(0, 3, 1, 2)
        show(name, unet(x, w, name, 8, {}).permute(0, 2, 3, 1).detach().numpy(), arrays[f"{name}.y"])
    arrays, w = files["forward"], Weights(files["forward"])
    given = arrays["image"], arrays["seed_scores"], arrays["eps"]
    outputs = forward(w, *given)
    loss, grads = gradients(w, outputs)
    norm = np.linalg.norm(gradients(w, forward(w, *given, detach=False))[1][NOT_DETACHED].numpy())
    show("nodetach", norm, arrays["nodetach.gradnorm." + NOT_DETACHED])
    for name, value in {**numpy_of(outputs), **numpy_of(sample(w, arrays["sample.eps"], 64)),
                        "grad.loss": loss.item(), **{f"grad.{k}": v for k, v in numpy_of(grads).items()},
                        **{f"gradnorm.{k}": np.linalg.norm(v) for k, v in numpy_of(grads).items()}}.items():
        if name in arrays:
            show(name, value, arrays[name])
    w = Weights(arrays)
    arrays = files["train6"]
    show("trajectory", train(w, *given), arrays["trajectory"])
    for name, value in numpy_of(w.values).items():
        if "after." + name in arrays:
            show("after." + name, value, arrays["after." + name])


def show(name, actual, expected):
    """Prints the error relative to the largest magnitude."""
    error = np.abs(np.asarray(actual) - expected).max() / max(np.abs(expected).max(), 1e-30)
    print(f"{name:35s} {error:.1e}")


def strided(value, step):
    """Every `step`-th pixel of a map [B,H,W,C] or [B,K,H,W(,C)]."""
    axes = [axis for axis, size in enumerate(value.shape) if axis and size == SMALL["side"]]
    for axis in axes:
        value = np.take(value, np.arange(0, value.shape[axis], step), axis=axis)
    return value


def write(directory):
    """Writes the small arrays."""
    w, arrays = Weights({}), {}
    for side in (32, 128):
        x = torch.tensor(drawn_image(f"unet{side}.x", (1, side, side, 3))).permute(0, 3, 1, 2)
        y = unet(x, w, f"unet{side}", 8, {}).permute(0, 2, 3, 1).detach().numpy()
        arrays[f"unet{side}.y"] = y[:, ::side // 16, ::side // 16]
    save(directory, "unet", arrays)
    side, batch, slots, size = SMALL.values()
    noise = inputs(side, batch, slots, size)
    w = Weights({})
    outputs = forward(w, *noise.values())
    loss, grads = gradients(w, outputs)
    arrays = {name: strided(value, 4) for name, value in numpy_of(outputs).items()}
    arrays.update({"sizes": np.array([side, batch, slots, size]), "grad.beta": BETA, "grad.loss": loss.item()})
    for name, value in numpy_of(grads).items():
        if value.size <= 64:
            arrays["grad." + name] = value
        else:
            arrays["gradnorm." + name] = np.linalg.norm(value)
    _, grads = gradients(w, forward(w, *noise.values(), detach=False))
    arrays["nodetach.gradnorm." + NOT_DETACHED] = np.linalg.norm(grads[NOT_DETACHED].numpy())
    sample_eps = drawn("sample.eps", (2, slots, size)) * 5
    arrays.update({"sample.eps": sample_eps, **{name: strided(value, 4) for name, value in
                                                numpy_of(sample(w, sample_eps, side)).items()}})
    save(directory, "forward", arrays)
    w = Weights({})
    arrays = {"trajectory": train(w, *noise.values())}
    for name in ("unet.down0.norm.gamma", "colour_head.gate", "icsbp.log_sigma", "z_head.dense1.bias",
                 "decoder.out.bias", "prior_out.bias"):
        arrays["after." + name] = w.values[name].detach().numpy()
    save(directory, "train6", arrays)


def save(directory, stem, arrays):
    """Writes one archive; float32 but for the trajectory."""
    arrays = {name: np.asarray(value) for name, value in arrays.items()}
    arrays = {name: value.astype(np.float32) if value.dtype == np.float64 and name != "trajectory" else value
              for name, value in arrays.items()}
    np.savez_compressed(directory / f"genesis_v2_{stem}.npz", **arrays)


def main(check, write):
    """Reads the arguments, and calls one function or the other with the directory that was given.

    Args:
        check: Function of the path of `--check`.
        write: Function of the path of `--write`.
    """
    parser = argparse.ArgumentParser()
    for name in ("check", "write"):
        parser.add_argument(f"--{name}", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.check:
        check(arguments.check)
    if arguments.write:
        write(arguments.write)


if __name__ == "__main__":
    main(check, write)
