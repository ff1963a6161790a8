"""Random images have the shape of the experiment's, without any data set, for both engines."""

import unittest

import numpy as np

from tests.parsed_flags import read_experiment
from tests.test_experiments import FILES, IMAGE_SHAPES
from tfobj import config
from tfobj import registry
from tfobj.benchmarks import synthetic
from tfobj.data import framing
from tfobj.data import records
from tfobj.data.builders import apc_files
from tfobj.data.builders import clevr_files
from tfobj.data.builders import clevrtex_files
from tfobj.data.builders import shapestacks_files
from tfobj.data.builders import sketchy_files
from tfobj.errors import UserError
from tfobj.ops import property_sets


def pictures(dataset, **changes):
    """Shape of an example and dtype."""
    found = synthetic.pictures_of(config.DataConfig(dataset=dataset, **changes))
    return found.example_shape, found.dtype


class PicturesTest(unittest.TestCase):
    def test_every_experiment_has_its_shape(self):
        for path in FILES:
            data = read_experiment(f"--flagfile={path}").data
            *size, channels = IMAGE_SHAPES[data.dataset]
            channels = 1 if data.dataset_variant == "binarized" else channels
            size = framing.parse_image_size(data.image_size) or size
            expected = (*size, data.image_channels or channels)
            self.assertEqual(synthetic.pictures_of(data).image_shape, expected, path)

    def test_recipes_sizes_and_colours(self):
        for arguments, expected in (
                ({"dataset": "clevr_masks", "dataset_config": "official"}, ((240, 320, 3), "uint8")),
                ({"dataset": "clevr_masks", "dataset_config": "official", "preprocessing": "iodine"},
                 ((128, 128, 3), "float32")),
                ({"dataset": "clevr_masks"}, ((128, 128, 3), "uint8")),
                ({"dataset": "clevr_masks", "image_size": "64"}, ((64, 64, 3), "float32")),
                ({"dataset": "clevr_masks", "image_size": "64x96", "preprocessing": "genesis"},
                 ((64, 96, 3), "uint8")),  # nearest neighbour
                ({"dataset": "shapes", "image_channels": 3}, ((28, 28, 3), "uint8")),
                ({"dataset": "tetrominoes", "grayscale": True}, ((35, 35, 3), "float32")),
                ({"dataset": "sketchy", "dataset_config": "official"}, ((128, 128, 3), "uint8")),
                ({"dataset": "objects_room", "dataset_variant": "sequences"}, ((16, 64, 64, 3), "uint8")),
                ({"dataset": "objects_room", "dataset_variant": "sequences", "sequence_frames": 1},
                 ((64, 64, 3), "uint8")),
                ({"dataset": "folder"}, ((64, 64, 3), "uint8")),
                ({"dataset": "folder", "image_size": "32x48"}, ((32, 48, 3), "uint8"))):
            self.assertEqual(pictures(**arguments), expected, arguments)

    def test_releases_have_the_shapes_of_their_files(self):
        shapes = {"clevr_properties": (*clevr_files.SHAPE, 3), "clevrtex": (*clevrtex_files.SHAPE, 3),
                  "shapestacks": (*shapestacks_files.SHAPE, 3), "sketchy": (sketchy_files.SIZE,) * 2 + (3,),
                  "apc": (apc_files.SIZE,) * 2 + (3,), "tetrominoes": records.FAMILIES["tetrominoes"].image_shape}
        for name, family in records.FAMILIES.items():
            shapes.setdefault(name.split("/")[0], family.image_shape)
        self.assertGreaterEqual(set(shapes) | {"shapes", "colored_shapes", "folder"}, set(registry.DATASETS))
        for name, shape in shapes.items():
            found, _ = pictures(name, dataset_config="official")
            self.assertEqual(found, shape, name)

    def test_impossible_wishes_are_refused(self):
        for arguments, message in (({"dataset": "nothing"}, "--dataset='nothing' is unknown"),
                                   ({"dataset": "tetrominoes", "image_size": "3"}, "--image_size='3' is no size"),
                                   ({"dataset": "tetrominoes", "sequence_frames": 2}, "--sequence_frames=2, but")):
            with self.assertRaisesRegex(UserError, message):
                pictures(**arguments)


class SyntheticInputTest(unittest.TestCase):
    def test_rows_are_full_batches_and_differ_from_step_to_step(self):
        batches = synthetic.SyntheticInput(synthetic.Pictures((8, 6, 3), 0, "uint8"), batch_size=5)
        self.assertEqual((batches.images.shape[1:], batches.images.dtype), ((8, 6, 3), np.uint8))
        self.assertEqual(batches.num_examples, len(batches.images))
        first, second = batches.rows(0), batches.rows(1)
        self.assertEqual(len({*first, *second}), 10)
        for step in range(20):
            self.assertEqual(batches.images[batches.rows(step)].shape, (5, 8, 6, 3))

    def test_objects_are_those_that_a_set_predictor_learns_from(self):
        batches = synthetic.SyntheticInput(synthetic.Pictures((8, 6, 3), 0, "uint8"), batch_size=5, factors=True)
        batch = next(batches.dataset().as_numpy_iterator())
        targets = np.asarray(property_sets.property_targets(batch["objects"], batch["visibility"]))
        self.assertEqual(targets.shape, (5, 10, 19))
        self.assertTrue(0.0 <= targets.min() and targets.max() == 1.0)
        np.testing.assert_array_equal(targets[..., 3:18].sum(axis=-1), 4.0 * targets[..., 18])
        batches.settle()

    def test_interpolated_images_are_floats(self):
        images = synthetic.SyntheticInput(synthetic.Pictures((8, 6, 1), 2, "float32"), 4).images
        self.assertEqual((images.shape[1:], images.dtype), ((2, 8, 6, 1), np.float32))
        self.assertGreater(images.min(), -1e-6)
        self.assertAlmostEqual(float(images.max()), 1.0, places=2)

    def test_every_replica_gets_its_part(self):
        batches = synthetic.SyntheticInput(synthetic.Pictures((8, 6, 3), 0, "uint8"), batch_size=8)
        taken = list(batches.dataset(num_shards=2, shard_index=1, replicas_per_shard=2).take(40).as_numpy_iterator())
        self.assertEqual((len(taken), taken[0]["image"].shape), (40, (2, 8, 6, 3)))
        np.testing.assert_array_equal(taken[1]["image"], batches.images[2:4])
        batches.settle()
