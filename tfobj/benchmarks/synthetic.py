"""Random images in memory in place of a data set, in the shape and dtype in which the experiment's would come."""

import dataclasses

import numpy as np

from tfobj import properties
from tfobj import registry
from tfobj.data import framing
from tfobj.data.scenes import catalogue

_MOST_OBJECTS = 10
_BATCHES = 4  # so that no step sees the images of the one before

# Pictures of the releases whose frames are not what is drawn here.
_RELEASED = {"clevr_masks": (240, 320, 3), "clevr_properties": (320, 480, 3), "clevrtex": (240, 320, 3),
             "shapestacks": (224, 224, 3), "sketchy": (128, 128, 3), "apc": (128, 128, 3)}


@dataclasses.dataclass(frozen=True)
class Pictures:
    """What a model sees of a data set.

    Attributes:
        image_shape: Tuple (H, W, C) of one picture.
        num_frames: int. Frames of sequences, 0 for single pictures.
        dtype: str, "uint8" or "float32" (in [0, 1], where sizes or colours are interpolated).
    """

    image_shape: tuple
    num_frames: int
    dtype: str

    @property
    def example_shape(self):
        """(H, W, C), of sequences (T, H, W, C)."""
        return (self.num_frames, *self.image_shape) if self.num_frames else self.image_shape


def pictures_of(data_config):
    """What a model sees of the data set that `data_config` (a `DataConfig`) names, which need not be prepared.

    Returns:
        `Pictures`.

    Raises:
        UserError: unknown data set, or an impossible size, recipe or number of frames.
    """
    native, stored_frames, recipe = _stored(data_config)
    frames = framing.checked_frames(data_config.sequence_frames, stored_frames, data_config.dataset)
    plan = framing.plan(recipe, native, data_config.image_size, data_config.image_channels, data_config.grayscale)
    return Pictures(plan.image_shape, 0 if data_config.sequence_frames == 1 else frames,
                    "uint8" if plan.keeps_values else "float32")


def _stored(data_config):
    """Shape of the stored pictures, their frames (0 for single pictures), and the recipe that applies to them."""
    name, variant = data_config.dataset, registry.dataset_variant(data_config.dataset, data_config.dataset_variant)
    if name == "folder":  # whose pictures are brought to their size when they are read
        return (*(framing.parse_image_size(data_config.image_size) or (64, 64)), 3), 0, "none"
    drawn = catalogue.find(name, variant)
    if name in _RELEASED and (data_config.dataset_config == "official" or drawn is None):
        return _RELEASED[name], 0, data_config.preprocessing
    scenes = drawn.scenes()
    return scenes.image_shape, getattr(scenes, "num_frames", 0), data_config.preprocessing


def _factors(rng, count):
    """What random objects are, up to ten of each of `count` images: `visibility` and `objects` of `tfobj.data.source`."""
    number = rng.integers(1, _MOST_OBJECTS + 1, count)
    shape = (count, _MOST_OBJECTS)
    objects = {factor: rng.integers(0, len(names), shape) for factor, names in properties.CLASSES.items()}
    objects[properties.COORDINATE_FACTOR] = rng.uniform(-3.0, 3.0, (*shape, 3)).astype(np.float32)
    return {"visibility": np.arange(_MOST_OBJECTS + 1) <= number[:, None], "objects": objects}


class SyntheticInput:
    """A training input for either engine that costs nothing: a few batches of random images, over and over.

    Args:
        pictures: `Pictures`.
        batch_size: int. Images per step over all devices.
        seed: int. Defaults to `0`.
        factors: bool. Batches carry the factors of objects. Defaults to `False`.

    Attributes:
        images: [N, *example_shape], N a few batches; uint8, or float32 in [0, 1].
        examples: Dict of arrays [N, ...]: `image`, with `factors` also `visibility` and `objects`.
        num_examples: int N.
    """

    def __init__(self, pictures, batch_size, seed=0, factors=False):
        rng = np.random.default_rng(seed)
        images = rng.integers(0, 256, (_BATCHES * batch_size, *pictures.example_shape), dtype=np.uint8)
        self.images = images if pictures.dtype == "uint8" else images / np.float32(255)
        self.examples = {"image": self.images, **(_factors(rng, len(images)) if factors else {})}
        self.num_examples, self._batch_size = len(images), batch_size

    def rows(self, step):
        """Positions in `images`, int64 [batch_size], of the examples of a step (int). JAX asks for them."""
        return np.arange(self._batch_size) + step % _BATCHES * self._batch_size

    def dataset(self, start_step=0, num_shards=1, shard_index=0, replicas_per_shard=1):
        """`tf.data.Dataset` of one replica's batches {"image"}, without end; arguments as of `TrainingInput.dataset`.

        Every worker gets the same images: their values have no influence on the speed.
        """
        import tensorflow as tf

        del start_step, shard_index
        size = self._batch_size // (num_shards * replicas_per_shard)
        dataset = tf.data.Dataset.from_tensor_slices(self.examples).batch(size).cache().repeat()
        options = tf.data.Options()
        options.autotune.enabled = False
        options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
        return dataset.prefetch(2).with_options(options)

    def settle(self):
        """Nothing reads on."""
