"""Small prepared data sets with the features that a test asks for."""

import contextlib
import io

import numpy as np
import tensorflow_datasets as tfds

from tfobj.data.builders.scene_config import SceneConfig

SIZE = (6, 8)


class StoredSet(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Examples that a test gives.

    Args:
        features: dict from name to TFDS feature.
        examples: dict from split to a list of examples, in the order in which they are stored.
        source: str. "official" or "generated".
    """

    name = "stored_set"
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [SceneConfig(name=source, source=source) for source in ("generated", "official")]

    def __init__(self, features, examples, source, **kwargs):
        self._given = features, examples
        super().__init__(config=source, **kwargs)

    def _info(self):
        return tfds.core.DatasetInfo(builder=self, disable_shuffling=True,
                                     features=tfds.features.FeaturesDict(self._given[0]))

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(examples) for split, examples in self._given[1].items()}

    def _generate_examples(self, examples):
        """Yields (index, example)."""
        yield from enumerate(examples)


def store(directory, features, examples, source="generated", num_shards=1):
    """Prepares a set below `directory`; returns its builder. Arguments as of `StoredSet`."""
    builder = StoredSet(features, examples, source, data_dir=directory)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        builder.download_and_prepare(download_config=tfds.download.DownloadConfig(num_shards=num_shards))
    return builder


def picture(channels=3, num_frames=0):
    """TFDS feature of a picture of `SIZE`, or of a sequence."""
    image = tfds.features.Image(shape=(*SIZE, channels), encoding_format="png")
    return tfds.features.Sequence(image, length=num_frames) if num_frames else image


def pixels(seed, channels=3, num_frames=0):
    """Random uint8 [H,W,C] or [T,H,W,C] of `SIZE`."""
    shape = ((num_frames,) if num_frames else ()) + (*SIZE, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
