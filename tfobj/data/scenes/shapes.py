"""The Shapes set of Reichert & Serre (2013): three binary outlines that may overlap, 28x28 pixels."""

import dataclasses

import numpy as np

from tfobj.data.scenes.scene import make_scene
from tfobj.labels import IGNORE_ID

SIZE = 28
NUM_SHAPES = 3
SHAPES = ("background", "square", "triangle", "inverted_triangle")
_SQUARE = "1111111|1111111|1100011|1100011|1100011|1111111|1111111"
_TRIANGLE = "000001100000|000011110000|000111111000|001110011100|011100001110|111111111111|111111111111"


def _stencil_of(rows):
    return np.array([[int(pixel) for pixel in row] for row in rows.split("|")], np.uint8)


# uint8 [h,w] of zeros and ones by shape code; the background's entry is never used.
STENCILS = (np.zeros((1, 1), np.uint8), _stencil_of(_SQUARE), _stencil_of(_TRIANGLE), _stencil_of(_TRIANGLE)[::-1])
# Height and width of a stencil in pixels, [4,2].
EXTENTS = np.array([stencil.shape for stencil in STENCILS])
# A pixel is described by the set of shapes that cover it, one bit each: the table gives its value in the mask.
_MASK_OF_COVER = np.array([0, 1, 2, IGNORE_ID, 3, IGNORE_ID, IGNORE_ID, IGNORE_ID], np.uint8)
_IMAGE_OF_COVER = np.array([0] + 7 * [255], np.uint8)
_BITS = tuple(tuple(stencil << index for index in range(NUM_SHAPES)) for stencil in STENCILS)


@dataclasses.dataclass(frozen=True)
class ShapesScenes:
    """Draws three outlines in white on black.

    Shape uniform over three stencils, the top-left corner uniform over all places where the stencil fits, all
    independent; overlaps are allowed. Pixels that several shapes cover belong to none and are 255 in the mask; seven
    images of ten (0.717) have such pixels. Factors: `shape` int64 1..3, `row`, `column` float32 of the top-left corner.
    A shape all of whose pixels are shared keeps its factors and has visibility false, since there is nothing to score.
    """

    image_shape: tuple = (SIZE, SIZE, 1)
    max_objects: int = NUM_SHAPES

    def draw(self, rng):
        """One scene from `rng`; see `make_scene` for the keys."""
        shapes = rng.integers(1, len(SHAPES), NUM_SHAPES)
        corners = (rng.random((NUM_SHAPES, 2)) * (SIZE + 1 - EXTENTS[shapes])).astype(np.int64)
        cover = np.zeros((SIZE, SIZE), np.uint8)
        for index, (code, (row, column)) in enumerate(zip(shapes.tolist(), corners.tolist())):
            height, width = STENCILS[code].shape
            cover[row:row + height, column:column + width] |= _BITS[code][index]
        places = corners.astype(np.float32)
        factors = {"shape": shapes, "row": places[:, 0], "column": places[:, 1]}
        return make_scene(_IMAGE_OF_COVER[cover][..., None], _MASK_OF_COVER[cover], self.max_objects, factors)
