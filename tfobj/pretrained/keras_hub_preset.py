"""The Mix Transformer's weights in the presets of Keras Hub, which are fine-tuned on masks that people have drawn."""

import importlib

import keras

from tfobj.errors import UserError
from tfobj.pretrained.mix_transformer import assign_weights


def load_preset(backbone, name):
    """Gives a backbone the weights of a preset, which Keras Hub downloads and keeps.

    Keras Hub approximates the GELU, has another epsilon in its blocks, and drops attention; that is no part of weights,
    and the backbone stays as published.

    Args:
        backbone: Built `tfobj.layers.mix_transformer.MixTransformer`.
        name: str. Name of a `MiTBackbone` preset, `mit_b3_ade20k_512` for one, or a directory with a preset.

    Raises:
        UserError: Keras Hub is not there, has no such preset or cannot download it, or it is of another size.
    """
    source = _read(name)
    arrays = {target: [keras.ops.convert_to_numpy(weight) for weight in layer.weights]
              for target, layer in _named_layers(source)}
    arrays = {f"{target}.{part}": array for target, pair in arrays.items()
              for part, array in zip(("weight", "bias"), pair, strict=True)}
    assign_weights(backbone, arrays, f"the preset {name}")


def _read(name):
    try:
        hub = importlib.import_module("keras_hub")
    except ImportError as error:
        raise UserError(f"--backbone_weights=preset:{name} needs Keras Hub, which cannot be imported "
                        f"({_line(error)}): pip install '.[presets]' in the repository") from None
    try:
        return hub.models.MiTBackbone.from_preset(name)
    except ValueError as error:
        raise UserError(f"Keras Hub cannot make a Mix Transformer of the preset {name} ({_line(error)}); it has "
                        f"{', '.join(hub.models.MiTBackbone.presets)}") from None
    except OSError as error:
        raise UserError(f"the preset {name} cannot be downloaded or read ({_line(error)}); without a network, use a "
                        "directory with a preset, a .safetensors file or, with --backbone_weights=, random weights"
                        ) from None


def _line(error):
    """The first line of a message, not too long."""
    return str(error).partition("\n")[0][:160]


def _named_layers(source):
    """Pairs of names of `named_weights`, without their last part, and layers of a `MiTBackbone`."""
    norms = [layer for layer in source.layers if isinstance(layer, keras.layers.LayerNormalization)]
    for i, depth in enumerate(source.layerwise_depths):
        patches = source.get_layer(f"patch_and_embed_{i}")
        yield f"patch_embeddings.{i}.proj", patches.proj
        yield f"patch_embeddings.{i}.layer_norm", patches.norm
        yield f"layer_norm.{i}", norms[i]
        for j in range(depth):
            block = source.get_layer(f"hierarchical_encoder_{i}_{j}")
            parts = {"layer_norm_1": block.norm1, "attention.self.query": block.attn.q,
                     "attention.self.key": block.attn.k, "attention.self.value": block.attn.v,
                     "attention.output.dense": block.attn.proj, "layer_norm_2": block.norm2,
                     "mlp.dense1": block.mlp.fc1, "mlp.dwconv.dwconv": block.mlp.dwconv, "mlp.dense2": block.mlp.fc2}
            if block.attn.sr_ratio > 1:
                parts.update({"attention.self.sr": block.attn.sr, "attention.self.layer_norm": block.attn.norm})
            yield from ((f"block.{i}.{j}.{part}", layer) for part, layer in parts.items())
