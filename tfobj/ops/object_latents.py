"""What the entries of an object's latent mean in AST-Seg (Section 3.2)."""

from keras import ops

from tfobj.ops.precision import at_least_float32

_REFERENCE_ACTIVATION_INDEX = 4


def split_latents(latents, num_scales, scale_range, reference_activation=False):
    """Takes a latent apart: position, scale, activation and appearance.

    Args:
        latents: Float [B, K, 3 + S + Z], in the order x, y, S scale logits, activation, appearance.
        num_scales: int S. 1 for one scale of both sides, 2 for (horizontal, vertical).
        scale_range: Tuple (smallest, largest) of the inverse scale.
        reference_activation: bool. Read the activation where the released code does, at index 4, which for S = 1 is the
            first entry of the appearance.

    Returns:
        Dict of float32 or wider: `positions` [B,K,2], (x, y) in [-1, 1]; `inverse_scales` [B,K,2], (horizontal,
        vertical), image side divided by object side; `activations` [B,K], logarithmic; `appearance` [B,K,Z].
    """
    latents = at_least_float32(latents)
    smallest, largest = scale_range
    scales = smallest + (largest - smallest) * ops.sigmoid(latents[..., 2:2 + num_scales])  # [B,K,S]
    index = _REFERENCE_ACTIVATION_INDEX if reference_activation else 2 + num_scales
    return {"positions": ops.clip(latents[..., :2], -1.0, 1.0),
            "inverse_scales": ops.concatenate([scales, scales], axis=-1) if num_scales == 1 else scales,
            "activations": latents[..., index], "appearance": latents[..., 3 + num_scales:]}


def object_boxes(positions, inverse_scales):
    """Boxes that the pictures of objects fill.

    Args:
        positions: Float [..., 2], centres (x, y) in [-1, 1].
        inverse_scales: Float [..., 2], (horizontal, vertical), image side divided by object side.

    Returns:
        Float [..., 4]: top, left, bottom, right as fractions of the image, from 0 to 1.
    """
    first, last = positions - 1.0 / inverse_scales, positions + 1.0 / inverse_scales
    corners = ops.stack([first[..., 1], first[..., 0], last[..., 1], last[..., 0]], axis=-1)
    return ops.clip((corners + 1.0) / 2.0, 0.0, 1.0)
