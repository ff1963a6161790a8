"""Features of images by Keras' InceptionV3, for the Frechet distance."""

import os

import keras
from keras import ops

from tfobj.errors import UserError

_SIDE = 299
DOWNLOAD, RANDOM = "imagenet", "random"


class InceptionFeatures:
    """The 2,048 averaged features before the classifier of `keras.applications.InceptionV3`.

    The network of the published FIDs is another one, with 1,008 classes, other weights and in its last block another
    pooling: distances of these features compare with each other only.

    Attributes:
        model: `keras.Model`.
        size: int. Features of an image.
        label: str. `imagenet`, `file` or `random`.
        name: str. Network and weights in words.

    Args:
        weights: str. `imagenet`, which downloads the weights that Keras publishes unless it has done so before;
            `random` for a first try without them; or the path of their file, `inception_v3_..._notop.h5`.

    Raises:
        UserError: the weights cannot be had.
    """

    size = 2048

    def __init__(self, weights=DOWNLOAD):
        self.label = weights if weights in (DOWNLOAD, RANDOM) else "file"
        self.model = {DOWNLOAD: _downloaded, RANDOM: _random}.get(weights, _read)(weights)
        origin = {DOWNLOAD: "ImageNet, as Keras publishes them", RANDOM: "random, which tells nothing about images"}
        self.name = f"Keras' InceptionV3, weights: {origin.get(weights, weights)}"

    def __call__(self, images):
        """Computes features.

        Args:
            images: [B,H,W,C], values 0 to 255; the first channel alone, or the first three, count.

        Returns:
            float32 [B, 2048].
        """
        images = ops.cast(images, "float32") / 255.0
        images = images[..., :3] if images.shape[-1] >= 3 else ops.repeat(images[..., :1], 3, axis=-1)
        # Half-pixel centres and no smoothing, as the released evaluation enlarges.
        images = ops.image.resize(images, (_SIDE, _SIDE), interpolation="bilinear", antialias=False)
        return self.model(2.0 * images - 1.0, training=False)


def _build(weights):
    return keras.applications.InceptionV3(weights=weights, include_top=False, pooling="avg",
                                          input_shape=(_SIDE, _SIDE, 3))


def _downloaded(weights):
    try:
        return _build(weights)
    except Exception as error:  # Keras raises no more special one
        raise UserError(f"the weights of InceptionV3 cannot be downloaded ({error}); on a machine without network give "
                        "the file, --inception_weights=PATH/inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5, "
                        f"or --inception_weights={RANDOM} to try the way to the number") from None


def _random(weights):
    del weights
    keras.utils.set_random_seed(0)
    return _build(None)


def _read(path):
    if not os.path.isfile(path):
        raise UserError(f"--inception_weights={path} does not exist; give the file of Keras' InceptionV3 without "
                        "top, or leave the flag out to download it")
    try:
        return _build(path)
    except (ValueError, OSError, KeyError) as error:
        raise UserError(f"--inception_weights={path} holds no weights of Keras' InceptionV3 without top ({error}); "
                        "download the file again") from None
