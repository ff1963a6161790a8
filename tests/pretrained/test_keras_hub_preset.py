"""Weights of the Mix Transformer from presets of Keras Hub."""

import functools
import pathlib
import sys
import tempfile
import types
import unittest
from unittest import mock

import keras
import numpy as np

from tests import helpers
from tfobj import registry
from tfobj.ast_seg_config import AstSegConfig
from tfobj.errors import UserError
from tfobj.layers.mix_transformer import MixTransformer
from tfobj.pretrained.keras_hub_preset import load_preset

try:
    import keras_hub
except ImportError as error:
    keras_hub, MISSING = None, str(error)
else:
    MISSING = ""

WIDTHS, DEPTHS, SIDE = (8, 16, 20, 32), (1, 1, 1, 1), 64


@unittest.skipIf(keras_hub is None, f"keras-hub cannot be imported: {MISSING}")
class KerasHubPresetTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """A preset with random weights in a directory."""
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.path = str(pathlib.Path(directory.name) / "preset")
        cls.source = keras_hub.models.MiTBackbone(
            image_shape=(SIDE, SIDE, 3), num_layers=4, hidden_dims=list(WIDTHS), layerwise_depths=list(DEPTHS),
            layerwise_num_heads=[1, 2, 5, 8], layerwise_sr_ratios=[8, 4, 2, 1], layerwise_patch_sizes=[7, 3, 3, 3],
            layerwise_strides=[4, 2, 2, 2], max_drop_path_rate=0.1)
        helpers.perturb(cls.source, scale=0.3)
        cls.source.save_to_preset(cls.path)
        cls.image = helpers.unit_images(2, (SIDE, SIDE, 3))

    def test_features_are_those_of_keras_hub(self):
        """With the published GELU and epsilon there, too."""
        for i, depth in enumerate(DEPTHS):
            for j in range(depth):
                block = self.source.get_layer(f"hierarchical_encoder_{i}_{j}")
                block.norm1.epsilon = block.norm2.epsilon = 1e-5
        exact = functools.partial(keras.ops.nn.gelu, approximate=False)
        with mock.patch.object(keras.ops.nn, "gelu", exact):
            expected = keras.Model(self.source.inputs, self.source.pyramid_outputs)(self.image)
        backbone = MixTransformer(WIDTHS, DEPTHS, name="backbone")
        backbone.build((None, None, None, 3))
        load_preset(backbone, self.path)
        for maps, name in zip(backbone(self.image), ("P1", "P2", "P3", "P4"), strict=True):
            scale = np.max(np.abs(expected[name]))
            self.assertLess(helpers.largest_difference(maps, expected[name]) / scale, 2e-5, name)

    def test_training_starts_from_a_preset_and_says_what_it_has_seen(self):
        model = ast_seg(f"preset:{self.path}")
        (warning,) = model.start_training()
        self.assertRegex(warning, "fine-tuned on masks that people have drawn")
        kernel = self.source.get_layer("hierarchical_encoder_2_0").attn.q.kernel
        np.testing.assert_array_equal(model.generator.backbone.blocks[2][0].query.kernel, kernel)

    def test_another_size_is_refused(self):
        backbone = MixTransformer((16, 16, 20, 32), DEPTHS, name="backbone")
        backbone.build((None, None, None, 3))
        with self.assertRaisesRegex(UserError, "does not fit --backbone: patch_embeddings.0.proj.weight is of shape"):
            load_preset(backbone, self.path)

    def test_unknown_names_are_answered_with_those_there_are(self):
        with self.assertRaisesRegex(UserError, "mit_b9_nothing .*; it has mit_b0_ade20k_512, .*mit_b3_cityscapes_1024"):
            load_preset(None, "mit_b9_nothing")


class PresetErrorsTest(unittest.TestCase):
    """One line for each, with a Keras Hub that fails as the real one does."""

    def failing(self, error):
        """A Keras Hub of which no preset can be made."""
        backbone = types.SimpleNamespace(from_preset=mock.Mock(side_effect=error), presets={"one": 1, "two": 2})
        return types.SimpleNamespace(models=types.SimpleNamespace(MiTBackbone=backbone))

    def check(self, module, pattern):
        model = ast_seg("preset:mit_b3_ade20k_512")
        before = [helpers.array(weight) for weight in model.weights]
        with mock.patch.dict(sys.modules, keras_hub=module), self.assertRaisesRegex(UserError, pattern) as caught:
            model.start_training()
        self.assertNotIn("\n", str(caught.exception))
        self.assertEqual(helpers.largest_difference(before, model.weights), 0.0)

    def test_without_the_package(self):
        self.check(None, r"^--backbone_weights=preset:mit_b3_ade20k_512 needs Keras Hub, .*pip install '.\[presets\]'")

    def test_without_a_network(self):
        self.check(self.failing(ConnectionError("Max retries exceeded\nwith url")),
                   r"^the preset mit_b3_ade20k_512 cannot be downloaded or read \(Max retries exceeded\); without")

    def test_without_such_a_preset(self):
        self.check(self.failing(ValueError("Unknown preset identifier.\n1) a built-in")),
                   r"preset mit_b3_ade20k_512 \(Unknown preset identifier.\); it has one, two$")


def ast_seg(weights):
    """A small model with the backbone `tiny`."""
    config = AstSegConfig(num_slots=3, backbone="tiny", background_model="tiny", transformer_layers=1,
                          backbone_weights=weights)
    return registry.build_model("ast_seg", config, (32, 32, 3))


if __name__ == "__main__":
    unittest.main()
