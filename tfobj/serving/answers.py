"""What a served model answers depends on its task (`tfobj.tasks`): one class for each.

Answers are made with a model and `ServingOptions` and have

* `HAS_THRESHOLD`: bool, whether the answer depends on that of the options;
* `FLOATS`: names of the tensors that are float; `MEANINGS`: dict from the name of every tensor to a sentence;
* `tensors(outputs)`: the answer that every runtime can import, dict of TensorFlow tensors [B, ...], from what the model
  returned; `published(tensors)`: the same with what takes strings;
* `more_signatures(predict, constants)`: dict from name to `tfobj.serving.signatures.Signature` of further endpoints;
* `expected(outputs, tolerance)`: the same once more with NumPy, for `tfobj.serving.verify`, and what
  `difference(output, found, expected, sizes)` takes besides: how far a tensor is from it, infinite for another shape.
"""

import numpy as np

from tfobj import registry

_CLASSES = {"object_discovery": "tfobj.serving.object_answers:ObjectAnswers",
            "set_prediction": "tfobj.serving.set_answers:SetAnswers"}


def answers_of(model, options):
    """The answers of a model with some `ServingOptions`."""
    return registry.load(_CLASSES[model.task])(model, options)


def relative_difference(found, expected):
    """Largest absolute difference over the largest absolute expected value; infinite for NaN or another shape."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    if found.shape != expected.shape:
        return float("inf")
    scale = np.max(np.abs(expected), initial=0.0) or 1.0
    difference = np.max(np.abs(found - expected), initial=0.0) / scale
    return float(difference) if np.isfinite(difference) else float("inf")
