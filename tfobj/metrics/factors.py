"""Factor regression (IODINE, Section 4.1 and Figure 5): how much a linear layer reads from latents about the objects.

Letters: B images, L entities with the background as the first, K slots, D size of a latent, M outputs of the layer.
"""

import dataclasses

from keras import ops

from tfobj.metrics import segmentation

CATEGORICAL, SCALAR, ANGLE = "categorical", "scalar", "angle"


@dataclasses.dataclass(frozen=True)
class Factor:
    """A property of objects and how it is regressed.

    Attributes:
        name: str.
        kind: str. `CATEGORICAL`: logits and cross entropy; `SCALAR`: squared error; `ANGLE`: cosine and sine of an
            angle in radians, squared error.
        size: int. Number of classes, the background's included, or of dimensions.
    """

    name: str
    kind: str
    size: int

    @property
    def num_outputs(self):
        """int, outputs of the linear layer for this factor."""
        return 2 * self.size if self.kind == ANGLE else self.size


def match_slots(true, masks, num_entities):
    """Gives every entity the slot whose mask covers most of it; several entities may share a slot.

    Args:
        true: int [B,...], label map; 0 is background, 255 is ignored.
        masks: float [B,K,...], soft masks.
        num_entities: int L, the background included.

    Returns:
        Tuple of the slots, int32 [B,L], the lowest index on ties, and bool [B,L], whether an entity has a pixel at all.
    """
    batch, num_slots = ops.shape(true)[0], masks.shape[1]
    entities = ops.reshape(segmentation.masks_one_hot(true, num_entities), (batch, -1, num_entities))  # [B,N,L]
    masks = ops.cast(ops.reshape(masks, (batch, num_slots, -1)), "float32")  # [B,K,N]
    overlaps = ops.matmul(masks, entities)  # [B,K,L]
    return segmentation.labels_of(overlaps), ops.any(entities > 0.0, axis=1)


def slots_of_entities(slots, match):
    """The latents of matched slots: [B,K,D] and int [B,L] -> [B,L,D]."""
    return ops.take_along_axis(slots, match[..., None], axis=1)


def split_outputs(outputs, factors):
    """Cuts the outputs of the layer, [..., M], by factor: dict name -> [..., num_outputs], in the order of `factors`.
    """
    parts, first = {}, 0
    for factor in factors:
        parts[factor.name] = outputs[..., first:first + factor.num_outputs]
        first += factor.num_outputs
    return parts


def regression_targets(values, factor):
    """What the outputs of a factor that is no class are compared with: float [..., size] -> [..., num_outputs]."""
    return ops.concatenate([ops.cos(values), ops.sin(values)], axis=-1) if factor.kind == ANGLE else values


def factor_errors(outputs, targets, factors):
    """Error of every entity.

    Args:
        outputs: Float [B,L,M], those of the layer on the latents of matched slots.
        targets: dict from the name of a factor to int [B,L], classes, or float [B,L,size], numbers or angles.
        factors: Sequence of `Factor`.

    Returns:
        dict name -> float [B,L]: cross entropy, or the sum of squared errors over the outputs.
    """
    errors, parts = {}, split_outputs(outputs, factors)
    for factor in factors:
        predicted, true = parts[factor.name], targets[factor.name]
        if factor.kind == CATEGORICAL:
            right = ops.take_along_axis(predicted, ops.cast(true, "int32")[..., None], axis=-1)[..., 0]
            errors[factor.name] = ops.logsumexp(predicted, axis=-1) - right
        else:
            errors[factor.name] = ops.sum(ops.square(predicted - regression_targets(true, factor)), axis=-1)
    return errors


def total_error(errors, visible):
    """The training loss: sum over factors and visible entities over the number of visible entities.

    Args:
        errors: dict name -> float [B,L].
        visible: Float [B,L], 1 or 0.

    Returns:
        Float scalar.
    """
    return sum(ops.sum(error * visible) for error in errors.values()) / ops.maximum(ops.sum(visible), 1.0)


def accuracy(logits, classes, counted):
    """Share of right classes among the entities that count.

    Args:
        logits: Float [...,C].
        classes: int [...].
        counted: Float [...], 1 or 0.

    Returns:
        Float scalar; 0 where nothing counts.
    """
    right = ops.equal(ops.cast(ops.argmax(logits, axis=-1), "int32"), ops.cast(classes, "int32"))
    return ops.sum(ops.cast(right, counted.dtype) * counted) / ops.maximum(ops.sum(counted), 1.0)


def r_squared(predicted, true, counted):
    """Share of the variance that is explained, per dimension: 1 - sum (error^2) / sum ((true - mean)^2).

    Args:
        predicted: Float [...,C].
        true: Float [...,C].
        counted: Float [...], 1 or 0: visible objects.

    Returns:
        Float [C], at most 1; NaN for a dimension that does not vary.
    """
    unexplained, variance, number = _squares(predicted, true, counted)
    varies = variance > 0.0
    score = 1.0 - unexplained / ops.where(varies, number * variance, ops.ones_like(variance))
    return ops.where(varies, score, float("nan") * ops.ones_like(score))


def reference_r_squared(predicted, true, visible):
    """The score of the IODINE code, for comparison alone: entities that are not visible count as perfect.

    Args:
        predicted: Float [B,L,C].
        true: Float [B,L,C].
        visible: Float [B,L], 1 or 0. At least two entities are visible.

    Returns:
        Float scalar, the mean over entities, visible or not, and dimensions of 1 - error^2 / unbiased variance.
    """
    unexplained, variance, number = _squares(predicted, true, visible)
    num_entities = ops.cast(ops.size(visible), unexplained.dtype)
    return ops.mean(1.0 - unexplained / (variance * number / (number - 1.0)) / num_entities)


def _squares(predicted, true, counted):
    """Sum of squared errors [C], population variance of the true values [C], and the number counted."""
    axes, weights = tuple(range(len(counted.shape))), counted[..., None]
    number = ops.sum(counted)
    mean = ops.sum(true * weights, axis=axes) / ops.maximum(number, 1.0)
    variance = ops.sum(ops.square(true - mean) * weights, axis=axes) / ops.maximum(number, 1.0)
    return ops.sum(ops.square(predicted - true) * weights, axis=axes), variance, number
