"""What the slots are doing, without any ground truth: the guard rails of training."""

import math

from keras import ops


def per_image_statistics(masks, components=None):
    """Statistics of each image; average them with `ImageMean`.

    Args:
        masks: float [B,K,H,W], summing to 1 over K.
        components: float [B,K,H,W,C] in [0,1], or None to compare slots by their masks alone.

    Returns:
        dict:
            used: float32 [B,K], 1 where a slot has the largest mask in at least one pixel.
            mask_entropy: float32 [B], mean entropy of a pixel's masks over ln K: 0 decided, 1 all masks equal.
            slots_alike: float32 [B], similarity of two slots averaged over pairs, 0 to 1. Two masks are as similar as
                their overlap (sum of minima over sum of maxima), times one minus the mean absolute difference of their
                components. Pairs weigh as the product of their areas, so unused slots do not matter. 1 means that all
                slots do the same.
    """
    masks = ops.cast(masks, "float32")
    num_slots = masks.shape[1]
    winner = ops.argmax(masks, axis=1)[:, None]  # [B,1,H,W]
    slots = ops.reshape(ops.arange(num_slots, dtype="int32"), (1, num_slots, 1, 1))
    used = ops.any(ops.equal(ops.cast(winner, "int32"), slots), axis=(2, 3))  # [B,K]
    entropy = -ops.sum(masks * ops.log(ops.maximum(masks, 1e-30)), axis=1) / max(math.log(num_slots), 1e-12)
    return {
        "used": ops.cast(used, "float32"),
        "mask_entropy": ops.mean(entropy, axis=(1, 2)) if num_slots > 1 else ops.zeros_like(masks[:, 0, 0, 0]),
        "slots_alike": _slots_alike(masks, components),
    }


def slot_statistics(masks, components=None, valid=None):
    """Statistics of a batch.

    Args:
        masks: float [B,K,H,W], summing to 1 over K.
        components: float [B,K,H,W,C] in [0,1] or None, see `per_image_statistics`.
        valid: bool [B] or None. Images to count; at least one.

    Returns:
        dict of float32:
            slot_usage: [K], fraction of images in which the slot has the largest mask in at least one pixel.
            used_slots: scalar, mean number of such slots of an image.
            dead_slots: scalar, number of slots that no image used.
            mask_entropy, slots_alike: scalars, see `per_image_statistics`.
    """
    images = per_image_statistics(masks, components)
    weights = ops.ones_like(images["mask_entropy"]) if valid is None else ops.cast(valid, "float32")
    weights = weights / ops.maximum(ops.sum(weights), 1.0)  # [B]
    usage = ops.sum(images["used"] * weights[:, None], axis=0)  # [K]
    return {
        "slot_usage": usage,
        "used_slots": ops.sum(usage),
        "dead_slots": ops.sum(ops.cast(usage <= 0.0, "float32")),
        "mask_entropy": ops.sum(images["mask_entropy"] * weights),
        "slots_alike": ops.sum(images["slots_alike"] * weights),
    }


def _slots_alike(masks, components):
    """Similarity over ordered pairs, one cyclic shift of the slots at a time: memory stays at that of the masks."""
    area = ops.mean(masks, axis=(2, 3))  # [B,K]
    similar, weight = ops.zeros_like(area[:, 0]), ops.zeros_like(area[:, 0])
    for shift in range(1, masks.shape[1]):
        other = ops.roll(masks, shift, axis=1)
        shared, joint = (ops.sum(extreme(masks, other), axis=(2, 3)) for extreme in (ops.minimum, ops.maximum))
        alike = shared / ops.maximum(joint, 1e-12)  # [B,K]
        if components is not None:
            alike = alike * _appearance(components, ops.roll(components, shift, axis=1))
        pair = area * ops.roll(area, shift, axis=1)
        similar, weight = similar + ops.sum(alike * pair, axis=1), weight + ops.sum(pair, axis=1)
    return similar / ops.maximum(weight, 1e-12)


def _appearance(first, second):
    """One minus the mean absolute difference of two sets of components: [B,K,H,W,C] -> [B,K] in [0,1]."""
    first, second = (ops.clip(ops.cast(value, "float32"), 0.0, 1.0) for value in (first, second))
    return 1.0 - ops.mean(ops.abs(first - second), axis=(2, 3, 4))
