"""What every scene generator returns."""

import numpy as np


def make_scene(image, mask, max_objects, objects):
    """Pads the factors and derives which objects are visible.

    Args:
        image: uint8 [H,W,C].
        mask: uint8 [H,W]. 0 background, k the k-th object, 255 ignored.
        max_objects: int N.
        objects: dict from factor name to array [n, ...], n <= N; row k-1 belongs to mask value k.

    Returns:
        dict: `image`, `mask` as given; `visibility` bool [N+1], the background's entry first and always true, false for
        absent objects and for those without a visible pixel; `objects` with zero rows up to N.
    """
    pixels = np.bincount(mask.reshape(-1), minlength=256)
    visibility = pixels[:max_objects + 1] > 0
    visibility[0] = True
    padded = {name: pad_rows(values, max_objects) for name, values in objects.items()}
    return {"image": image, "mask": mask, "visibility": visibility, "objects": padded}


def pad_rows(values, length):
    """Appends zero rows: [n, ...] -> [length, ...], same dtype."""
    values = np.asarray(values)
    padded = np.zeros((length,) + values.shape[1:], values.dtype)
    padded[:len(values)] = values
    return padded
