"""What the examples of a builder hold."""

import dataclasses

import numpy as np
import tensorflow_datasets as tfds


@dataclasses.dataclass(frozen=True)
class Layout:
    """Shapes of an example and which parts it has.

    Attributes:
        image_shape: Tuple (H, W, C) of one picture.
        max_objects: int N, most foreground objects; None where the data do not say what is visible.
        has_masks: bool. Whether there are instance maps.
        num_frames: int T of a sequence; 0: single pictures.
        extras: dict from name to TFDS feature of what else an example holds.
    """

    image_shape: tuple
    max_objects: object = None
    has_masks: bool = True
    num_frames: int = 0
    extras: dict = dataclasses.field(default_factory=dict)

    @classmethod
    def of_scenes(cls, scenes, extras=None):
        """The layout of a scene generator (see `tfobj.data.scenes`)."""
        return cls(scenes.image_shape, scenes.max_objects, num_frames=getattr(scenes, "num_frames", 0),
                   extras=extras or {})

    def picture(self, channels):
        """TFDS feature of a PNG picture, or of a sequence of them, with `channels` channels."""
        image = tfds.features.Image(shape=(*self.image_shape[:2], channels), encoding_format="png")
        return tfds.features.Sequence(image, length=self.num_frames) if self.num_frames else image

    def features(self, factor_features):
        """The TFDS features of an example.

        Args:
            factor_features: dict from factor name to the feature of all its rows; empty: no factors.

        Returns:
            `tfds.features.FeaturesDict`.
        """
        features = {"image": self.picture(self.image_shape[2]), "id": tfds.features.Text(), **self.extras}
        if self.has_masks:
            features["mask"] = self.picture(1)
        if self.max_objects is not None:
            features["visibility"] = tfds.features.Tensor(shape=(self.max_objects + 1,), dtype=np.bool_)
            features["num_objects"] = tfds.features.Scalar(np.int32)
        if factor_features:
            features["objects"] = factor_features
        return tfds.features.FeaturesDict(features)
