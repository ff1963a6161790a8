"""Weights of the Mix Transformer from a file of Hugging Face's format."""

import json
import pathlib
import struct
import tempfile
import unittest

import numpy as np

from tests import helpers
from tfobj.errors import UserError
from tfobj.layers.mix_transformer import MixTransformer
from tfobj.pretrained.mix_transformer import load_mix_transformer, named_weights
from tfobj.pretrained.safetensors import read_safetensors

WIDTHS, DEPTHS = (8, 16, 20, 32), (1, 2, 1, 1)
CODES = {"float32": "F32", "float16": "F16", "uint16": "BF16", "int64": "I64"}


def write_safetensors(path, arrays):
    """Writes a file as the library of that name does: length, header in JSON, arrays without gaps."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": CODES[str(array.dtype)], "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(array.tobytes() for array in arrays.values()))


def checkpoint(seed=0):
    """Arrays in PyTorch's layouts under the names of nvidia/mit-b3, written out by hand where they can be."""
    generator = np.random.default_rng(seed)
    shapes = {}
    for i, (width, depth, reduction) in enumerate(zip(WIDTHS, DEPTHS, (8, 4, 2, 1))):
        before, kernel = (3, *WIDTHS)[i], 7 if i == 0 else 3
        shapes[f"patch_embeddings.{i}.proj"] = (width, before, kernel, kernel)
        shapes[f"patch_embeddings.{i}.layer_norm"] = shapes[f"layer_norm.{i}"] = (width,)
        for j in range(depth):
            block = f"block.{i}.{j}"
            for part in ("query", "key", "value"):
                shapes[f"{block}.attention.self.{part}"] = (width, width)
            shapes[f"{block}.attention.output.dense"] = (width, width)
            if reduction > 1:
                shapes[f"{block}.attention.self.sr"] = (width, width, reduction, reduction)
                shapes[f"{block}.attention.self.layer_norm"] = (width,)
            shapes[f"{block}.layer_norm_1"] = shapes[f"{block}.layer_norm_2"] = (width,)
            shapes[f"{block}.mlp.dense1"], shapes[f"{block}.mlp.dense2"] = (4 * width, width), (width, 4 * width)
            shapes[f"{block}.mlp.dwconv.dwconv"] = (4 * width, 1, 3, 3)
    arrays = {"classifier.weight": generator.normal(size=(5, 32)).astype(np.float32)}
    for name, shape in shapes.items():
        for part, size in (("weight", shape), ("bias", shape[:1])):
            arrays[f"segformer.encoder.{name}.{part}"] = generator.normal(size=size).astype(np.float32)
    return arrays


class MixTransformerWeightsTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name) / "model.safetensors"

    def backbone(self, widths=WIDTHS):
        layer = MixTransformer(widths, DEPTHS, name="backbone")
        layer.build((None, None, None, 3))
        return layer

    def test_every_weight_is_read(self):
        arrays, backbone = checkpoint(), self.backbone()
        write_safetensors(self.path, arrays)
        load_mix_transformer(backbone, self.path)
        self.assertEqual(len(named_weights(backbone)), len(backbone.weights))
        self.assertEqual({f"segformer.encoder.{name}" for name, _, _ in named_weights(backbone)} |
                         {"classifier.weight"}, set(arrays))
        dense = arrays["segformer.encoder.block.1.1.mlp.dense1.weight"]
        np.testing.assert_array_equal(backbone.blocks[1][1].hidden.kernel, dense.T)
        patches = arrays["segformer.encoder.patch_embeddings.0.proj.weight"]
        np.testing.assert_array_equal(np.asarray(backbone.patches[0].kernel)[2, 5, 1], patches[:, 1, 2, 5])
        taps = arrays["segformer.encoder.block.0.0.mlp.dwconv.dwconv.weight"]
        np.testing.assert_array_equal(np.asarray(backbone.blocks[0][0].depthwise.kernel)[2, 0, :, 0], taps[:, 0, 2, 0])
        gamma = arrays["segformer.encoder.block.0.0.layer_norm_1.weight"]
        np.testing.assert_array_equal(backbone.blocks[0][0].norm0.gamma, gamma)

    def test_files_that_do_not_fit_are_refused_and_nothing_changes(self):
        backbone = self.backbone()
        before = [helpers.array(weight) for weight in backbone.weights]
        arrays = checkpoint()
        write_safetensors(self.path, {name: value for name, value in arrays.items() if "block.3" not in name})
        with self.assertRaisesRegex(UserError, "block.3.0.layer_norm_1.weight is missing"):
            load_mix_transformer(backbone, self.path)
        write_safetensors(self.path, arrays)
        with self.assertRaisesRegex(UserError, r"patch_embeddings.0.proj.weight is of shape .*expected"):
            load_mix_transformer(self.backbone((16, 16, 20, 32)), self.path)
        write_safetensors(self.path, {"other": np.zeros(3, np.float32)})
        with self.assertRaisesRegex(UserError, "holds no Mix Transformer"):
            load_mix_transformer(backbone, self.path)
        self.assertEqual(helpers.largest_difference(before, backbone.weights), 0.0)

    def test_other_files_are_refused_in_one_line(self):
        with self.assertRaisesRegex(UserError, "cannot be read"):
            read_safetensors(self.path)
        write_safetensors(self.path, checkpoint())
        content = self.path.read_bytes()
        for damaged in (b"", b"PK\3\4 a zip file", content[:100], content[:-10]):
            self.path.write_bytes(damaged)
            with self.assertRaisesRegex(UserError, "is no safetensors file"):
                read_safetensors(self.path)

    def test_half_precision_is_widened(self):
        values = np.array([1.0, -2.5, 3e20], np.float32)
        write_safetensors(self.path, {"a": (values.view(np.uint32) >> 16).astype(np.uint16),
                                      "b": np.array([[1.5, 2.0]], np.float16), "c": np.array([7])})
        arrays = read_safetensors(self.path)
        np.testing.assert_allclose(arrays["a"], values, rtol=2**-7)
        self.assertEqual((arrays["a"].dtype, arrays["b"].shape, arrays["c"].item()), (np.float32, (1, 2), 7))
