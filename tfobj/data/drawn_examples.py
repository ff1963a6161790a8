"""Examples that are drawn when they are first asked for. See `tfobj.data.memory` for what a store has."""

import functools
import os

import numpy as np

from tfobj.data import array_sets
from tfobj.data import fingerprints
from tfobj.data import locations
from tfobj.data import machine
from tfobj.data.scenes import catalogue
from tfobj.data.scenes import generation


class DrawnExamples:
    """A configuration `generated` or `tiny`, pixel by pixel what `tfobj.prepare` stores of it on the same machine.

    On another machine masks and factors are the same; images may differ by one gray level.

    Args:
        data_config: `tfobj.config.DataConfig`.
        drawn: `tfobj.data.scenes.catalogue.DrawnSet`.
        version: str. Version of the data set.
    """

    has_masks = True

    def __init__(self, data_config, drawn, version):
        self.name, self._config = data_config.dataset, locations.config_name(data_config)
        self._scenes, self.sizes = drawn.scenes(), drawn.sizes(data_config.dataset_config)
        self.image_shape, self.max_objects = self._scenes.image_shape, self._scenes.max_objects
        self.num_frames = getattr(self._scenes, "num_frames", 0)
        self.class_names, self.has_factors = drawn.class_names, self.max_objects > 0
        self._fingerprint = fingerprints.of_drawn(self.name, self._config, version, catalogue.SEED, self.sizes)
        self._directory = os.path.join(
            locations.data_dir(data_config), locations.ARRAYS,
            f"{self.name}-{self._config}-{version}-{self._fingerprint['sha256'][:16]}")
        self.arrays = functools.lru_cache(maxsize=None)(self._open)

    def fingerprint(self):
        """See `tfobj.data.fingerprints`."""
        return self._fingerprint

    def _open(self, split):
        return array_sets.open_arrays(self._directory, split, self.sizes[split], functools.partial(self._draw, split),
                                      f"drawing {self.name}/{self._config} on {machine.cores()} cores")

    def _draw(self, split):
        size = self.sizes[split]
        tasks = ((self._scenes, catalogue.SEED, split, start, min(start + generation.CHUNK, size))
                 for start in range(0, size, generation.CHUNK))
        return generation.ordered_map(draw, tasks, machine.cores() if size > array_sets.FEW else 1)


def draw(scenes, seed, split, start, stop):
    """Draws examples `start` to `stop` of a split.

    Args:
        scenes: Scene generator (see `tfobj.data.scenes`).
        seed: int.
        split: str.
        start: int.
        stop: int.

    Returns:
        dict from part to array [stop - start, ...]: pictures, `visibility`, `camera`, `objects.<factor>`.
    """
    drawn = [scenes.draw(generation.example_rng(seed, split, index)) for index in range(start, stop)]
    parts = [part for part in (*generation.PICTURES, "visibility", "camera") if part in drawn[0]]
    arrays = {part: np.stack([scene[part] for scene in drawn]) for part in parts}
    if scenes.max_objects:
        arrays.update({f"objects.{factor}": np.stack([scene["objects"][factor] for scene in drawn])
                       for factor in drawn[0]["objects"]})
    return arrays
