"""Scenes from the prior of a trained model, and the files that show them."""

import json
import os

import numpy as np

from tfobj import earlier_predictions
from tfobj import file_writing
from tfobj import registry
from tfobj import visualisation
from tfobj.errors import UserError
from tfobj.models.scene_prior import ScenePrior
from tfobj.noise import example_noise
from tfobj.scene_grid import scene_grid
from tfobj.serving.options import MAX_SLOTS

INDEX = "samples.json"
_SCENES_PER_GRID = 16
_SHOWN = ("reconstruction", "masks", "components", "segmentation")


class SceneSampler:
    """Draws the scenes 0, 1, 2, ... of a seed. Which scene a number has depends on nothing else; in batches of another
    size kernels may sum in another order, which changes about the seventh digit.

    Args:
        model: Built model.
        engine: See `tfobj.training.engine`.
        seed: int >= 0.
        num_slots: int or None. Overrides K.
        batch_size: int. Scenes per pass. Defaults to `32`.

    Attributes:
        num_slots: int. K of the scenes.

    Raises:
        UserError: the model has no prior over scenes, or an option cannot work.
    """

    def __init__(self, model, engine, seed=0, num_slots=None, batch_size=32):
        check_draws_scenes(f"model {model.name}", type(model))
        if (num_slots or model.num_slots) > MAX_SLOTS:
            raise UserError(f"--num_slots={num_slots or model.num_slots}: segmentations are written with 8 bits, which "
                            f"allows up to {MAX_SLOTS} slots; choose fewer")
        self.batch_size, self._seed = batch_size, seed
        self._spec = model.sample_noise_spec(1, num_slots)
        self.num_slots = next(iter(self._spec.values())).shape[1]
        self._draw = engine.compiled(model.sample, model)

    def batches(self, count):
        """Draws the first `count` scenes; yields dicts of arrays [B, ...] as of `ScenePrior.sample`, B the batch
        size or less.

        Raises:
            UserError: the scenes are not finite.
        """
        for start in range(0, count, self.batch_size):
            size = min(self.batch_size, count - start)
            # Always whole batches, so that one program is compiled; the surplus is dropped.
            noise = example_noise(self._spec, self._seed, range(start, start + min(self.batch_size, count)))
            scenes = {name: value[:size] for name, value in self._draw(noise).items()}
            if not all(np.isfinite(value).all() for value in scenes.values()):
                raise UserError("the model's scenes are not finite: its training diverged; sample from another "
                                "--run_dir")
            yield scenes


def check_draws_scenes(name, model_class):
    """Raises `UserError`, which begins with `name` and lists the models that can, if a class cannot draw scenes."""
    if not issubclass(model_class, ScenePrior):
        able = [model for model, entry in sorted(registry.MODELS.items())
                if issubclass(registry.load(entry.path), ScenePrior)]
        raise UserError(f"{name} has no prior over scenes to draw from; models that have one: {', '.join(able)}")


def write_scenes(sampler, out, count, about, background_slot=None, report=None, tell=print):
    """Draws scenes and writes them in place of those of an earlier call, which its index lists.

    Per scene: `scene_N.png`, and `scene_N_segmentation.png`, a palette PNG where slot k is k + 1 (a background slot 0).
    `samples_N.png` shows sixteen scenes and their layers from scene N on. Last `samples.json`, the index.

    Args:
        sampler: `SceneSampler`.
        out: str. Directory that passed `tfobj.file_writing.prepare_out`.
        count: int.
        about: Dict of JSON values that the index repeats (run, step, options).
        background_slot: int or None.
        report: Callable (scenes done, scenes in all) or None.
        tell: Callable that takes a line of text.

    Returns:
        The index, a dict.

    Raises:
        UserError: the model diverged, or a file cannot be written.
    """
    replaced = file_writing.guarded(out, earlier_predictions.remove, out, (), INDEX)
    if replaced:
        tell(f"--out={out} held {replaced} scenes of an earlier call, listed in its {INDEX}: they are replaced")
    entries, grids, waiting = [], [], []
    for scenes in sampler.batches(count):
        for row in zip(*(scenes[name] for name in _SHOWN)):
            scene = dict(zip(_SHOWN, row))
            entries.append(file_writing.guarded(out, _write_scene, out, len(entries), scene, background_slot))
            waiting.append(scene)
            if len(waiting) == _SCENES_PER_GRID or len(entries) == count:
                first = len(entries) - len(waiting)
                grids.append(file_writing.guarded(out, _write_grid, out, first, waiting, background_slot))
                waiting = []
        if report is not None:
            report(len(entries), count)
    index = {**about, "overview": grids[0], "pictures": grids, "images": entries}
    path, text = os.path.join(out, INDEX), json.dumps(index, indent=2) + "\n"
    file_writing.guarded(out, file_writing.replace, path, lambda stream: stream.write(text.encode()))
    return index


def _write_scene(out, number, scene, background_slot):
    """Writes the files of one scene; returns its entry of the index."""
    names = {"picture": f"scene_{number:05d}.png", "segmentation": f"scene_{number:05d}_segmentation.png"}
    ids = np.uint8(visualisation.slot_ids(scene["segmentation"], background_slot))
    visualisation.save_png(os.path.join(out, names["picture"]), scene["reconstruction"])
    visualisation.save_png(os.path.join(out, names["segmentation"]), ids, visualisation.palette())
    return names


def _write_grid(out, number, scenes, background_slot):
    """Writes the picture of some scenes, the first of which has a number; returns its name."""
    name = f"samples_{number:05d}.png"
    grid = scene_grid({key: np.stack([scene[key] for scene in scenes]) for key in _SHOWN}, background_slot)
    visualisation.save_png(os.path.join(out, name), grid)
    return name
