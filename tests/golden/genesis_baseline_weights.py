"""Weights and inputs of the GENESIS and MONet arrays: stored ones, or drawn from their names where they are too large.

Used by the tests and by `make_genesis_baselines.py`, which draws the same numbers.
"""

import re

import numpy as np

try:
    from tests.golden.genesis_v2_weights import drawn, drawn_image
except ImportError:  # as a script, beside this file
    from genesis_v2_weights import drawn, drawn_image

# Where the layers of the models differ from the names of the arrays.
_GENESIS = (("^(encoder|mask_decoder)\\.", "core."), ("^posterior\\.mean", "core.mean"),
            ("^posterior\\.scale", "core.var"), ("^posterior\\.", "post_"), ("^component_encoder\\.", "vae.enc."),
            ("^component_decoder\\.out", "vae.dec.conv4"), ("^component_decoder\\.", "vae.dec."),
            ("^mask_prior\\.", "prior_"), ("^component_prior\\.", "comp_prior."), ("^(core\\.\\w+)\\.conv\\.", "\\1."))
_MONET = (("^attention\\.unet\\.", "att."), ("^encoder\\.", "vae.enc."), ("^decoder\\.out", "vae.dec.conv4"),
          ("^decoder\\.", "vae.dec."))
_NOISE = {"genesis": ("eps_mask", "eps_comp"), "monet": ("eps",)}


def genesis_name(variable):
    """The stored name of a weight of GENESIS, e.g. `core.enc0.kernel`."""
    return _renamed(variable, _GENESIS)


def monet_name(variable):
    """The stored name of a weight of MONet-G, e.g. `att.down0.conv.kernel`."""
    return _renamed(variable, _MONET)


def stored_names(name):
    """Names of the stored parts of a weight: our gated convolutions normalise features and gates in one layer."""
    if ".norm." in name and name.startswith("core."):
        return [name.replace(".norm.", f".{part}_norm.") for part in "hg"]
    return [name]


def _renamed(variable, rules):
    name = variable.path.split("/", 1)[1].replace("/", ".")
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def statistics(arrays, name, shape):
    """The stored or drawn moving mean or variance."""
    if f"bn_before.{name}" in arrays:
        return arrays[f"bn_before.{name}"]
    return drawn(name, shape) + (1.0 if name.endswith("variance") else 0.0)


def sizes_of(arrays, model):
    """Sizes of `genesis` or `monet`: dict of `channels` of every convolution and `units` of dense layers."""
    if "sizes" in arrays:
        return dict(zip(("channels", "units"), map(int, arrays["sizes"])))
    first = "core.enc0.h_norm.gamma" if model == "genesis" else "att.down0.norm.gamma"
    return {"channels": arrays[f"w.{first}"].size, "units": arrays["w.vae.enc.dense0.bias"].size}


def inputs_of(arrays, model):
    """Dict of the stored or drawn `image` [B,S,S,3] and noise, float32; drawn ones have the stored shapes."""
    shapes = {name: arrays[f"{name}.shape"] if f"{name}.shape" in arrays else arrays[name].shape
              for name in ("image", *_NOISE[model])}
    return {name: np.float32(arrays[name] if name in arrays else input_of(name, tuple(shape)))
            for name, shape in shapes.items()}


def input_of(name, shape):
    """A drawn picture or drawn noise, float64 that fits float32."""
    return drawn_image(name, shape) if name == "image" else 5.0 * drawn(name, shape)
