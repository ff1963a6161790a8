"""How a model refines what it sees: a picture with one column per iteration."""

import numpy as np

from tfobj import tiles
from tfobj import visualisation

_ROWS = ("image", "reconstruction", "largest mask")
_NAME_WIDTH = 96


def iteration_grid(images, reconstructions, masks, background_slot=None):
    """Image, reconstruction and segmentation of every iteration, three lines per image.

    Args:
        images: [B,H,W,C], uint8 or float in [0,1]; of models that see a frame per iteration [B,F,H,W,C], F >= T.
        reconstructions: float [B,T,H,W,C].
        masks: float [B,T,K,H,W].
        background_slot: int or None. The slot drawn in the background's gray.

    Returns:
        uint8 [height, width, 3].
    """
    reconstructions, masks = np.asarray(reconstructions), np.asarray(masks)
    steps, size = masks.shape[1], tiles.tile_size(*masks.shape[3:])
    names = [f"iteration {step}" for step in range(steps)]
    lines = [tiles.row([tiles.note("", (16, _NAME_WIDTH))] + [tiles.text_line(name, size[1]) for name in names])]
    for image, painted, weights in zip(images, reconstructions, masks):
        ids = visualisation.slot_ids(np.argmax(weights, axis=1), background_slot)  # [T,H,W]
        frames = image[:steps] if np.ndim(image) == 4 else [image] * steps
        shown = ([visualisation.to_rgb(frame) for frame in frames], [visualisation.to_rgb(step) for step in painted],
                 [visualisation.segmentation_picture(step) for step in ids])
        block = [tiles.row([tiles.note(name, (size[0], _NAME_WIDTH))]
                           + [tiles.fit(picture, size, smooth=name != _ROWS[2]) for picture in pictures])
                 for name, pictures in zip(_ROWS, shown)]
        lines.append(tiles.column(block))
    return tiles.frame(tiles.column(lines, 2 * tiles.GAP))
