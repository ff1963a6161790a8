"""Weights of the Mix Transformer from a file of Hugging Face's format."""

import pathlib
import tempfile
import unittest

import keras
import numpy as np

from tests import helpers
from tests.mix_transformer_files import WIDTHS, checkpoint, write_safetensors
from tfobj.errors import UserError
from tfobj.layers.mix_transformer import MixTransformer
from tfobj.pretrained.mix_transformer import load_mix_transformer, named_weights
from tfobj.pretrained.safetensors import read_safetensors

DEPTHS = (1, 2, 1, 1)


def exported(backbone):
    """A backbone's weights as PyTorch would have them in nvidia/mit-b3, layer by layer from where they are used."""
    layers = {}
    for i, blocks in enumerate(backbone.blocks):
        layers[f"patch_embeddings.{i}.proj"] = backbone.patches[i]
        layers[f"patch_embeddings.{i}.layer_norm"] = backbone.patch_norms[i]
        layers[f"layer_norm.{i}"] = backbone.norms[i]
        for j, block in enumerate(blocks):
            parts = {"layer_norm_1": block.norm0, "attention.self.query": block.query, "attention.self.key": block.key,
                     "attention.self.value": block.value, "attention.self.sr": block.coarse,
                     "attention.self.layer_norm": block.coarse_norm, "attention.output.dense": block.out,
                     "layer_norm_2": block.norm1, "mlp.dense1": block.hidden, "mlp.dwconv.dwconv": block.depthwise,
                     "mlp.dense2": block.final}
            layers.update({f"block.{i}.{j}.{name}": layer for name, layer in parts.items() if layer is not None})
    axes = {keras.layers.Dense: (1, 0), keras.layers.Conv2D: (3, 2, 0, 1), keras.layers.DepthwiseConv2D: (2, 3, 0, 1),
            keras.layers.LayerNormalization: (0,)}
    arrays = {}
    for name, layer in layers.items():
        kernel, bias = (helpers.array(weight) for weight in layer.weights)
        arrays[f"segformer.encoder.{name}.weight"] = np.transpose(kernel, axes[type(layer)]).copy()
        arrays[f"segformer.encoder.{name}.bias"] = bias
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
        arrays, backbone = checkpoint(DEPTHS), self.backbone()
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

    def test_features_are_those_of_the_network_that_was_written(self):
        """Square kernels, of queries for one, fit whichever way they are turned."""
        source, backbone = self.backbone(), self.backbone()
        helpers.perturb(source)
        image = helpers.unit_images(2, (64, 32, 3))
        write_safetensors(self.path, exported(source))
        load_mix_transformer(backbone, self.path)
        for expected, maps in zip(source(image), backbone(image), strict=True):
            np.testing.assert_array_equal(maps, expected)

    def test_files_that_do_not_fit_are_refused_and_nothing_changes(self):
        backbone = self.backbone()
        before = [helpers.array(weight) for weight in backbone.weights]
        arrays = checkpoint(DEPTHS)
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
        write_safetensors(self.path, checkpoint(DEPTHS))
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
