"""Pictures of predicted sets: what each slot looks at, the object that it predicts, and the true one."""

import numpy as np
from PIL import Image
from PIL import ImageDraw

from tfobj import properties
from tfobj import tiles
from tfobj import visualisation

RIGHT, WRONG = (0, 120, 60), (200, 40, 20)
"""Colours of true properties: as predicted, or not."""

_COLORS = {"gray": (87, 87, 87), "blue": (42, 75, 215), "brown": (129, 74, 25), "yellow": (255, 238, 51),
           "red": (173, 35, 35), "green": (29, 105, 20), "purple": (129, 38, 192), "cyan": (41, 208, 208)}
_GROUND = (190, 190, 190)
_NEAR = 0.5  # distance up to which a place is called right


def set_grid(images, predictions, targets=None, pairs=None, attention=None):
    """One line per image: the image, then its slots, the most confident first.

    A slot is shown as what it attends to after the last iteration, else as a drawing of the predicted object. Below are
    its confidence, its properties and place, and those of the true object that is paired with it, in red where they are
    others.

    Args:
        images: [B,H,W,C], uint8 or float in [0,1].
        predictions: float [B,K,19], see `tfobj.properties`.
        targets: float [B,R,19] or None.
        pairs: float [B,R,K] or None. 1 where a target and a prediction belong together.
        attention: float [B,T,K,h,w] or None.

    Returns:
        uint8 [height, width, 3].
    """
    size = tiles.tile_size(*np.shape(images)[1:3])
    lines = []
    for index, image in enumerate(images):
        picture, rows = tiles.fit(visualisation.to_rgb(image), size), np.asarray(predictions[index])
        cells = [tiles.border(picture, tiles.PAPER)]
        for slot in np.argsort(-rows[:, properties.PRESENCE], kind="stable"):
            color = tuple(int(value) for value in visualisation.palette()[slot + 1])
            if attention is not None:
                maps = np.asarray(attention[index][-1], np.float64)
                tile = visualisation.glow(picture, maps[slot] / max(maps.max(), 1e-12), color)
            else:
                tile = _drawing(properties.describe(rows[slot:slot + 1])[0], size)
            true = _partner(targets, pairs, index, slot)
            texts = [tiles.text_line(text, size[1] + 4, color=ink) for text, ink in _texts(rows[slot], true)]
            cells.append(tiles.column([tiles.border(tile, color), *texts], gap=0))
        lines.append(tiles.row(cells))
    return tiles.frame(tiles.column(lines, 2 * tiles.GAP))


def _partner(targets, pairs, index, slot):
    """The target [19] that belongs to a slot: zeros for none, None where nothing is known."""
    if targets is None:
        return None
    rows = np.flatnonzero(np.asarray(pairs[index])[:, slot])
    return np.asarray(targets[index])[rows[0]] if len(rows) else np.zeros(properties.NUM_PROPERTIES)


def _texts(row, true):
    """Lines of text and their colours."""
    found = properties.describe([row])[0]
    lines = [(f"{found['confidence']:.2f} {found['size']} {found['color']}", tiles.INK),
             (f"{found['material']} {found['shape']}", tiles.INK), (_place(found), tiles.INK)]
    if true is None:
        return lines
    if not true[properties.PRESENCE]:
        return lines + [("no object", RIGHT if found["confidence"] < 0.5 else WRONG)] + [("", tiles.INK)] * 2
    wanted = properties.describe([true])[0]
    distance = np.linalg.norm(np.subtract(found["coordinates"], wanted["coordinates"]))
    for pair in (("size", "color"), ("material", "shape")):
        same = all(found[factor] == wanted[factor] for factor in pair)
        lines.append((" ".join(wanted[factor] for factor in pair), RIGHT if same else WRONG))
    return lines + [(_place(wanted), RIGHT if distance < _NEAR else WRONG)]


def _place(described):
    return " ".join(f"{value:.2f}" for value in described["coordinates"])


def _drawing(described, size):
    """A tile with the outline of an object in its colour; metal has a highlight."""
    tile = Image.new("RGB", size[::-1], _GROUND)
    draw = ImageDraw.Draw(tile)
    half = min(size) * (0.36 if described["size"] == "large" else 0.2)
    row, column = size[0] / 2, size[1] / 2
    box, color = (column - half, row - half, column + half, row + half), _COLORS[described["color"]]
    if described["shape"] == "cube":
        draw.rectangle(box, fill=color)
    elif described["shape"] == "sphere":
        draw.ellipse(box, fill=color)
    else:
        draw.rounded_rectangle(box, radius=half / 2, fill=color)
    if described["material"] == "metal":
        draw.ellipse((column - half / 2, row - half / 2, column - half / 6, row - half / 6), fill=tiles.PAPER)
    return np.asarray(tile)
