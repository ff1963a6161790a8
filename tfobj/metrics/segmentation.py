"""Adjusted Rand index of label maps, per image (metrics of the multi-object literature; Hubert and Arabie 1985).

Letters: B images, N pixels in any trailing shape, n_ij pixels of true label i and predicted label j, a_i and b_j its
margins, C2(x) = x (x - 1). All counts are exact integers; label 255 and every label outside its range is a pixel that
does not count.
"""

import keras
from keras import ops

from tfobj.labels import IGNORE_ID


def wide_dtype():
    """Returns the widest float of the backend, "float64"; "float32" on JAX, where 64 bits are off by default."""
    return "float32" if keras.config.backend() == "jax" else "float64"


def labels_of(masks):
    """Label map of soft masks: float [B,K,...] -> int32 [B,...], the largest mask, the lowest index on ties."""
    return ops.cast(ops.argmax(masks, axis=1), "int32")


def masks_one_hot(labels, num_labels, first=0):
    """One-hot rows of a label map.

    Args:
        labels: int [...]. Labels outside [first, num_labels), 255 among them, give rows of zeros.
        num_labels: int. Number of labels, background included.
        first: int. Lowest label that gets a column; 1 removes the background's.

    Returns:
        float32 [..., num_labels - first], zeros and ones.
    """
    labels = ops.cast(labels, "int32")
    columns = ops.arange(first, num_labels, dtype="int32")
    labels = ops.where(ops.equal(labels, IGNORE_ID), -1, labels)[..., None]
    return ops.cast(ops.equal(labels, columns), "float32")  # [...,num_labels-first]


def contingency_table(true, predicted, num_true, num_predicted, ignore_background=False):
    """Counts the pixels of every pair of labels.

    Args:
        true: int [B,...], label map; 0 is background, 255 is ignored.
        predicted: int [B,...] of the same shape.
        num_true: int. Number of true labels, background included.
        num_predicted: int. Number of predicted labels.
        ignore_background: bool. Leaves out the pixels whose true label is 0.

    Returns:
        int32 [B, num_true or num_true - 1, num_predicted]. Exact up to 2^24 pixels per image.
    """
    true = masks_one_hot(true, num_true, first=int(ignore_background))
    predicted = masks_one_hot(predicted, num_predicted)
    batch = ops.shape(true)[0]
    true = ops.reshape(true, (batch, -1, true.shape[-1]))  # [B,N,KT]
    predicted = ops.reshape(predicted, (batch, -1, predicted.shape[-1]))  # [B,N,KP]
    table = ops.matmul(ops.transpose(true, (0, 2, 1)), predicted)  # [B,KT,KP]
    return ops.cast(ops.round(table), "int32")


def rand_index_of_table(table):
    """Adjusted Rand index of contingency tables.

    With R = sum C2(n_ij), A = sum C2(a_i), B = sum C2(b_j) the index is (R - AB/C2(N)) / ((A + B)/2 - AB/C2(N)).
    Numerator and denominator nearly cancel when the sums are close to C2(N), so there the complements are used: pairs
    of pixels that are apart in the true map, in the predicted one, or in both, each a sum of positive terms. The
    error stays at a few units of rounding, 3e-7 in float32.

    Args:
        table: int32 [B,KT,KP]. Counts of pixels; a table of other integers is scored by the same formula (masks of
            0 and 255 instead of 0 and 1 give 255 times the table and a different index).

    Returns:
        Tuple of the index [B] of `wide_dtype`, in [-1,1], 1 where undefined, and `undefined` bool [B]: the formula is
        0/0 (fewer than two pixels, one label on both sides, or every pixel its own label on both sides).
    """
    rows, columns = ops.sum(table, axis=2), ops.sum(table, axis=1)  # [B,KT], [B,KP]
    total = ops.sum(rows, axis=1)  # [B]
    undefined = _is_undefined(rows, columns, total)
    real = ops.cast(ops.maximum(total, 2), wide_dtype())
    pairs = real * (real - 1.0)
    together_both = _pairs_together(ops.reshape(table, (ops.shape(table)[0], -1))) / pairs
    together_true, together_predicted = _pairs_together(rows) / pairs, _pairs_together(columns) / pairs
    apart_true, apart_predicted = _pairs_apart(rows, total) / pairs, _pairs_apart(columns, total) / pairs
    others = total[:, None, None] - rows[:, :, None] - columns[:, None, :] + table  # apart from a cell in both maps
    apart_both = ops.sum(ops.cast(table, wide_dtype()) * ops.cast(others, wide_dtype()), axis=(1, 2)) / pairs
    fine = together_true + together_predicted < 1.0
    index = ops.where(fine, _corrected(together_both, together_true, together_predicted, undefined),
                      _corrected(apart_both, apart_true, apart_predicted, undefined))
    return ops.where(undefined, ops.ones_like(index), index), undefined


