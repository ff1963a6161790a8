"""What all builders share: the canonical example, splits, generated and official sources."""

import abc
import io
import os

import numpy as np
import tensorflow_datasets as tfds

from tfobj.data import records
from tfobj.data.builders import official_file
from tfobj.data.scenes import generation
from tfobj.errors import UserError

# The papers train on the first records and test on those right behind them.
OFFICIAL_ORDER = ("train", "test", "validation")


class SceneBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Base of the builders.

    An example: `image` uint8 [H,W,C]; `mask` uint8 [H,W,1], 0 background, k the k-th object, 255 ignored; `visibility`
    bool [N+1], background first; `num_objects` int32, visible objects; `objects`, a dict of factors [N, ...], zero
    beyond the objects of the scene, row k-1 belonging to mask value k; `id`, `<split>/<index>`. Examples are kept in
    index order.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Only the `official` configurations read files; see the homepage for their address."
    DESCRIPTION = ""
    HOMEPAGE = "https://github.com/google-deepmind/multi_object_datasets"
    CITATION = ""

    def __init__(self, *, workers=1, progress=None, split_sizes=None, manual_dir=None, **kwargs):
        """Creates the builder.

        Args:
            workers: int. Processes that draw scenes.
            progress: Callable (split, examples done, total) or None.
            split_sizes: dict from split to int or None. Replaces the sizes of the configuration.
            manual_dir: str or None. Directory of released files; None: the `manual_dir` of the download configuration.
            **kwargs: `config`, `data_dir`, ... of `tfds.core.DatasetBuilder`.
        """
        self._workers, self._progress = workers, progress or (lambda split, done, total: None)
        self._split_sizes, self._manual_dir = split_sizes, manual_dir
        super().__init__(**kwargs)

    @property
    def split_sizes(self):
        """dict from split to the number of examples that will be built."""
        return self._split_sizes or self.builder_config.split_sizes

    @property
    @abc.abstractmethod
    def scenes(self):
        """Scene generator of the configuration (see `tfobj.data.scenes`)."""

    @property
    @abc.abstractmethod
    def factor_features(self):
        """dict from factor name to the TFDS feature of all its rows."""

    @property
    def record_family(self):
        """`tfobj.data.records.RecordFamily` of the released file, or None."""
        return None

    def _info(self):
        height, width, channels = self.scenes.image_shape
        features = tfds.features.FeaturesDict({
            "image": tfds.features.Image(shape=(height, width, channels), encoding_format="png"),
            "mask": tfds.features.Image(shape=(height, width, 1), encoding_format="png"),
            "visibility": tfds.features.Tensor(shape=(self.scenes.max_objects + 1,), dtype=np.bool_),
            "num_objects": tfds.features.Scalar(np.int32),
            "objects": self.factor_features,
            "id": tfds.features.Text(),
        })
        return tfds.core.DatasetInfo(builder=self, description=self.DESCRIPTION, features=features,
                                     homepage=self.HOMEPAGE, citation=self.CITATION, disable_shuffling=True)

    def _split_generators(self, dl_manager):
        if self.builder_config.source == "generated":
            return {split: self._generate_examples(split, self._drawn(split)) for split in generation.SPLITS}
        path = official_file.locate(dl_manager, self._manual_dir or self._default_manual_dir(dl_manager),
                                    self.record_family)
        return {split: self._generate_examples(split, self._recorded(split, path)) for split in OFFICIAL_ORDER}

    def _default_manual_dir(self, dl_manager):
        try:
            return os.fspath(dl_manager.manual_dir)
        except AssertionError:  # TFDS insists on a directory that exists and is not empty
            return os.path.join(os.fspath(self.data_dir_root), "manual")

    def _generate_examples(self, split, scenes):
        """Yields (index, example) of a split from encoded scenes, and reports progress."""
        total = self.split_sizes[split]
        for index, scene in enumerate(scenes):
            # A file object is stored as it is; an array would be encoded again.
            pictures = {name: io.BytesIO(scene[name]) for name in ("image", "mask")}
            yield index, {**scene, **pictures, "id": f"{split}/{index}"}
            self._progress(split, index + 1, total)

    def _drawn(self, split):
        seed, size = self.builder_config.seed, self.split_sizes[split]
        return generation.generate(self.scenes, seed, split, size, self._workers)

    def _recorded(self, split, path):
        """Yields the encoded records of a split; the splits lie behind one another in the file."""
        start = sum(self.split_sizes[earlier] for earlier in OFFICIAL_ORDER[:OFFICIAL_ORDER.index(split)])
        found = 0
        for record in records.read_records(path, self.record_family, start, self.split_sizes[split]):
            yield generation.encode_scene(records.canonical_scene(record, self.record_family))
            found += 1
        if found < self.split_sizes[split]:
            raise UserError(self._too_short(path, split, start, found))

    def _too_short(self, path, split, start, found):
        needed = ", ".join(f"{name} {self.split_sizes[name]:,}" for name in OFFICIAL_ORDER)
        held = f"holds {start + found:,} records" if found or not start else f"holds no more than {start:,} records"
        return (f"{path}: {held}, {sum(self.split_sizes.values()):,} are needed ({needed}), so {split} falls short; "
                f"fetch the whole file from {self.record_family.url}, or ask for fewer with "
                "--split_sizes=TRAIN,VALIDATION,TEST")
