"""The files that `tfobj.predict` writes of models that predict sets: the objects with their properties."""

import os

import numpy as np

from tfobj import file_writing
from tfobj import properties
from tfobj import visualisation
from tfobj.set_grid import set_grid


class SetFiles:
    """Per image NAME: `NAME_objects.png`, what every slot looks at and predicts, and `NAME.npz` (predictions, slots,
    attention where there is any). The objects themselves are in the index.

    Args:
        model: `SetPredictor`.
        options: `tfobj.serving.options.ServingOptions`. The threshold is the smallest confidence, exclusive, of an
            object.
    """

    outputs = ("predictions", "slots", "attention")

    def __init__(self, model, options):
        del model
        self._threshold = options.threshold

    def derived(self, row, photo):
        """The objects of one photo.

        Args:
            row: Dict of arrays, the `outputs` of one image.
            photo: uint8 [h,w,c].

        Returns:
            Dict: objects, a list of dicts as of `properties.describe` with the number of the `slot`, the most confident
            first, of those above the threshold.
        """
        del photo
        described = [{"slot": slot, **entry} for slot, entry in enumerate(properties.describe(row["predictions"]), 1)]
        sure = [entry for entry in described if entry["confidence"] > self._threshold]
        return {"objects": sorted(sure, key=lambda entry: -entry["confidence"])}

    def write(self, out, name, photo, prediction):
        """Writes the files of one image; returns a dict for the index. Arguments as of `ObjectFiles.write`."""
        del photo
        visualisation.save_png(os.path.join(out, f"{name}_objects.png"), self.overview([prediction]))
        arrays = {key: prediction[key] for key in self.outputs if key in prediction}
        file_writing.replace(os.path.join(out, f"{name}.npz"), lambda stream: np.savez_compressed(stream, **arrays))
        return {"picture": f"{name}_objects.png", "arrays": f"{name}.npz", "objects": prediction["objects"]}

    def overview(self, predictions):
        """Picture of some predictions, uint8 [height,width,3]."""
        attention = [row["attention"] for row in predictions] if "attention" in predictions[0] else None
        return set_grid([row["image"] for row in predictions], [row["predictions"] for row in predictions],
                        attention=attention)

    def told(self, entries):
        """What is said about the entries of an index: (warnings, list of str, and a str of results)."""
        found = [len(entry["objects"]) for entry in entries]
        warnings = [] if any(found) else [f"no object has a confidence above --threshold={self._threshold:g}; try a "
                                          "smaller threshold, 0 lists every slot with any confidence"]
        return warnings, f"mean_objects_found={sum(found) / len(found):.2f}"
