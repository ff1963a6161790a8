"""Overlap of true and predicted segments that are paired one to one, per image (the CLEVRTEX benchmark and AST-Seg).

The background is a segment like any other. A segment without a partner counts as an overlap of zero: every object that is
missed and every slot too many lowers the mean.
"""

from keras import ops

from tfobj.metrics import segmentation
from tfobj.ops.matching import assignment


def matched_overlap_of_table(table):
    """Overlaps of contingency tables under the pairing with the largest sum of intersections over unions.

    Where pairs do not overlap at all, several pairings are best and `miou` depends on which is taken: that of SciPy, as
    in the released code of AST-Seg. `miou_gt` is the same for all.

    Args:
        table: int32 [B,KT,KP] of all pixels that count; label 0 is the background.

    Returns:
        Dict of floats of `segmentation.wide_dtype` [B], in [0,1]:
            `miou`, mean intersection over union of the pairs of which one side at least is not empty;
            `miou_fg`, the same without the pair of the true background, NaN where that is the only one;
            `miou_gt`, the sum of the intersections over unions by the number of true segments;
            `dice`, `dice_fg`, as `miou` and `miou_fg`, of twice the intersection by the sum of the sizes;
            `same_count`, 1 where there are as many predicted segments as true ones, else 0.
    """
    dtype, size = segmentation.wide_dtype(), max(table.shape[1:])
    table = ops.pad(table, ((0, 0), (0, size - table.shape[1]), (0, size - table.shape[2])))  # [B,K,K]
    true, predicted = ops.sum(table, axis=2), ops.sum(table, axis=1)  # [B,K]
    sizes = ops.cast(true[:, :, None] + predicted[:, None, :], dtype)
    shared = ops.cast(table, dtype)
    overlap = shared / ops.maximum(sizes - shared, 1.0)
    pairs = ops.cast(assignment(-overlap, method="scipy"), dtype)  # [B,K,K]
    filled = ops.sum(pairs * ops.cast(sizes > 0, dtype), axis=2)  # [B,K], of the pair of each true label

    def means(values):
        values = ops.sum(pairs * values, axis=2)  # [B,K]
        # 0/0 is the NaN.
        return (ops.sum(values, axis=1) / ops.sum(filled, axis=1),
                ops.sum(values[:, 1:], axis=1) / (ops.sum(filled, axis=1) - 1.0), values)

    miou, miou_fg, matched = means(overlap)
    dice, dice_fg, _ = means(2.0 * shared / ops.maximum(sizes, 1.0))
    num_true, num_predicted = (ops.sum(ops.cast(counts > 0, dtype), axis=1) for counts in (true, predicted))
    return {"miou": miou, "miou_fg": miou_fg, "miou_gt": ops.sum(matched, axis=1) / num_true, "dice": dice,
            "dice_fg": dice_fg, "same_count": ops.cast(num_true == num_predicted, dtype)}


def matched_overlap(true, predicted, num_true, num_predicted=None):
    """Overlaps of label maps, see `matched_overlap_of_table`.

    Args:
        true: int [B,...], label map; 0 is background, 255 is ignored.
        predicted: int [B,...], label map, or float [B,K,...], soft masks whose largest counts.
        num_true: int. Number of true labels, background included.
        num_predicted: int or None. Number of predicted labels; None: the K of soft masks.

    Returns:
        Dict of floats [B].

    Raises:
        ValueError: label maps without `num_predicted`.
    """
    predicted, num_predicted = segmentation.predicted_labels(true, predicted, num_predicted)
    return matched_overlap_of_table(segmentation.contingency_table(true, predicted, num_true, num_predicted))
