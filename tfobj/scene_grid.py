"""Scenes drawn from a prior, taken apart: a picture with one line per scene."""

import numpy as np

from tfobj import tiles
from tfobj import visualisation


def scene_grid(scenes, background_slot=None):
    """Scene, segmentation, then of each slot its layer: its component where its mask is.

    Args:
        scenes: Dict of arrays: `reconstruction` [B,H,W,C], `masks` [B,K,H,W], `components` [B,K,H,W,C].
        background_slot: int or None. The slot drawn in the background's gray.

    Returns:
        uint8 [height, width, 3].
    """
    num_slots, height, width = np.shape(scenes["masks"])[1:]
    size = tiles.tile_size(height, width)
    names = ["scene", "largest mask", *(f"slot {k + 1}" for k in range(num_slots))]
    lines = [tiles.row([tiles.text_line(name, size[1] + 4) for name in names])]
    for painted, masks, components in zip(scenes["reconstruction"], scenes["masks"], scenes["components"]):
        ids = visualisation.slot_ids(np.argmax(masks, axis=0), background_slot)
        line = [tiles.border(tiles.fit(visualisation.to_rgb(painted), size), tiles.PAPER),
                tiles.border(tiles.fit(visualisation.segmentation_picture(ids), size, smooth=False), tiles.PAPER)]
        layers = masks[..., None] * np.clip(components, 0.0, 1.0)  # [K,H,W,C]
        line += [tiles.border(tiles.fit(visualisation.to_rgb(layer), size),
                              visualisation.slot_color(slot, background_slot)) for slot, layer in enumerate(layers)]
        lines.append(tiles.row(line))
    return tiles.frame(tiles.column(lines))
