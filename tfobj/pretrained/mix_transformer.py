"""The Mix Transformer's weights in the files of Hugging Face, such as those of `nvidia/mit-b3`."""

import numpy as np

from tfobj.errors import UserError
from tfobj.pretrained.safetensors import read_safetensors

_PREFIXES = ("segformer.encoder.", "encoder.", "")
_DENSE, _CONVOLUTION, _DEPTHWISE = (1, 0), (2, 3, 1, 0), (2, 3, 0, 1)


def load_mix_transformer(backbone, path):
    """Gives a backbone the weights of a file; what else is in the file, a classifier say, is left there.

    Args:
        backbone: Built `tfobj.layers.mix_transformer.MixTransformer`.
        path: str or path of a `.safetensors` file.

    Raises:
        UserError: the file cannot be read, or lacks a weight, or has one of another shape; nothing was loaded.
    """
    arrays = read_safetensors(path)
    prefix = next((prefix for prefix in _PREFIXES if f"{prefix}patch_embeddings.0.proj.weight" in arrays), None)
    if prefix is None:
        raise UserError(f"{path} holds no Mix Transformer: it has no patch_embeddings.0.proj.weight; expected a "
                        "file such as model.safetensors of nvidia/mit-b3")
    axes = {prefix + name: axes for name, _, axes in named_weights(backbone) if axes is not None}
    arrays = {name: np.transpose(value, axes[name]) if name in axes and value.ndim == len(axes[name]) else value
              for name, value in arrays.items()}
    assign_weights(backbone, arrays, path, prefix)


def assign_weights(backbone, arrays, source, prefix=""):
    """Gives a backbone arrays in Keras' layout.

    Args:
        backbone: Built `tfobj.layers.mix_transformer.MixTransformer`.
        arrays: Dict of `prefix` and a name of `named_weights` -> array.
        source: str or path. Where they are from.
        prefix: str.

    Raises:
        UserError: a weight is missing or has another shape; nothing was assigned.
    """
    values = []
    for name, variable, _ in named_weights(backbone):
        value = arrays.get(prefix + name)
        found = "missing" if value is None else f"of shape {value.shape}"
        if value is None or value.shape != tuple(variable.shape):
            raise UserError(f"{source} does not fit --backbone: {prefix}{name} is {found}, expected {variable.shape} "
                            "(input axes before output axes)")
        values.append((variable, value))
    for variable, value in values:
        variable.assign(value.astype(variable.dtype))


def named_weights(backbone):
    """All weights of a backbone: list of (name in files, variable, axes by which the file's array is transposed)."""
    found = []

    def add(name, layer, axes=None):
        kernel, bias = layer.weights
        found.extend([(f"{name}.weight", kernel, axes), (f"{name}.bias", bias, None)])

    for i, blocks in enumerate(backbone.blocks):
        add(f"patch_embeddings.{i}.proj", backbone.patches[i], _CONVOLUTION)
        add(f"patch_embeddings.{i}.layer_norm", backbone.patch_norms[i])
        for j, block in enumerate(blocks):
            _add_block(add, f"block.{i}.{j}", block)
        add(f"layer_norm.{i}", backbone.norms[i])
    return found


def _add_block(add, name, block):
    add(f"{name}.layer_norm_1", block.norm0)
    for part in ("query", "key", "value"):
        add(f"{name}.attention.self.{part}", getattr(block, part), _DENSE)
    if block.coarse is not None:
        add(f"{name}.attention.self.sr", block.coarse, _CONVOLUTION)
        add(f"{name}.attention.self.layer_norm", block.coarse_norm)
    add(f"{name}.attention.output.dense", block.out, _DENSE)
    add(f"{name}.layer_norm_2", block.norm1)
    add(f"{name}.mlp.dense1", block.hidden, _DENSE)
    add(f"{name}.mlp.dwconv.dwconv", block.depthwise, _DEPTHWISE)
    add(f"{name}.mlp.dense2", block.final, _DENSE)
