"""Writes the small GENESIS and MONet arrays of this directory with a second implementation, in PyTorch and float64.

The reference's own arrays hold megabytes of weights. `--check DIR` compares the second implementation,
`genesis_baselines_torch.py`, with the reference's arrays in DIR, and only what passes that check is worth writing. What
is written has the same format, with weights and inputs that are drawn from their names instead of stored.

    python tests/golden/make_genesis_baselines.py --check DIR
    python tests/golden/make_genesis_baselines.py --write tests/golden
"""

import numpy as np
import torch

from genesis_baseline_weights import input_of, inputs_of, sizes_of  # beside this script
from genesis_baselines_torch import Moving, genesis, monet, sample_genesis, sample_monet
from genesis_v2_torch import BETA, Weights
from make_genesis_v2 import main, numpy_of, save, show, strided

SHAPES = {"genesis": {"image": (2, 32, 32, 3), "eps_mask": (2, 3, 8), "eps_comp": (2, 3, 6)},
          "monet": {"image": (2, 32, 32, 3), "eps": (2, 3, 6)}}
SIZES = np.array([8, 32])  # channels, units
_WITHOUT_GRADIENT = tuple(f"core.{part}.bias" for part in "enc0 enc1 enc2 enc3 enc4 dec1 dec2 dec3 dec4 dec5".split())


def gradients(w, outputs):
    """The stated loss, and the norms of its gradients by name; biases before batch normalisation have none."""
    kl_masks = outputs["kl_m"].sum(1) if outputs["kl_m"].ndim > 1 else outputs["kl_m"]
    loss = outputs["err"].mean() + BETA * (outputs["kl_l"].sum(1).mean() + kl_masks.mean())
    names = [name for name in w.values if name not in _WITHOUT_GRADIENT]
    values = torch.autograd.grad(loss, [w.values[name] for name in names])
    return {"grad.beta": BETA, "grad.loss": loss.item(),
            **{f"gradnorm.{name}": np.linalg.norm(value.numpy()) for name, value in zip(names, values)}}


def computed_genesis(arrays):
    """Everything that is stored of GENESIS."""
    w, sizes, given, results = Weights(arrays), sizes_of(arrays, "genesis"), inputs_of(arrays, "genesis"), {}
    for mode in ("eval", "train"):
        moving = Moving(arrays)
        outputs = genesis(w, moving, mode == "train", sizes, *given.values())
        results.update({f"{mode}.{name}": value for name, value in numpy_of(outputs).items()})
    results.update({f"bn_after.{name}": value.numpy() for name, value in moving.values.items()})
    results.update(gradients(w, outputs))
    noise = arrays["sample.eps_mask"], arrays["sample.eps_comp"]
    return {**results, **numpy_of(sample_genesis(w, Moving(arrays), sizes, given["image"].shape[1], *noise))}


def computed_monet(arrays):
    """Everything that is stored of MONet."""
    w, sizes, given = Weights(arrays), sizes_of(arrays, "monet"), inputs_of(arrays, "monet")
    outputs = monet(w, sizes, *given.values())
    return {**numpy_of(outputs), **gradients(w, outputs),
            **numpy_of(sample_monet(w, sizes, given["image"].shape[1], arrays["sample.z"]))}


COMPUTED = {"genesis": computed_genesis, "monet": computed_monet}


def check(directory):
    """Compares with the reference's arrays and prints the largest relative errors."""
    for model, computed in COMPUTED.items():
        arrays = dict(np.load(directory / f"genesis_v2_{model}.npz"))
        for name, value in computed(arrays).items():
            show(f"{model} {name}", value, arrays[name])


def write(directory):
    """Writes the small arrays."""
    for model, computed in COMPUTED.items():
        shapes = SHAPES[model]
        arrays = {"sizes": SIZES, **{f"{name}.shape": np.array(shape) for name, shape in shapes.items()}}
        for name in (name for name in shapes if name != "image"):
            stored = "sample.z" if model == "monet" else f"sample.{name}"
            arrays[stored] = input_of(stored, shapes[name])
        results = {name: strided(np.asarray(value), 4) for name, value in computed(arrays).items()}
        save(directory, model, {**arrays, **results})


if __name__ == "__main__":
    main(check, write)
