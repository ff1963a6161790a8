"""SegFormer as a feature generator."""

import unittest

import keras
import numpy as np

from tests import helpers
from tfobj.layers.mix_transformer import MixTransformer
from tfobj.layers.segformer import VARIANTS, SegFormer
from tfobj.layers.segformer_head import SegFormerHead
from tfobj.ops import dropout
from tfobj.ops.resampling import resize_bilinear

TINY = dict(zip(("widths", "depths", "head_width"), VARIANTS["tiny"]))


class SegFormerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        keras.utils.set_random_seed(0)
        cls.layer = SegFormer(5, **TINY, name="layer")
        cls.image = helpers.unit_images(2, (32, 32, 3))
        cls.initial = helpers.array(cls.layer(cls.image))

    def test_contract(self):
        self.assertEqual(self.initial.shape, (2, 8, 8, 5))
        twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(self.layer))
        twin(self.image)
        helpers.copy_weights(self.layer, twin)
        np.testing.assert_array_equal(twin(self.image), self.initial)
        low = SegFormer(5, **TINY, dtype="mixed_bfloat16", name="layer")
        low(self.image)
        outputs = keras.ops.cast(helpers.copy_weights(self.layer, low)(self.image), "float32")
        self.assertLess(helpers.largest_difference(outputs, self.initial), 0.1 * np.abs(self.initial).max())

    def test_published_size_of_b3(self):
        """Maps for 10 objects with two scales; the statistics of batch normalisation are not trained."""
        layer = SegFormer(45, *VARIANTS["b3"])
        layer.build((None, None, None, 3))
        self.assertEqual(helpers.count_parameters(layer.backbone), 44_072_128)
        self.assertEqual(helpers.count_parameters(layer), 47_257_069)
        self.assertEqual(sum(variable.shape[0] for variable in layer.non_trainable_variables), 1_536)

    def test_published_size_of_the_head(self):
        widths, _, head_width = VARIANTS["b3"]
        for num_maps in (45, 44, 40, 38):  # CLEVRTEX, CLEVR, ShapeStacks, ObjectsRoom
            head = SegFormerHead(num_maps, head_width)
            head.build([(None, None, None, width) for width in widths])
            self.assertEqual(helpers.count_parameters(head), 3_150_336 + 769 * num_maps)

    def test_published_size_of_b0(self):
        """The backbone of MiT-B0 has 3.3 million weights (SegFormer, Table 1a, without the 0.4 of the head)."""
        backbone = MixTransformer(*VARIANTS["b0"][:2])
        backbone.build((None, None, None, 3))
        self.assertAlmostEqual(helpers.count_parameters(backbone) / 1e6, 3.3, delta=0.1)

    def test_initial_weights_are_those_of_the_released_code(self):
        keras.utils.set_random_seed(0)
        layer = SegFormer(45, *VARIANTS["b0"])
        layer.build((None, None, None, 3))
        for variable in layer.trainable_variables:
            value = helpers.array(variable)
            if variable.name == "kernel" and value.size > 5000:
                self.assertAlmostEqual(value.std(), 0.02, delta=0.001, msg=variable.path)
            elif variable.name in ("bias", "beta"):
                np.testing.assert_array_equal(value, 0.0, variable.path)
        self.assertGreater(helpers.check_independent_weights(self, layer), 60)

    def test_sizes_that_are_no_multiples(self):
        self.assertEqual(self.layer(helpers.unit_images(1, (50, 33, 3))).shape, (1, 13, 9, 5))

    def test_head_equals_its_definition(self):
        """Widen, resize, concatenate from the coarsest on, fuse: the order in which the released code computes."""
        generator = np.random.default_rng(0)
        stages = [generator.normal(size=(2, side, side, width)).astype(np.float32)
                  for side, width in zip((8, 4, 2, 1), (3, 4, 5, 6))]
        head = SegFormerHead(2, 7)
        head(stages)
        helpers.perturb(head)
        wide = [resize_bilinear(linear(maps), (8, 8)) for linear, maps in zip(head.linears, stages)]
        fused = keras.ops.relu(head.norm(head.fuse(keras.ops.concatenate(wide[::-1], axis=-1))))
        np.testing.assert_allclose(head(stages), head.classifier(fused), atol=1e-5)

    def test_paths_and_entries_are_dropped_with_seeds_only(self):
        layer = helpers.copy_weights(self.layer, self.perturbed())
        helpers.perturb(layer)
        seeds = dropout.seeds_of(np.array([[0.1, 0.2], [0.3, 0.4]]))
        plain, dropped = layer(self.image), layer(self.image, seeds=seeds)
        self.assertGreater(helpers.largest_difference(plain, dropped), 0.01)
        np.testing.assert_array_equal(dropped, layer(self.image, seeds=seeds))

    def perturbed(self):
        layer = SegFormer(5, **TINY, drop_path_rate=0.5, name="layer")
        layer(self.image)
        return layer

    def test_drop_path_rises_linearly(self):
        backbone = MixTransformer((8, 16, 20, 32), (3, 4, 18, 3))
        rates = [block.drop_path_rate for blocks in backbone.blocks for block in blocks]
        np.testing.assert_allclose(rates, 0.1 * np.arange(28) / 27, atol=1e-12)
