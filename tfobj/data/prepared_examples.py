"""Examples of a prepared set, decoded without TensorFlow. See `tfobj.data.memory` for what a store has."""

import functools
import os

from tfobj.data import array_sets
from tfobj.data import fingerprints
from tfobj.data import locations
from tfobj.data import machine
from tfobj.data import split_views
from tfobj.data import stored_parts
from tfobj.data.array_cache import CACHE
from tfobj.data.array_cache import files_key
from tfobj.data.prepared_files import PreparedFiles
from tfobj.data.record_index import RecordIndex
from tfobj.data.scenes import catalogue
from tfobj.data.scenes import generation

_PICTURES = ("mask", "background")  # whose only channel is left out


class PreparedExamples:
    """What `tfobj.prepare` has stored.

    Args:
        data_config: `tfobj.config.DataConfig`; the set lies in `locations.prepared_directory`.

    Raises:
        UserError: a description is damaged, or the recipe's splits need more records than there are.
    """

    def __init__(self, data_config):
        self._files = files = PreparedFiles(locations.prepared_directory(data_config))
        self.name, self.class_names = files.name, files.class_names
        shape = files.parts["image"].shape
        self.image_shape, self.num_frames = shape[-3:], shape[0] if len(shape) == 4 else 0
        self.max_objects = files.parts["visibility"].shape[0] - 1 if "visibility" in files.parts else None
        self.has_masks = "mask" in files.parts
        self.has_factors = any(name.startswith("objects.") for name in files.parts)
        self._is_release = data_config.dataset_config == "official"
        self._views = split_views.prepared_views(self.name, files.config, files.sizes, data_config)
        self._prefix = f"{data_config.preprocessing}_" if self._views != split_views.stored_views(files.sizes) else ""
        self.sizes = {split: view.count for split, view in self._views.items()}
        key = files_key(files.paths(files.sizes))
        self._directory = os.path.join(locations.data_dir(data_config), locations.ARRAYS,
                                       f"{self.name}-{files.config}-{files.version}-{key}")
        self.arrays = functools.lru_cache(maxsize=None)(self._open)

    def fingerprint(self):
        """See `tfobj.data.fingerprints`."""
        described = self._files.name, self._files.config, self._files.version
        if self._is_release:
            return fingerprints.of_files(self._files.directory, *described, self._files.sizes)
        return fingerprints.of_drawn(*described, catalogue.SEED, self._files.sizes)

    def _open(self, split):
        return array_sets.open_arrays(self._directory, f"{self._prefix}{split}", self.sizes[split],
                                      functools.partial(self._decoded, split),
                                      f"decoding {self._files.directory} on {machine.cores()} cores")

    def _decoded(self, split):
        """Yields chunks of decoded examples."""
        view = self._views[split]
        for chunk in generation.ordered_map(stored_parts.decode, self._tasks(view, split),
                                            machine.cores() if view.count > array_sets.FEW else 1):
            yield {name: values[..., 0] if name in _PICTURES else values for name, values in chunk.items()}

    def _tasks(self, view, split):
        paths, lengths = self._files.paths(view.stored), self._files.shard_lengths(view.stored)
        index = RecordIndex(paths, lengths, os.path.join(self._files.directory, CACHE),
                            f"{'+'.join(view.stored)}-records-{files_key(paths)}")
        for start in range(0, view.count, generation.CHUNK):
            stop = min(start + generation.CHUNK, view.count)
            records = index.read(range(view.offset + start, view.offset + stop))
            yield list(records), self._files.parts, f"{self._files.directory}, split {split}", start
