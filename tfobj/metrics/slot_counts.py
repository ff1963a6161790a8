"""How many slots a model finds, against how many there should be (GENESIS-V2, Table 2)."""

from keras import ops

from tfobj.metrics import segmentation


def num_objects(true, num_true):
    """Number of objects that an image shows.

    Args:
        true: int [B,...], label map; 0 is background, 255 is ignored.
        num_true: int. Number of true labels, background included.

    Returns:
        int32 [B].
    """
    columns = segmentation.masks_one_hot(true, num_true, first=1)  # [B,...,num_true-1]
    shown = ops.any(columns > 0.0, axis=tuple(range(1, len(columns.shape) - 1)))  # [B,num_true-1]
    return ops.sum(ops.cast(shown, "int32"), axis=1)


def slot_count_error(num_used_slots, true, num_true):
    """Distance of the number of slots from the objects and one background; its mean over images is the paper's MAE.

    Args:
        num_used_slots: number [B].
        true: As of `num_objects`.
        num_true: As of `num_objects`.

    Returns:
        float32 [B].
    """
    ideal = ops.cast(num_objects(true, num_true) + 1, "float32")
    return ops.abs(ops.cast(num_used_slots, "float32") - ideal)
