"""Segmentation covering, per image (MSC and MSC-FG of the GENESIS family; Arbelaez et al. 2011).

Every true segment is covered by the predicted one with which it has the largest intersection over union. The true
labels cover nothing themselves: the measure is not symmetric, and one predicted segment may cover several.
"""

from keras import ops

from tfobj.metrics import segmentation


def covering_of_table(table, ignore_background=False, weighted=False):
    """Covering of contingency tables.

    Args:
        table: int32 [B,KT,KP] of all pixels that count, the background's too.
        ignore_background: bool. The background need not be covered; predicted segments keep their background pixels
            (unlike in the foreground ARI), so that a segment that leaks into it covers its object worse.
        weighted: bool. Weighs true segments by their size; else all are equal.

    Returns:
        Float of `segmentation.wide_dtype` [B] in [0,1], NaN where there is nothing to cover.
    """
    dtype = segmentation.wide_dtype()
    true, predicted = ops.sum(table, axis=2), ops.sum(table, axis=1)  # [B,KT], [B,KP]
    union = true[:, :, None] + predicted[:, None, :] - table
    overlap = ops.cast(table, dtype) / ops.cast(ops.maximum(union, 1), dtype)  # [B,KT,KP]
    first = int(ignore_background)
    best, true = ops.max(overlap, axis=2)[:, first:], true[:, first:]
    weights = ops.cast(true if weighted else true > 0, dtype)
    total = ops.sum(weights, axis=1)
    # 0/0 is the NaN.
    return ops.sum(weights * best, axis=1) / total


def segmentation_covering(true, predicted, num_true, num_predicted=None, ignore_background=False, weighted=False,
                          mode="default"):
    """Segmentation covering per image (MSC; with `ignore_background` MSC-FG).

    Args:
        true: int [B,...], label map; 0 is background, 255 and negative labels are ignored.
        predicted: int [B,...], label map, or float [B,K,...], soft masks whose largest counts.
        num_true: int. Number of true labels, background included.
        num_predicted: int or None. Number of predicted labels; None: the K of soft masks.
        ignore_background: bool. Only true objects need to be covered.
        weighted: bool. Weighs true segments by their size.
        mode: "default", where an image without anything to cover is NaN, or "reference", where it counts as 0.

    Returns:
        float64 (float32 on JAX) [B], in [0,1].

    Raises:
        ValueError: unknown mode, or label maps without `num_predicted`.
    """
    if mode not in ("default", "reference"):
        raise ValueError(f"mode={mode!r}; expected 'default' or 'reference'")
    predicted, num_predicted = segmentation.predicted_labels(true, predicted, num_predicted)
    table = segmentation.contingency_table(true, predicted, num_true, num_predicted)
    covering = covering_of_table(table, ignore_background, weighted)
    return covering if mode == "default" else ops.where(ops.isnan(covering), ops.zeros_like(covering), covering)
