"""The files that `tfobj.predict` writes of models that find objects: segmentations, cut-outs and slots."""

import os
import re

import numpy as np

from tfobj import file_writing
from tfobj import visualisation
from tfobj.data import preprocessing


class ObjectFiles:
    """Per image NAME: `NAME_segmentation.png` (palette PNG of ids), `NAME_overlay.png`, `NAME_slots/slot_1.png` ...
    (cut-outs with transparency; the number is the id), all at the photo's size, and `NAME.npz` (slots, masks,
    reconstruction, segmentation at the model's size).

    Args:
        model: `ObjectModel`.
        options: `tfobj.serving.options.ServingOptions`.
    """

    outputs = ("reconstruction", "masks", "components", "slots")

    def __init__(self, model, options):
        self._threshold, self._background_slot = options.threshold, model.background_slot

    def derived(self, row, photo):
        """What follows from the outputs for one photo.

        Args:
            row: Dict of arrays, the `outputs` of one image.
            photo: uint8 [h,w,c].

        Returns:
            Dict: segmentation, uint8 [H,W], k + 1 where slot k has the largest mask and that exceeds the threshold,
                else 0; photo_segmentation, uint8 [h,w], the same at the photo's size.
        """
        ids = visualisation.threshold_segmentation(row["masks"], self._threshold, self._background_slot)
        ids = ids.astype(np.uint8)
        return {"segmentation": ids, "photo_segmentation": preprocessing.map_back(ids, photo.shape[:2]).numpy()}

    def write(self, out, name, photo, prediction):
        """Writes the files of one image.

        Args:
            out: str. Existing directory.
            name: str, unique in `out`.
            photo: uint8 [h,w,c].
            prediction: One entry of what `Predictor` returned.

        Returns:
            Dict for the index: file names relative to `out`, and pixels per slot.
        """
        path, ids = os.path.join(out, name), prediction["photo_segmentation"]
        visualisation.save_png(f"{path}_segmentation.png", ids, visualisation.palette())
        visualisation.save_png(f"{path}_overlay.png", visualisation.overlay(photo, ids))
        num_slots, rgb = len(prediction["slots"]), visualisation.to_rgb(photo)
        _prepare_slots(f"{path}_slots", num_slots)
        slots = []
        for slot in range(1, num_slots + 1):
            visualisation.save_png(f"{path}_slots/slot_{slot}.png", _cut_out(rgb, ids == slot))
            slots.append({"id": slot, "pixels": int((ids == slot).sum()), "cut_out": f"{name}_slots/slot_{slot}.png"})
        arrays = {key: prediction[key] for key in ("slots", "masks", "reconstruction", "segmentation")}
        file_writing.replace(f"{path}.npz", lambda stream: np.savez_compressed(stream, **arrays))
        return {"segmentation": f"{name}_segmentation.png", "overlay": f"{name}_overlay.png",
                "arrays": f"{name}.npz", "slots": slots}

    def overview(self, predictions):
        """Picture of some predictions, uint8 [height,width,3]."""
        outputs = {key: [row[key] for row in predictions] for key in ("reconstruction", "masks", "components")}
        return visualisation.slot_grid([row["image"] for row in predictions], outputs, threshold=self._threshold,
                                       background_slot=self._background_slot)

    def told(self, entries):
        """What is said about the entries of an index: (warnings, list of str, and a str of results)."""
        found = [sum(slot["pixels"] > 0 for slot in entry["slots"]) for entry in entries]
        warnings = [] if any(found) else [
            f"no slot owns a pixel above --threshold={self._threshold:g}: every segmentation is background; try a "
            "smaller threshold, 0 assigns every pixel"]
        return warnings, f"mean_slots_found={sum(found) / len(found):.2f}"


def _prepare_slots(folder, num_slots):
    """Creates the directory of the cut-outs and removes those that an interrupted call with more slots has left."""
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        match = re.fullmatch(r"slot_(\d+)\.png", name)
        if match and int(match[1]) > num_slots:
            os.remove(os.path.join(folder, name))


def _cut_out(rgb, inside):
    """The pixels of one object on transparency, uint8 [h,w,4]; invisible pixels are black, which compresses well."""
    return np.concatenate([rgb * inside[..., None], np.uint8(255) * inside[..., None]], axis=-1).astype(np.uint8)
