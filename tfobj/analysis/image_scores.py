"""Scores of single images, after every iteration where a model gives them, and how a set of images spreads.

Scores: `ari_fg`, the foreground adjusted Rand index, where there is ground truth; `mse` in [0,1]; `kl` and `nll` in
nats, where the model has them, the KL divergence summed over slots.
"""

import numpy as np
from keras import ops

from tfobj.metrics import segmentation
from tfobj.metrics.reconstruction import mse_mean
from tfobj.training.arrays import unit_range

TITLES = {"ari_fg": "foreground ARI", "mse": "MSE", "kl": "KL (nats)", "nll": "NLL (nats)"}


def kl_of_slots(outputs):
    """KL divergence of every slot after the last iteration, float [B,K], from a model's outputs; None if not there."""
    kl = _last(outputs, "kl")
    return kl if kl is not None and len(kl.shape) == 2 else None


def _last(outputs, name):
    """An output after the last iteration; None if it is not there."""
    return outputs[f"iteration_{name}"][:, -1] if f"iteration_{name}" in outputs else outputs.get(name)


def representation(outputs):
    """What a model knows of every slot, float [B,K,D]: the latents that it decodes where there are any, else slots."""
    return outputs["latents"] if "latents" in outputs else outputs["slots"]


def last_scores(opened, **overrides):
    """Returns a function for `OpenedRun.map`: scores [B] of what the model returns in the end.

    Args:
        opened: `tfobj.training.opened_run.OpenedRun`.
        **overrides: Those of the call of `map`.
    """
    def values_of(batch, outputs):
        stacked = {f"iteration_{name}": outputs[name][:, None] for name in ("reconstruction", "masks")}
        if (nll := _last(outputs, "nll")) is not None:
            stacked["iteration_nll"] = nll[:, None]
        if (kl := kl_of_slots(outputs)) is not None:
            stacked["iteration_kl"] = kl[:, None]
        scores = _scores([opened.shown(batch, **overrides)], stacked, opened.max_objects)
        return {name: score[:, 0] for name, score in scores.items()}

    return values_of


def iteration_scores(opened):
    """Returns a function for `OpenedRun.map`: scores [B,T+1], one column per iteration; argument as `last_scores`."""
    def values_of(batch, outputs):
        frames = [opened.shown(batch, num_iterations=step) for step in range(outputs["iteration_masks"].shape[1])]
        return _scores(frames, outputs, opened.max_objects)

    return values_of


def _scores(frames, outputs, max_objects):
    """Scores [B,T] of stacked outputs against the `image` and `mask` of each of T frames, a list of dicts."""
    scores = {"mse": ops.stack([mse_mean(unit_range(frame["image"]), outputs["iteration_reconstruction"][:, step])
                                for step, frame in enumerate(frames)], axis=1)}
    if "iteration_kl" in outputs:
        scores["kl"] = ops.sum(outputs["iteration_kl"], axis=2)
    if "iteration_nll" in outputs:
        scores["nll"] = outputs["iteration_nll"]
    if max_objects is not None and "mask" in frames[0]:
        scores["ari_fg"] = ops.stack([segmentation.adjusted_rand_index(
            frame["mask"], outputs["iteration_masks"][:, step], max_objects + 1, ignore_background=True)
            for step, frame in enumerate(frames)], axis=1)
    return scores


def quartiles(values):
    """Mean, median and quartiles over images: [N,...] -> dict of lists, or of floats where there is one axis."""
    low, median, high = np.percentile(np.asarray(values, np.float64), (25, 50, 75), axis=0)
    parts = {"mean": np.mean(values, axis=0, dtype=np.float64), "median": median, "lower_quartile": low,
             "upper_quartile": high}
    return {name: value.tolist() for name, value in parts.items()}


def whiskers(values):
    """Ends of a box plot's whiskers: the outermost of [N] within 1.5 times the box beyond its edges (Tukey 1977)."""
    low, high = np.percentile(values, (25, 75))
    reach = 1.5 * (high - low)
    inside = values[(values >= low - reach) & (values <= high + reach)]
    return float(inside.min()), float(inside.max())


def table(corner, labels, rows):
    """Median and quartiles as text.

    Args:
        corner: str. Heading of the labels.
        labels: Sequence, one per row.
        rows: Sequence of dicts from score to what `quartiles` returns for one axis.

    Returns:
        str, a heading and a line per row.
    """
    names = list(rows[0])
    cells = [["{median:.4g} [{lower_quartile:.4g}, {upper_quartile:.4g}]".format(**row[name]) for name in names]
             for row in rows]
    width = max(len(text) for text in (*names, *sum(cells, []))) + 3
    lines = [f"{corner:<10}" + "".join(f"{name:>{width}}" for name in names) + "   median [quartiles] over images"]
    lines += [f"{label:<10}" + "".join(f"{cell:>{width}}" for cell in line) for label, line in zip(labels, cells)]
    return "\n".join(lines)
