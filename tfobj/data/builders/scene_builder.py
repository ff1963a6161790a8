"""What all builders share: the canonical example, splits, generated and official sources."""

import abc
import io
import itertools
import os

import tensorflow_datasets as tfds

from tfobj import registry
from tfobj.data.builders.layout import Layout
from tfobj.data.builders.official_records import OfficialRecords
from tfobj.data.scenes import catalogue
from tfobj.data.scenes import generation

_BUCKETS = 200  # fewer than TFDS has, to stay below the usual limit on open files


class SceneBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Base of the builders.

    An example: `image` uint8 [H,W,C]; `mask` uint8 [H,W,1], 0 background, k the k-th object, 255 ignored; `visibility`
    bool [N+1], background first; `num_objects` int32, visible objects; `objects`, a dict of factors [N, ...], zero
    beyond the objects of the scene, row k-1 belonging to mask value k; `id`, `<split>/<index>`. Sequences have a
    leading time axis in `image` and `mask`. What the data do not say is absent. Examples are kept in index order.

    What is drawn stands in `tfobj.data.scenes.catalogue`. A subclass gives `BUILDER_CONFIGS`, `factor_features` and, if
    it reads a release, `official`.
    """

    RELEASE_NOTES = {"1.0.0": "First release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Only the `official` configurations read files; see the homepage for their address."
    DESCRIPTION = ""
    HOMEPAGE = "https://github.com/google-deepmind/multi_object_datasets"
    CITATION = ""

    def __init_subclass__(cls, **kwargs):
        """Takes the version from the registry, where what does not load TensorFlow finds it, too."""
        super().__init_subclass__(**kwargs)
        cls.VERSION = tfds.core.Version(registry.DATASETS[cls.name].version)

    def __init__(self, *, workers=1, progress=None, split_sizes=None, manual_dir=None, **kwargs):
        """Creates the builder.

        Args:
            workers: int. Processes that draw or convert scenes.
            progress: Callable (split, examples done, total) or None.
            split_sizes: dict from split to int or None. Replaces the sizes of the configuration; splits that either of
                the two does not have are left out. Where the released files decide, the most examples of a split.
            manual_dir: str or None. Directory of released files; None: the `manual_dir` of the download configuration.
            **kwargs: `config`, `data_dir`, ... of `tfds.core.DatasetBuilder`.
        """
        self._workers, self._progress = workers, progress or (lambda split, done, total: None)
        self._split_sizes, self._manual_dir = split_sizes, manual_dir
        super().__init__(**kwargs)

    @property
    def split_sizes(self):
        """dict from split to the number of examples that will be built, empty where the released files decide."""
        sizes, wanted = self.builder_config.split_sizes, self._split_sizes
        return dict(sizes) if wanted is None else {split: wanted[split] for split in sizes if split in wanted}

    @property
    def drawn(self):
        """`tfobj.data.scenes.catalogue.DrawnSet` of the configuration's variant; None for what is only read."""
        return catalogue.find(self.name, self.builder_config.variant)

    @property
    def scenes(self):
        """Scene generator of the configuration's variant (see `tfobj.data.scenes`), or None."""
        return self.drawn.scenes() if self.drawn else None

    @property
    def class_features(self):
        """dict from the factors of drawn scenes that are classes to the TFDS feature of all their rows."""
        return {factor: tfds.features.Sequence(tfds.features.ClassLabel(names=names), length=self.layout.max_objects)
                for factor, names in self.drawn.class_names.items()}

    @property
    @abc.abstractmethod
    def factor_features(self):
        """dict from factor name to the TFDS feature of all its rows; empty where there are none."""

    @property
    def record_family(self):
        """`tfobj.data.records.RecordFamily` of the released TFRecord file, or None."""
        return None

    @property
    def official(self):
        """What reads the release of the configuration (see `tfobj.data.builders.official_records`), or None."""
        return OfficialRecords(self.record_family) if self.record_family else None

    @property
    def extras(self):
        """dict from name to TFDS feature of what an example holds besides the canonical keys."""
        return {}

    @property
    def layout(self):
        """`Layout` of the configuration."""
        if self.builder_config.source == "official":
            return self.official.layout
        return Layout.of_scenes(self.scenes, self.extras)

    def _info(self):
        return tfds.core.DatasetInfo(builder=self, description=self.DESCRIPTION, homepage=self.HOMEPAGE,
                                     features=self.layout.features(self.factor_features), citation=self.CITATION,
                                     disable_shuffling=True)

    def _split_generators(self, dl_manager):
        if self.builder_config.source == "official":
            manual_dir = self._manual_dir or self._default_manual_dir(dl_manager)
            splits = self.official.splits(dl_manager, manual_dir, self.split_sizes, self._workers)
            splits = {split: self._limited(split, *content) for split, content in splits.items()}
        else:
            seed, workers = self.builder_config.seed, self._workers
            splits = {split: (size, generation.generate(self.scenes, seed, split, size, workers))
                      for split, size in self.split_sizes.items()}
        return {split: self._generate_examples(split, *content) for split, content in splits.items()}

    def _limited(self, split, total, scenes):
        """At most as many scenes as were asked for."""
        limit = (self._split_sizes or {}).get(split)
        return (total if limit is None else min(total, limit)), itertools.islice(scenes, limit)

    def _default_manual_dir(self, dl_manager):
        try:
            return os.fspath(dl_manager.manual_dir)
        except AssertionError:  # TFDS insists on a directory that exists and is not empty
            return os.path.join(os.fspath(self.data_dir_root), "manual")

    def _generate_examples(self, split, total, scenes):
        """Yields (index, example) of a split from `total` encoded scenes, and reports progress."""
        features = set(self.info.features)
        for index, scene in enumerate(scenes):
            example = {**scene, **{name: _as_files(scene[name]) for name in generation.PICTURES if name in scene}}
            example["id"] = f"{split}/{index}"
            yield _key(index, total), {name: example[name] for name in features}
            self._progress(split, index + 1, total)


def _key(index, total):
    """A key for TFDS that grows with the index.

    TFDS sorts what it writes by key: splits above one gigabyte in 1,000 temporary files, by the highest of the keys'
    128 bits, each of which it holds in memory in turn. The indices themselves would all fall into the first of them.
    """
    bucket = min(index * _BUCKETS // total, _BUCKETS - 1)
    return (bucket << 128) // _BUCKETS + index


def _as_files(encoded):
    """File objects for PNG bytes or a list of them: these are stored as they are, an array would be encoded again."""
    return [io.BytesIO(png) for png in encoded] if isinstance(encoded, list) else io.BytesIO(encoded)
