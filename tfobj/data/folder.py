"""A directory of the user's own pictures as a data set."""

import numpy as np
import tensorflow as tf

from tfobj.data import preprocessing
from tfobj.data.folder_pictures import FolderPictures
from tfobj.errors import UserError


class FolderSource:
    """The pictures of `tfobj.data.folder_pictures.FolderPictures`; see `tfobj.data.source` for the attributes.

    There are no masks, so batches hold "image" alone.

    Args:
        data_config: `DataConfig`. `image_dir`, `image_size`, `image_channels`, `grayscale` and `data_dir` are used.

    Raises:
        UserError: as `FolderPictures`, or the channels are impossible.
    """

    has_masks = has_factors = False
    max_objects = None
    num_frames = 0

    def __init__(self, data_config):
        self._pictures = FolderPictures(data_config)
        self.class_names = self._pictures.class_names
        self.preprocessing = preprocessing.plan("none", self._pictures.image_shape, "", data_config.image_channels,
                                                data_config.grayscale)
        self.image_shape = self.preprocessing.image_shape

    def num_examples(self, split):
        """Pictures of `split`; raises `UserError` for a split other than train, validation and test."""
        if split not in self._pictures.sizes:
            raise UserError(f"--dataset=folder has no split {split!r}; it has {', '.join(self._pictures.sizes)}")
        return self._pictures.sizes[split]

    def paths(self, split):
        """Files of `split` relative to --image_dir, list of str in index order."""
        return self._pictures.paths(split)

    def records(self, split):
        """`tf.data.Dataset` of the raw pixels of each picture, scalar strings in index order."""
        return tf.data.Dataset.range(self.num_examples(split)).map(lambda position: tf.numpy_function(
            lambda i: self.read(split, [i])[0], [position], tf.string))

    def num_objects(self, record):
        """Raises `UserError`: nobody counted them."""
        raise UserError("--min_objects/--max_objects: a folder of images does not say how many objects they show; "
                        "leave both at 0")

    def decode(self, record):
        """{"image": uint8 [H,W,3]} of --image_size from raw pixels."""
        return {"image": tf.reshape(tf.io.decode_raw(record, tf.uint8), self._pictures.image_shape)}

    def read(self, split, positions):
        """Raw pixels at `positions` (sequence of int): object array of bytes in the order asked for."""
        records, images = np.empty(len(positions), dtype=object), self._pictures.arrays(split)["image"]
        for i, position in enumerate(positions):
            records[i] = images[position].tobytes()
        return records

    def object_counts(self, split):
        """Raises `UserError`: nobody counted them."""
        return self.num_objects(split)

    def object_classes(self, split, factor):
        """Raises `UserError`: nobody has described the objects."""
        raise UserError("--exclude_objects/--require_objects: a folder of images does not say what they show; leave "
                        "both out")

    def batch(self, records, masks=True, factors=False, frame_masks=False):
        """{"image": [B,H,W,C]} after preprocessing from raw pixels, string [B]; there is nothing else to ask for."""
        del masks, factors, frame_masks
        images = tf.io.decode_raw(records, tf.uint8)
        return {"image": self.preprocessing.images(tf.reshape(images, [-1, *self._pictures.image_shape]))}  # [B,H,W,3]

    def fingerprint(self):
        """Identity of the folder, see `FolderPictures.fingerprint`."""
        return self._pictures.fingerprint()
