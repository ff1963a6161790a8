"""What models that find objects answer: masks, labels, slots and reconstruction. See `tfobj.serving.answers`."""

import io

import numpy as np
from PIL import Image
import tensorflow as tf

from tfobj import visualisation
from tfobj.data import preprocessing
from tfobj.serving.answers import relative_difference
from tfobj.serving.signatures import Signature, bytes_spec, decode_images, repeat


class ObjectAnswers:
    """See the module.

    Args:
        model: Built `ObjectModel` in float32.
        options: `ServingOptions`.
    """

    HAS_THRESHOLD = True
    PLACES = ("boxes", "positions", "inverse_scales")
    FLOATS = ("masks", "slots", "reconstruction", "components", *PLACES)
    MEANINGS = {
        "segmentation": "Slot with the largest mask, 0 to K - 1, at the model's size.",
        "segmentation_thresholded": "0 background; k + 1 where the mask of slot k is the largest and exceeds the "
                                    "threshold.",
        "masks": "Mask of each slot, summing to 1 over the slots (axis 1).",
        "slots": "Object representations, one vector per slot.",
        "reconstruction": "The image as the model explains it, or the scene that it draws, [0, 1] but not clipped.",
        "components": "Appearance of each slot (axis 1), [0, 1] but not clipped.",
        "boxes": "What the picture of each object fills: top, left, bottom, right as fractions of the image. Row k is "
                 "slot k + 1, slot 0 being the background; so it is for positions and inverse_scales.",
        "positions": "Centre (x, y) of each object, from -1 to 1 between the edges of the image.",
        "inverse_scales": "Width and height of the image divided by those of each object.",
        "segmentation_png_bytes": "`segmentation` as 8-bit gray PNG files; the pixel is the slot. The model's size, in "
                                  "`segment_bytes` the size of the file in the request.",
        "segmentation_thresholded_png_bytes": "`segmentation_thresholded` as 8-bit gray PNG files of the size of the "
                                              "file in the request.",
    }

    def __init__(self, model, options):
        self._image_shape, self._background_slot = model.image_shape, model.background_slot
        self._threshold, self._antialias = options.threshold, options.antialias

    def tensors(self, outputs):
        """See `tfobj.serving.answers`."""
        masks = outputs["masks"]
        # Not the model's own `segmentation`: Keras' argmax holds a bit cast that other runtimes cannot import.
        segmentation = tf.argmax(masks, axis=1, output_type=tf.int32)  # [B,H,W]
        is_object = tf.reduce_max(masks, axis=1) > self._threshold  # [B,H,W]
        if self._background_slot is not None:
            is_object &= segmentation != self._background_slot
        return {
            "masks": masks, "slots": outputs["slots"], "reconstruction": outputs["reconstruction"],
            "segmentation": tf.cast(segmentation, tf.uint8),
            "segmentation_thresholded": tf.cast(tf.where(is_object, segmentation + 1, 0), tf.uint8),
            **{name: outputs[name] for name in self.PLACES if name in outputs},
        }

    def published(self, tensors):
        """Adds the labels as PNG files."""
        return {**tensors, "segmentation_png_bytes": _to_png(tensors["segmentation"])}

    def more_signatures(self, predict, constants):
        """`segment_bytes`, which answers files with label PNGs of their own sizes and nothing else, because REST
        clients cannot choose outputs."""
        def function(image_bytes):
            images, sizes = decode_images(image_bytes, self._image_shape, self._antialias)
            outputs = predict(images, *repeat(constants, image_bytes))
            return {f"{name}_png_bytes": _to_sized_png(outputs[name], sizes)
                    for name in ("segmentation", "segmentation_thresholded")}

        return {"segment_bytes": Signature(function, (bytes_spec(),))}

    def expected(self, outputs, tolerance):
        """See `tfobj.serving.answers`; also `clear` [B,H,W], where the labels cannot be others."""
        expected = {name: np.asarray(outputs[name]) for name in self.FLOATS if name in outputs}
        masks = expected["masks"]
        expected["segmentation"] = np.argmax(masks, axis=1)
        expected["segmentation_thresholded"] = visualisation.threshold_segmentation(masks, self._threshold,
                                                                                   self._background_slot)
        ranked = np.sort(np.concatenate([np.zeros_like(masks[:, :1]), masks], axis=1), axis=1)  # [B,K+1,H,W]
        distinct = ranked[:, -1] - ranked[:, -2] > 2 * tolerance
        expected["clear"] = distinct & (np.abs(ranked[:, -1] - self._threshold) > tolerance)  # [B,H,W]
        return expected

    def difference(self, output, found, expected, sizes=None):
        """Relative difference of floats; of labels the largest share over the images of clear pixels that differ.

        Args:
            output: str. Name of the output, an integer map or PNG files.
            found: uint8 [B,H,W] or bytes [B].
            expected: See `expected`.
            sizes: List of (height, width), one per PNG, or None for the model's size.
        """
        if output in self.FLOATS:
            return relative_difference(found, expected[output])
        wanted, clear = expected[output.removesuffix("_png_bytes")], expected["clear"]
        if len(found) != len(wanted):
            return float("inf")
        largest = 0.0
        for index, labels in enumerate(found):
            if output.endswith("_png_bytes"):
                labels = np.asarray(Image.open(io.BytesIO(labels)))
            size = sizes[index] if sizes else wanted.shape[1:]
            if labels.shape != tuple(size):
                return float("inf")
            differs = (labels != _resize(wanted[index], size)) & _resize(clear[index], size)
            largest = max(largest, float(np.mean(differs)))
        return largest


def _to_png(labels):
    return tf.io.encode_png(labels[..., None])  # [B,H,W,1] -> [B]


def _to_sized_png(labels, sizes):
    """Labels uint8 [B,H,W], each resized to its row of `sizes` int32 [B,2], as PNG files [B]."""
    return tf.map_fn(lambda entry: _to_png(preprocessing.map_back(*entry)), (labels, sizes),
                     fn_output_signature=tf.TensorSpec((), tf.string))


def _resize(array, size):
    """Nearest neighbour with half-pixel centres, [H,W] -> [height,width]."""
    rows, columns = ((2 * np.arange(new) + 1) * old // (2 * new) for old, new in zip(array.shape, size))
    return array[rows[:, None], columns]