def adjusted_rand_index(true, predicted, num_true, num_predicted=None, ignore_background=False, mode="default"):
    """Adjusted Rand index per image (ARI; with `ignore_background` the foreground ARI).

    Args:
        true: int [B,...], label map; 0 is background, 255 is ignored.
        predicted: int [B,...], label map, or float [B,K,...], soft masks whose largest counts.
        num_true: int. Number of true labels, background included.
        num_predicted: int or None. Number of predicted labels; None: the K of soft masks.
        ignore_background: bool. Scores the pixels of true objects only; predictions are not altered.
        mode: "default", where 0/0 is 1 as in scikit-learn, or "reference", where it is NaN except when both maps are
            constant over the whole image. The multi-object reference makes that exception after the background's
            column is removed, so that background pixels pass for the first object; "reference" repeats it.

    Returns:
        float64 (float32 on JAX) [B], in [-1,1].

    Raises:
        ValueError: unknown mode, or label maps without `num_predicted`.
    """
    if mode not in ("default", "reference"):
        raise ValueError(f"mode={mode!r}; expected 'default' or 'reference'")
    predicted, num_predicted = predicted_labels(true, predicted, num_predicted)
    table = contingency_table(true, predicted, num_true, num_predicted, ignore_background)
    index, undefined = rand_index_of_table(table)
    if mode == "default":
        return index
    columns = masks_one_hot(true, num_true, first=int(ignore_background))
    both_constant = ops.logical_and(_is_constant(ops.argmax(columns, axis=-1)), _is_constant(predicted))
    index = ops.where(undefined, float("nan") * ops.ones_like(index), index)
    return ops.where(both_constant, ops.ones_like(index), index)


def predicted_labels(true, predicted, num_predicted):
    """Label map and number of labels of a prediction that is either a label map or soft masks.

    Raises:
        ValueError: a label map without `num_predicted`.
    """
    if len(predicted.shape) == len(true.shape) + 1:
        return labels_of(predicted), predicted.shape[1]
    if num_predicted is None:
        raise ValueError("num_predicted is needed with label maps; it is optional only with soft masks [B,K,...]")
    return predicted, num_predicted


def has_foreground(true):
    """Which images have an object pixel at all: int label maps [B,...] -> bool [B]; labels 0 and 255 are none."""
    true = ops.cast(true, "int32")
    foreground = ops.logical_and(ops.not_equal(true, 0), ops.not_equal(true, IGNORE_ID))
    return ops.any(ops.reshape(foreground, (ops.shape(true)[0], -1)), axis=1)


def _corrected(both, first, second, undefined):
    """Chance-corrected agreement of three fractions of pixel pairs [B]; arbitrary where `undefined`."""
    chance = first * second
    spread = (first + second) / 2.0 - chance
    return (both - chance) / ops.where(undefined, ops.ones_like(spread), spread)


def _pairs_together(sizes):
    """Ordered pairs of pixels with the same label: int [B,K] -> [B]."""
    sizes = ops.cast(sizes, wide_dtype())
    return ops.sum(sizes * (sizes - 1.0), axis=1)


def _pairs_apart(sizes, total):
    """Ordered pairs of pixels with different labels: int [B,K], [B] -> [B]."""
    return ops.sum(ops.cast(sizes, wide_dtype()) * ops.cast(total[:, None] - sizes, wide_dtype()), axis=1)


def _is_undefined(rows, columns, total):
    """Exact test of 0/0: each side is one label for all pixels, or each side has a label for every pixel."""
    largest_true, largest_predicted = ops.max(rows, axis=1), ops.max(columns, axis=1)
    one_label = ops.equal(ops.minimum(largest_true, largest_predicted), total)
    return ops.logical_or(one_label, ops.maximum(largest_true, largest_predicted) <= 1)


def _is_constant(labels):
    labels = ops.reshape(labels, (ops.shape(labels)[0], -1))
    return ops.all(ops.equal(labels, labels[:, :1]), axis=1)
