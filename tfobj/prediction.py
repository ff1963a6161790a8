"""Objects in photos: runs a model on images of any size and writes segmentations, cut-outs and slots."""

import json
import os
import re
import tempfile

import numpy as np

from tfobj import earlier_predictions
from tfobj import photos
from tfobj import visualisation
from tfobj.data import preprocessing
from tfobj.errors import UserError
from tfobj.noise import example_noise

_OVERVIEW_IMAGES = 24


class Predictor:
    """Runs a model on photos. An image gets the same answer whatever other images there are.

    One by one the answer is the same to the last bit; in larger batches kernels may sum in another order, which changes
    about the seventh digit.

    Args:
        model: Built `tfobj.models.object_model.ObjectModel`.
        options: `tfobj.serving.options.ServingOptions`: slots, iterations, threshold and the seed of the noise, which
            is the same for every image, as in an export.
        batch_size: int. Photos per pass. Defaults to `1`; more are faster on a GPU.

    Raises:
        UserError: an option that cannot work.
    """

    def __init__(self, model, options, batch_size=1):
        options.check_model(model)
        if batch_size < 1:
            raise UserError(f"--batch_size={batch_size}: expected at least 1")
        self.options, self.batch_size, self.background_slot = options, batch_size, model.background_slot
        self._model = model
        self._noise = example_noise(options.noise_spec(model), options.noise_seed, [0] * batch_size)

    def __call__(self, images):
        """Finds the objects in up to `batch_size` photos.

        Args:
            images: Sequence of uint8 [h,w,c] arrays of any sizes.

        Returns:
            List of dicts, one per photo, at the model's resolution except where noted:
                image: float32 [H,W,C], what the model saw.
                reconstruction [H,W,C], masks [K,H,W], components [K,H,W,C], slots [K,D]: float32.
                segmentation: uint8 [H,W]. k + 1 where slot k has the largest mask and that exceeds the threshold,
                    else 0.
                photo_segmentation: uint8 [h,w], the same at the photo's size.

        Raises:
            UserError: the model's output is not finite.
        """
        inputs = np.stack([preprocessing.fit_image(image, self._model.image_shape).numpy() for image in images])
        noise = {name: value[:len(images)] for name, value in self._noise.items()}
        outputs = self._model(inputs, noise=noise, num_slots=self.options.num_slots,
                              num_iterations=self.options.num_iterations)
        outputs = {name: np.asarray(outputs[name]) for name in ("reconstruction", "masks", "components", "slots")}
        if not all(np.isfinite(value).all() for value in outputs.values()):
            raise UserError("the model's output is not finite: its training diverged; predict with another --run_dir")
        return [self._prediction(index, inputs[index], photo, outputs) for index, photo in enumerate(images)]

    def _prediction(self, index, image, photo, outputs):
        row = {name: value[index] for name, value in outputs.items()}
        ids = visualisation.threshold_segmentation(row["masks"], self.options.threshold, self.background_slot)
        ids = ids.astype(np.uint8)
        photo_ids = preprocessing.map_back(ids, photo.shape[:2]).numpy()
        return {"image": image, **row, "segmentation": ids, "photo_segmentation": photo_ids}


def prepare_out(out):
    """Creates the output directory and makes sure that files can be written there.

    Raises:
        UserError: they cannot.
    """
    try:
        os.makedirs(out, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise UserError(f"--out={out} cannot be written ({error.strerror}); choose another directory") from None


def predict(predictor, paths, out, about, report=None, tell=print):
    """Predicts every image and writes the results in place of those of an earlier call, which its index lists.

    Per image NAME: `NAME_segmentation.png` (palette PNG of ids), `NAME_overlay.png`, `NAME_slots/slot_1.png` ...
    (cut-outs with transparency; the number is the id), all at the photo's size, and `NAME.npz` (slots, masks,
    reconstruction, segmentation at the model's size). For all: `overview.png`, the first images with their slots, and,
    written last, `predictions.json`, the index.

    Args:
        predictor: `Predictor`.
        paths: Sequence of str that passed `photos.check`.
        out: str. Directory that passed `prepare_out`.
        about: Dict of JSON values that the index repeats (run, step, options).
        report: Callable (images done, images in all) or None.
        tell: Callable that takes a line of text.

    Returns:
        The index, a dict; `images` holds one entry per image.

    Raises:
        UserError: an image changed since it was checked or is itself a result of the earlier call, the model diverged,
            or a file cannot be written.
    """
    entries, shown, names = [], [], photos.names(paths)
    replaced = _guarded(out, earlier_predictions.remove, out, paths)
    if replaced:
        tell(f"--out={out} held the results of an earlier call for {replaced} image{'s' * (replaced > 1)}, listed in "
             f"its {earlier_predictions.INDEX}: they are replaced")
    for start in range(0, len(paths), predictor.batch_size):
        batch = [photos.read(path) for path in paths[start:start + predictor.batch_size]]
        for photo, prediction in zip(batch, predictor(batch)):
            entry = _guarded(out, write, out, names[len(entries)], photo, prediction)
            entries.append({"image": paths[len(entries)], **entry})
            if len(shown) < _OVERVIEW_IMAGES:
                shown.append(prediction)
        if report is not None:
            report(len(entries), len(paths))
    index = {**about, "overview": "overview.png", "images": entries}
    _guarded(out, _finish, out, index, shown, predictor)
    return index


def write(out, name, photo, prediction):
    """Writes the files of one image.

    Args:
        out: str. Existing directory.
        name: str, unique in `out`.
        photo: uint8 [h,w,c].
        prediction: One entry of what `Predictor` returned.

    Returns:
        Dict for the index: file names relative to `out`, the photo's size, and pixels per slot.
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
    _replace(f"{path}.npz", lambda stream: np.savez_compressed(stream, **arrays))
    return {"height": photo.shape[0], "width": photo.shape[1], "segmentation": f"{name}_segmentation.png",
            "overlay": f"{name}_overlay.png", "arrays": f"{name}.npz", "slots": slots}


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


def _finish(out, index, shown, predictor):
    """Writes the overview and then the index."""
    outputs = {key: [row[key] for row in shown] for key in ("reconstruction", "masks", "components")}
    grid = visualisation.slot_grid([row["image"] for row in shown], outputs, threshold=predictor.options.threshold,
                                   background_slot=predictor.background_slot)
    visualisation.save_png(os.path.join(out, "overview.png"), grid)
    text = json.dumps(index, indent=2) + "\n"
    _replace(os.path.join(out, earlier_predictions.INDEX), lambda stream: stream.write(text.encode()))


def _guarded(out, action, *arguments):
    """Runs `action`; a full disk or a lost permission becomes one line for the user."""
    try:
        return action(*arguments)
    except OSError as error:
        raise UserError(f"--out={out}: {error.filename or 'a file'} cannot be written ({error.strerror or error}); "
                        "make room or choose another directory, and start again") from None


def _replace(path, write_to):
    """Writes a file under a temporary name and renames it."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as stream:
            write_to(stream)
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)
