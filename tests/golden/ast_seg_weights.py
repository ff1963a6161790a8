"""The weights of the AST-Seg program, by its PyTorch names, in our layers."""

import pathlib
import tempfile

import numpy as np

from tests.mix_transformer_files import write_safetensors
from tfobj.pretrained.mix_transformer import load_mix_transformer


def recipe_weights(case):
    """Weights that an archive describes by means, deviations and seeds: dict name -> float32 array."""
    weights, seed = {}, int(case["seed0"])
    described = zip(case["param_names"], case["param_shapes"], case["param_mu"], case["param_sigma"])
    for number, (name, shape, mean, deviation) in enumerate(described):
        shape = tuple(int(side) for side in shape if side >= 0)
        draw = np.random.RandomState(seed + number).standard_normal(shape)
        weights[str(name)] = (mean + deviation * draw).astype(np.float32)
    return weights


def recipe_image(case, image_shape):
    """The uniform input of an archive without one, float32 [1, H, W, 3] in [0, 1)."""
    return np.random.RandomState(int(case["seed0"]) + 90000).random_sample((1, *image_shape)).astype(np.float32)


def stored_weights(case, prefix="w/"):
    """Weights that an archive holds: dict name -> array."""
    return {name.removeprefix(prefix): value for name, value in case.items() if name.startswith(prefix)}


def fill(layer, weights, name):
    """Gives a dense, convolution or normalisation layer the weights of a PyTorch module."""
    parts = [weights[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
             if f"{name}.{part}" in weights]
    kernel, rank = parts[0], len(layer.weights[0].shape)
    if rank == 2:  # a dense layer, or a 1x1 convolution there
        parts[0] = kernel.reshape(kernel.shape[:2]).T
    elif rank == 4:
        parts[0] = np.transpose(kernel, (2, 3, 1, 0))
    for variable, value in zip(layer.weights, parts, strict=True):
        variable.assign(value)


def fill_transformer(layer, weights):
    """A `SlotTransformer`."""
    fill(layer.embedding, weights, "feature_vector_embedding")
    fill(layer.projection, weights, "latents_projection")
    for number, block in enumerate(layer.layers):
        name = f"transformer.layers.{number}"
        joint = {"qkv.weight": weights[f"{name}.self_attn.in_proj_weight"],
                 "qkv.bias": weights[f"{name}.self_attn.in_proj_bias"]}
        fill(block.qkv, joint, "qkv")
        for part, theirs in (("out", "self_attn.out_proj"), ("hidden", "linear1"), ("final", "linear2"),
                             ("norm0", "norm1"), ("norm1", "norm2")):
            fill(getattr(block, part), weights, f"{name}.{theirs}")


def fill_glimpse_generator(layer, weights):
    """A `GlimpseGenerator`."""
    for number, (deconvolution, norm) in enumerate(zip(layer.deconvolutions, layer.norms)):
        fill(deconvolution, weights, f"glimpse_generator.{3 * number}")
        fill(norm, weights, f"glimpse_generator.{3 * number + 1}")
    fill(layer.final, weights, f"glimpse_generator.{3 * len(layer.norms)}")


def fill_segformer(layer, weights):
    """A `SegFormer`; its backbone by way of a file in the format of nvidia/mit-b3."""
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "model.safetensors"
        write_safetensors(path, weights)
        load_mix_transformer(layer.backbone, path)
    for number, linear in enumerate(layer.head.linears):
        fill(linear, weights, f"decode_head.linear_c.{number}.proj")
    for part, theirs in (("fuse", "linear_fuse"), ("norm", "batch_norm"), ("classifier", "classifier")):
        fill(getattr(layer.head, part), weights, f"decode_head.{theirs}")


def fill_celu(layer, weights, name):
    """A `CeluConvolution`."""
    fill(layer.conv, weights, f"{name}.0")
    fill(layer.norm, weights, f"{name}.1")


def fill_unet(layer, weights):
    """A `CeluUNet`."""
    for part, theirs in (("stem", "first_feature_map"), ("centre", "center_block"), ("join", "last_skip_layer")):
        fill_celu(getattr(layer, part), weights, theirs)
    for number, (down, up) in enumerate(zip(layer.down, layer.up)):
        for block, theirs in ((down, "downsample_blocks"), (up, "upsample_blocks")):
            fill_celu(block[0], weights, f"{theirs}.{number}.bloc1")
            fill_celu(block[1], weights, f"{theirs}.{number}.bloc2")
    fill(layer.residual, weights, "last_residual_layer")
    fill(layer.out, weights, "conv1x1")


def fill_background(layer, weights):
    """A `BackgroundAutoencoder`."""
    for blocks, theirs in ((layer.encoder, "encoder.background_encoder.{}.downsample"),
                           (layer.decoder, "generator.background_generator.{}.upsample")):
        for number, block in enumerate(blocks):
            fill(block.conv, weights, f"{theirs.format(number)}.0")
            if block.norm is not None:
                fill(block.norm, weights, f"{theirs.format(number)}.1")
