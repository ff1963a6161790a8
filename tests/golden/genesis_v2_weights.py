"""Weights and inputs of the GENESIS-V2 arrays: stored ones, or drawn from their names where they are too large to ship.

Used by the tests and by `make_genesis_v2.py`, which draws the same numbers.
"""

import zlib

import numpy as np

# Where the layers of the model differ from the names of the released code; longest first.
_RENAMED = {"embedding.": "colour_head.", "stick_breaking.": "icsbp.", "feat_head.conv.": "feat_head.conv0.",
            "feat_out.": "feat_head.conv1.", "posterior.": "z_head.", "prior.lstm.": "prior_lstm.",
            "prior.out.": "prior_out."}
_FIXED = {"colour_head.gate": 0.3}


def golden_name(variable):
    """The stored name of a weight of the model, e.g. `unet.down0.conv.kernel`."""
    name = variable.path.split("/", 1)[1].replace("/", ".")
    for ours, stored in _RENAMED.items():
        if name.startswith(ours):
            return stored + name[len(ours):]
    return name


def drawn(name, shape):
    """Numbers that follow from a name: uniform, of the size of initial kernels, away from the initial norms.

    Args:
        name: str.
        shape: Tuple.

    Returns:
        float64 array whose values fit float32.
    """
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    values = generator.uniform(-1.0, 1.0, shape)
    if name.endswith("kernel"):
        values = values * np.sqrt(3.0 / np.prod(shape[:-1]))
    elif name.endswith("gamma"):
        values = 1.0 + 0.3 * values
    elif name.endswith("log_sigma"):
        values = values - 1.0
    else:
        values = 0.3 * values
    return np.float64(np.float32(_FIXED.get(name, values)))


def drawn_image(name, shape):
    """A picture of soft waves that follows from a name, float64 [...] in [0, 1] that fits float32."""
    *_, height, width, _ = shape
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    rows, columns = np.linspace(0, 1, height)[:, None, None], np.linspace(0, 1, width)[:, None]
    phase, down, across = (generator.uniform(0, 6, shape[:-3] + (1, 1, shape[-1])) for _ in range(3))
    return np.float64(np.float32(0.5 + 0.45 * np.sin(6 * phase + 2 * down * rows + 3 * across * columns)))


def inputs(side, batch, slots, features):
    """Dict of the drawn `image` [B,S,S,3], `seed_scores` [B,S,S] in [0,1) and `eps` [B,K,D]."""
    return {"image": drawn_image("image", (batch, side, side, 3)),
            "seed_scores": np.float64(np.float32(np.abs(drawn("seed_scores", (batch, side, side))) / 0.3)),
            "eps": drawn("eps", (batch, slots, features)) * 5.0}


def weight(arrays, name, shape):
    """The stored weight, or the drawn one if none is stored."""
    return arrays["w." + name] if "w." + name in arrays else drawn(name, shape)


def assign_weights(module, arrays, name_of=golden_name, prefix=""):
    """Gives a built model or layer its weights; `name_of` maps a variable to its stored name behind `prefix`."""
    for variable in module.trainable_variables:
        variable.assign(weight(arrays, prefix + name_of(variable), tuple(variable.shape)))


def like(full, stored):
    """The strided slice of `full` that was stored: every n-th entry of an axis that is shorter there."""
    full = np.asarray(full)
    for axis, (size, wanted) in enumerate(zip(full.shape, stored.shape)):
        full = np.take(full, np.arange(0, size, -(-size // wanted)), axis=axis)
    return full
