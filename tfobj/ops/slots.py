"""Slots as further images of a batch, for networks that see each by itself."""

from keras import ops


def fold(values):
    """Joins batch and slots: [B,K,...] -> [B*K,...]."""
    return ops.reshape(values, (-1, *values.shape[2:]))


def unfold(values, num_slots):
    """Parts batch and slots: [B*K,...] -> [B,K,...]."""
    return ops.reshape(values, (-1, num_slots, *values.shape[1:]))


def masked_images(image, log_masks):
    """What the encoders of components in GENESIS and MONet see of an image.

    Args:
        image: Float [B,H,W,C].
        log_masks: Float [B,K,H,W].

    Returns:
        Float [B*K,H,W,1+C]: the log mask of a slot, then the image.
    """
    log_masks = log_masks[..., None]  # [B,K,H,W,1]
    image = ops.cast(image, log_masks.dtype)[:, None] + ops.zeros_like(log_masks)  # [B,K,H,W,C]
    return fold(ops.concatenate([log_masks, image], axis=-1))


def painted(log_masks, components):
    """Puts a scene together.

    Args:
        log_masks: Float [B,K,H,W].
        components: Float [B,K,H,W,C].

    Returns:
        Dict: `reconstruction` [B,H,W,C], `masks` and `log_masks` [B,K,H,W], `components` [B,K,H,W,C].
    """
    masks = ops.exp(log_masks)
    return {"reconstruction": ops.sum(masks[..., None] * components, axis=1), "masks": masks,
            "log_masks": log_masks, "components": components}
