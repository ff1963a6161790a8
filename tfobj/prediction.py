"""Objects in photos: runs a model on images of any size and writes what it found."""

import json
import os

import numpy as np

from tfobj import earlier_predictions
from tfobj import file_writing
from tfobj import photos
from tfobj import registry
from tfobj import visualisation
from tfobj.data import preprocessing
from tfobj.errors import UserError
from tfobj.noise import example_noise

_OVERVIEW_IMAGES = 24
_FILES = {"object_discovery": "tfobj.object_files:ObjectFiles", "set_prediction": "tfobj.set_files:SetFiles"}


class Predictor:
    """Runs a model on photos. An image gets the same answer whatever other images there are.

    One by one the answer is the same to the last bit; in larger batches kernels may sum in another order, which changes
    about the seventh digit.

    Args:
        model: Built `tfobj.models.slot_model.SlotModel`.
        options: `tfobj.serving.options.ServingOptions`: slots, iterations, threshold and the seed of the noise, which
            is the same for every image, as in an export.
        batch_size: int. Photos per pass. Defaults to `1`; more are faster on a GPU.

    Attributes:
        files: What writes the results, by the model's task: `tfobj.object_files.ObjectFiles` or
            `tfobj.set_files.SetFiles`.

    Raises:
        UserError: an option that cannot work.
    """

    def __init__(self, model, options, batch_size=1):
        options.check_model(model)
        if batch_size < 1:
            raise UserError(f"--batch_size={batch_size}: expected at least 1")
        self.options, self.batch_size, self._model = options, batch_size, model
        self.files = registry.load(_FILES[model.task])(model, options)
        self._noise = example_noise(options.noise_spec(model), options.noise_seed, [0] * batch_size)

    def __call__(self, images):
        """Finds the objects in up to `batch_size` photos.

        Args:
            images: Sequence of uint8 [h,w,c] arrays of any sizes.

        Returns:
            List of dicts, one per photo: image, float32 [H,W,C], what the model saw; the `outputs` of the files, and
            what is `derived` from them.

        Raises:
            UserError: the model's output is not finite.
        """
        inputs = np.stack([preprocessing.fit_image(image, self._model.image_shape, self.options.antialias).numpy()
                           for image in images])
        noise = {name: value[:len(images)] for name, value in self._noise.items()}
        outputs = self._model(inputs, noise=noise, num_slots=self.options.num_slots,
                              num_iterations=self.options.num_iterations)
        outputs = {name: np.asarray(outputs[name]) for name in self.files.outputs if name in outputs}
        if not all(np.isfinite(value).all() for value in outputs.values()):
            raise UserError("the model's output is not finite: its training diverged; predict with another --run_dir")
        rows = [{name: value[index] for name, value in outputs.items()} for index in range(len(images))]
        return [{"image": image, **row, **self.files.derived(row, photo)}
                for image, row, photo in zip(inputs, rows, images)]


def predict(predictor, paths, out, about, report=None, tell=print):
    """Predicts every image and writes the results in place of those of an earlier call, which its index lists.

    Per image: what `predictor.files` says. For all: `overview.png`, the first images with their slots, and, written
    last, `predictions.json`, the index.

    Args:
        predictor: `Predictor`.
        paths: Sequence of str that passed `photos.check`.
        out: str. Directory that passed `file_writing.prepare_out`.
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
    replaced = file_writing.guarded(out, earlier_predictions.remove, out, paths)
    if replaced:
        tell(f"--out={out} held the results of an earlier call for {replaced} image{'s' * (replaced > 1)}, listed in "
             f"its {earlier_predictions.INDEX}: they are replaced")
    for start in range(0, len(paths), predictor.batch_size):
        batch = [photos.read(path) for path in paths[start:start + predictor.batch_size]]
        for photo, prediction in zip(batch, predictor(batch)):
            entry = file_writing.guarded(out, predictor.files.write, out, names[len(entries)], photo, prediction)
            entries.append({"image": paths[len(entries)], "height": photo.shape[0], "width": photo.shape[1], **entry})
            if len(shown) < _OVERVIEW_IMAGES:
                shown.append(prediction)
        if report is not None:
            report(len(entries), len(paths))
    index = {**about, "overview": "overview.png", "images": entries}
    file_writing.guarded(out, _finish, out, index, shown, predictor.files)
    return index


def _finish(out, index, shown, files):
    """Writes the overview and then the index."""
    visualisation.save_png(os.path.join(out, "overview.png"), files.overview(shown))
    text = json.dumps(index, indent=2) + "\n"
    file_writing.replace(os.path.join(out, earlier_predictions.INDEX), lambda stream: stream.write(text.encode()))
