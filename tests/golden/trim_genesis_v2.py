"""Copies what is small enough of the reference's GENESIS-V2 arrays, with fewer pixels, into this directory.

    python tests/golden/trim_genesis_v2.py DIR tests/golden
"""

import pathlib
import sys

import numpy as np


def trim(source, directory):
    """Copies the reference's arrays that fit, less what nothing is compared with."""
    save(directory, "blocks", {name: value for name, value in read(source, "blocks").items() if "_torch_" not in name})
    save(directory, "geco", {name: value[:120] for name, value in read(source, "geco").items()})
    arrays = read(source, "icsbp")
    save(directory, "icsbp", {name: icsbp_part(name, value) for name, value in arrays.items() if name != "sc_uv"})
    arrays = read(source, "metrics")
    save(directory, "metrics", {name: value.astype(np.int8) if name in ("gt", "pred") else value
                                for name, value in arrays.items() if name != "log_masks"})
    np.savez_compressed(directory / "metrics_msc.npz", **dict(np.load(source / "metrics_msc.npz")))
    np.savez_compressed(directory / "metrics_slots.npz", **slots_part(dict(np.load(source / "metrics_slots.npz"))))


def icsbp_part(name, value):
    """Every fourth pixel of maps that come out, one of the images that go in where they are large."""
    kernel, _, last = name.rpartition(".")
    if name.startswith("sc_embed") or name.startswith("sc_delta"):
        return value[:1, ::4, ::4]
    if name == "sc_features":
        return value[:1]
    if kernel == "dynamic" and value.ndim:
        value = value[1:2]
    if last in ("log_masks", "log_scopes", "alpha_unclamped", "log_masks_padded"):
        return value[:, :, ::4, ::4]
    return value[:, ::4, ::4] if last == "grad_embeddings" else value


def slots_part(arrays):
    """The first three images, every fourth pixel of their masks, and the means over these images."""
    arrays = {name: value[:3] if value.ndim else value for name, value in arrays.items()}
    for tag in ("fixed", "threshold_20", "threshold_70"):
        counts = arrays[f"num_slots_{tag}"]
        arrays[f"avg_k_{tag}"] = counts.mean()
        arrays[f"mae_{tag}"] = np.abs(counts - (arrays["num_objects"] + 1)).mean()
        arrays[f"masks_{tag}"] = arrays[f"masks_{tag}"][:, :, ::4, ::4]
    return arrays


def read(directory, stem):
    """Reads one archive."""
    return dict(np.load(directory / f"genesis_v2_{stem}.npz"))


def save(directory, stem, arrays):
    """Writes one archive."""
    np.savez_compressed(directory / f"genesis_v2_{stem}.npz", **arrays)


if __name__ == "__main__":
    trim(*map(pathlib.Path, sys.argv[1:3]))
