"""What models that predict sets answer: objects with confidences and the names of their properties.

See `tfobj.serving.answers`.
"""

import numpy as np
import tensorflow as tf

from tfobj import properties
from tfobj.serving.answers import relative_difference


class SetAnswers:
    """See the module.

    Args:
        model: Built `SetPredictor` in float32.
        options: `ServingOptions`.
    """

    HAS_THRESHOLD = False
    FLOATS = ("predictions", "confidence", "coordinates", "slots")
    MEANINGS = {
        "predictions": "One object per slot, 19 numbers: place as (c + 3) / 6 of the coordinates, scores of the "
                       "classes of size, material, shape and color, the largest being the most likely, and confidence. In "
                       "[0, 1], but for those of DSPN, which are not clipped and may lie outside, except for the "
                       "confidence.",
        "confidence": "How sure the model is that the slot has an object, [0, 1]; the last of `predictions`.",
        "coordinates": "Place of the object, x, y and z in the units of CLEVR, [-3, 3]; of DSPN also beyond.",
        "slots": "Object representations, one vector per slot.",
        **{factor: f"Most likely {factor} of the object: {', '.join(names)}."
           for factor, names in properties.CLASSES.items()},
    }

    def __init__(self, model, options):
        del model, options

    def tensors(self, outputs):
        """See `tfobj.serving.answers`."""
        predictions = outputs["predictions"]  # [B,K,19]
        coordinates = (predictions[..., properties.COORDINATES] - 0.5) * properties.COORDINATE_RANGE
        return {"predictions": predictions, "confidence": predictions[..., properties.PRESENCE],
                "coordinates": coordinates, "slots": outputs["slots"]}

    def published(self, tensors):
        """Adds the names of the classes."""
        names = {factor: tf.gather(tf.constant(names), tf.argmax(
            tensors["predictions"][..., properties.COLUMNS[factor]], axis=-1, output_type=tf.int32))
            for factor, names in properties.CLASSES.items()}
        return {**tensors, **names}

    def more_signatures(self, predict, constants):
        """None."""
        del predict, constants
        return {}

    def expected(self, outputs, tolerance):
        """See `tfobj.serving.answers`; also `clear_<factor>` [B,K], where the class cannot be another."""
        rows = np.asarray(outputs["predictions"])
        expected = {"predictions": rows, "slots": np.asarray(outputs["slots"]),
                    "confidence": rows[..., properties.PRESENCE],
                    "coordinates": (rows[..., properties.COORDINATES] - 0.5) * properties.COORDINATE_RANGE}
        for factor, names in properties.CLASSES.items():
            code = rows[..., properties.COLUMNS[factor]]
            ranked = np.sort(code, axis=-1)
            expected[factor] = np.array(names)[code.argmax(axis=-1)]
            expected[f"clear_{factor}"] = ranked[..., -1] - ranked[..., -2] > 2 * tolerance * np.abs(rows).max()
        return expected

    def difference(self, output, found, expected, sizes=None):
        """Relative difference of floats; of names the share of clear ones that differ."""
        del sizes
        if output in self.FLOATS:
            return relative_difference(found, expected[output])
        if np.shape(found) != expected[output].shape:
            return float("inf")
        words = np.array([word.decode() if isinstance(word, bytes) else word for word in np.ravel(found)])
        differs = words.reshape(expected[output].shape) != expected[output]
        return float(np.mean(differs & expected[f"clear_{output}"]))
