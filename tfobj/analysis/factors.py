"""Factor regression (IODINE, Section 4.1 and Figure 5): is what an object is linearly decodable from its slot?"""

import numpy as np
from keras import ops

from tfobj import charts
from tfobj import tiles
from tfobj.analysis import factor_table
from tfobj.analysis import image_scores
from tfobj.analysis.finding import Finding
from tfobj.analysis.linear_probe import LinearProbe
from tfobj.errors import UserError
from tfobj.metrics import factors as factor_metrics
from tfobj.metrics.factors import CATEGORICAL


def analyse(opened, options, countdown):
    """Trains a linear layer on the first training images and tests it on the examples.

    Every true entity, the background included, gets the slot whose soft mask covers most of it; one layer, shared by
    all slots, predicts its factors. A model with a single slot has no slot per object: there a layer predicts the
    factors of all objects at once, sorted by size, material, shape and position.

    Args:
        opened: See `tfobj.analysis`.
        options: `FactorsOptions`.
        countdown: See `tfobj.analysis`.

    Returns:
        `Finding`; its result holds `matching`, `train_examples`, `probe_loss` (mean of the last tenth of the steps)
        and `factors`, a dict from factor to `accuracy` over visible objects, `accuracy_with_background` (with slots)
        and `chance`, the share of the most frequent class, or to `r_squared`, over visible objects and averaged over
        the dimensions that vary, null where none does.

    Raises:
        UserError: the data lack masks or factors.
    """
    single = int(opened.about()["num_slots"]) == 1
    if not opened.source.has_factors or not (single or opened.source.has_masks):
        raise UserError(f"--analysis=factors: --dataset={opened.data_config.dataset} "
                        f"({opened.data_config.dataset_config}) does not store masks and properties of its objects")
    limits = (options.probe_examples, opened.data_config.num_train_examples or options.probe_examples)
    train_input = opened.inputs("train", min(limits))
    train, test = (_Encoded(opened, inputs, single, countdown(f"encoded, {name},", "batches"))
                   for name, inputs in (("training", train_input), ("test", opened.examples)))
    columns = factor_table.columns(opened.data_config, train.described, opened.source.class_names)
    probe = LinearProbe([column.factor for column in columns], opened.engine)
    probe.fit(train.latents, train.targets(columns), train.visible, options, countdown("trained the probe", "steps"))
    predicted = probe.predict(test.latents, test.visible.shape[1])
    scores = {column.factor.name: _scores(column.factor, predicted, test.targets(columns), test.visible, single)
              for column in columns}
    result = {"matching": "canonical order" if single else "overlap", "train_examples": train_input.num_examples,
              "probe_loss": float(np.mean(probe.losses[-max(1, len(probe.losses) // 10):])), "factors": scores}
    return Finding(result, _table(scores), _picture(scores))


class _Encoded:
    """Latents of a set of images, with what the objects are.

    Attributes:
        latents: float [n,L,D], those of the matched slots, or [n,D] of a single slot.
        visible: bool [n,L], the background first.
        described: See `factor_table.columns`; of a single slot, the objects are in canonical order.
    """

    def __init__(self, opened, inputs, single, report):
        self.described = inputs.factors()
        values = opened.map(_values_of(opened, single), inputs, report)
        self.latents, self.visible = values["latents"], self.described["visibility"]
        if single:
            self.described = _sorted(self.described, factor_table.canonical_order(self.described))
            self.visible = self.described["visibility"] & (np.arange(self.visible.shape[1]) > 0)
        else:
            self.visible = self.visible & values["present"].astype(bool)

    def targets(self, columns):
        """Dict from factor to its values, see `factor_table.targets`."""
        return {column.factor.name: factor_table.targets(column, self.described) for column in columns}


def _values_of(opened, single):
    """Function for `OpenedRun.map`."""
    def values_of(batch, outputs):
        latents = image_scores.representation(outputs)
        if single:
            return {"latents": latents[:, 0]}
        # Objects that the crop of the images leaves nothing of are not visible, whatever the data say.
        true = opened.shown(batch)["mask"]
        match, present = factor_metrics.match_slots(true, outputs["masks"], opened.max_objects + 1)
        return {"latents": factor_metrics.slots_of_entities(latents, match), "present": ops.cast(present, "int32")}

    return values_of


def _sorted(described, order):
    visibility = described["visibility"]
    objects = {name: np.take_along_axis(values, order.reshape(*order.shape, *(1,) * (values.ndim - 2)), axis=1)
               for name, values in described["objects"].items()}
    exists = np.take_along_axis(visibility[:, 1:], order, axis=1)
    return {"visibility": np.concatenate([visibility[:, :1], exists], axis=1), "objects": objects}


def _scores(factor, predicted, targets, visible, single):
    """Scores of one factor, see `analyse`."""
    outputs, true = predicted[factor.name], targets[factor.name]
    counted = visible.astype(np.float32)
    objects = counted * (np.arange(visible.shape[1]) > 0).astype(np.float32)
    if factor.kind != CATEGORICAL:
        wanted = np.asarray(factor_metrics.regression_targets(true, factor))
        score = np.asarray(factor_metrics.r_squared(outputs.astype(np.float32), wanted, objects))
        return {"r_squared": float(np.nanmean(score)) if np.isfinite(score).any() else None}
    classes = true[objects > 0.0]
    most = np.bincount(classes[classes >= 0], minlength=1).max()
    scores = {"accuracy": float(factor_metrics.accuracy(outputs, true, objects)),
              "chance": float(most / max(len(classes), 1))}
    return scores if single else {
        **scores, "accuracy_with_background": float(factor_metrics.accuracy(outputs, true, counted))}


def _table(scores):
    lines = []
    for name, values in scores.items():
        if "r_squared" in values:
            lines.append(f"{name:<14}R^2 {_number(values['r_squared']):.4f}")
            continue
        more = f", {values['accuracy_with_background']:.4f} with the background" if len(values) > 2 else ""
        lines.append(f"{name:<14}accuracy {values['accuracy']:.4f} (chance {values['chance']:.4f}{more})")
    return "\n".join(lines)


def _picture(scores):
    heights = [_number(values.get("accuracy", values.get("r_squared"))) for values in scores.values()]
    names = [f"{name} (R2)" if "r_squared" in values else name for name, values in scores.items()]
    size = (280, 80 + 90 * len(names))
    return tiles.frame(charts.bar_chart("accuracy or R2 of a linear layer, held-out objects", heights, names, size))


def _number(score):
    """A score, NaN where it is undefined."""
    return float("nan") if score is None else score
