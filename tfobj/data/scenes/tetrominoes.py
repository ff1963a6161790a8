"""Scenes like those of the Tetrominoes release: three pieces of four bevelled blocks on black, 35x35 pixels."""

import dataclasses

import numpy as np

from tfobj.data.scenes.palette import SATURATED_COLORS
from tfobj.data.scenes.scene import make_scene

SIZE = 35
BLOCK = 5
NUM_PIECES = 3
# Rows of blocks, `|` between rows; the position in the tuple is the shape code of the release (0: background).
SHAPES = ("", "####", "#|#|#|#", "###|#..", "#..|###", "..#|###", "###|..#", "##|.#|.#", ".#|.#|##", "##|#.|#.",
          "#.|#.|##", "##.|.##", ".##|##.", ".#|##|#.", "#.|##|.#", ".#.|###", "###|.#.", ".#|##|.#", "#.|##|#.",
          "##|##")
CODES = tuple(str(code) for code in range(len(SHAPES)))  # shapes have no names
BEVEL = np.array([[191, 255, 255, 255, 223], [127, 159, 159, 159, 191], [127, 159, 159, 159, 191],
                  [127, 159, 159, 159, 191], [95, 63, 63, 63, 127]], np.uint8)
# Candidates drawn at once for one scene: 16 contain an acceptable one 92 times of 100.
_CANDIDATES = 16
_LARGEST_DRAW = 1 << 13  # keeps the overlap test in the processor's cache


def _blocks_of(shape):
    rows = shape.split("|")
    return [(row, column) for row, line in enumerate(rows) for column, cell in enumerate(line) if cell == "#"]


# Block offsets (row, column) in pixels, [20,4,2]; the background's row is never used.
BLOCKS = np.array([_blocks_of(shape) if shape else [(0, 0)] * 4 for shape in SHAPES]) * BLOCK
# Height and width of the bounding box in pixels, [20,2].
EXTENTS = BLOCKS.max(axis=1) + BLOCK


def _sprite_of(code):
    """Gray levels of a piece: uint8 [h,w], 0 outside its blocks."""
    sprite = np.zeros(EXTENTS[code], np.uint8)
    for row, column in BLOCKS[code]:
        sprite[row:row + BLOCK, column:column + BLOCK] = BEVEL
    return sprite


_SPRITES = [_sprite_of(code) for code in range(len(SHAPES))]


def _overlapping(shapes, positions):
    """Which candidates have two pieces sharing a pixel: int [M,3], [M,3,2] -> bool [M]."""
    blocks = positions[:, :, None] + BLOCKS[shapes]  # [M,3,4,2]
    distance = np.abs(blocks[:, (0, 0, 1), :, None] - blocks[:, (1, 2, 2), None])  # [M,pairs,4,4,2]
    near = (distance[..., 0] < BLOCK) & (distance[..., 1] < BLOCK)
    return near.reshape(len(shapes), -1).any(axis=1)


def sample_layouts(rng, count):
    """Draws shapes and positions, uniform over all scenes without overlap.

    A scene with overlapping pieces is discarded as a whole: redrawing single pieces would change how often each shape
    occurs. One candidate in seven (0.146) is accepted.

    Args:
        rng: `numpy.random.Generator`.
        count: int. Number of scenes.

    Returns:
        Tuple of int64 arrays: shape codes 1..19 [count,3], top-left corners (row, column) [count,3,2].
    """
    shapes, positions, missing = [], [], count
    while missing > 0:
        candidates = min(max(_CANDIDATES, 6 * missing), _LARGEST_DRAW)
        codes = rng.integers(1, len(SHAPES), size=(candidates, NUM_PIECES))
        corners = (rng.random((candidates, NUM_PIECES, 2)) * (SIZE + 1 - EXTENTS[codes])).astype(np.int64)
        accepted = np.flatnonzero(~_overlapping(codes, corners))[:missing]
        shapes.append(codes[accepted])
        positions.append(corners[accepted])
        missing -= len(accepted)
    return np.concatenate(shapes), np.concatenate(positions)


@dataclasses.dataclass(frozen=True)
class TetrominoesScenes:
    """Draws scenes with the rules inferred from the real records.

    Three shapes uniform over the 19 fixed tetrominoes, corners uniform inside the frame, colours uniform over six, all
    independent; scenes with overlap are discarded. Factors: `shape` int64 code 1..19, `row`, `column` float32 top-left
    corner of the bounding box in pixels, `color` float32 [3] of zeros and ones.
    """

    image_shape: tuple = (SIZE, SIZE, 3)
    max_objects: int = NUM_PIECES

    def draw(self, rng):
        """One scene from `rng`; see `make_scene` for the keys."""
        shapes, positions = (values[0] for values in sample_layouts(rng, 1))
        colors = SATURATED_COLORS[rng.integers(0, len(SATURATED_COLORS), NUM_PIECES)]
        image, mask = np.zeros(self.image_shape, np.uint8), np.zeros((SIZE, SIZE), np.uint8)
        for index, (code, (row, column), color) in enumerate(zip(shapes, positions, colors)):
            sprite = _SPRITES[code]
            window = np.s_[row:row + sprite.shape[0], column:column + sprite.shape[1]]
            image[window] += sprite[..., None] * color.astype(np.uint8)  # bounding boxes may overlap, pieces do not
            mask[window] += (sprite > 0) * np.uint8(index + 1)
        factors = {"shape": shapes, "row": positions[:, 0].astype(np.float32),
                   "column": positions[:, 1].astype(np.float32), "color": colors}
        return make_scene(image, mask, self.max_objects, factors)
