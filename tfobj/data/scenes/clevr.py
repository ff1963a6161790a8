"""Scenes like those of CLEVR (Johnson et al. 2017): cubes, balls and cylinders on a gray ground.

Places, sizes, colours, camera and lamps follow the constants of the published generator; the pictures come from
`tfobj.data.scenes.raycast` instead of Blender.
"""

import dataclasses
import functools
import math

import numpy as np

from tfobj.data.scenes import placement
from tfobj.data.scenes import raycast
from tfobj.data.scenes.placement import FRAME
from tfobj.data.scenes.scene import make_scene
from tfobj.errors import UserError

# Class names in the order of the labels of CLEVR v1.0 in TensorFlow Datasets.
SHAPES = ("cube", "sphere", "cylinder")
SIZES = ("small", "large")
COLORS = ("gray", "blue", "brown", "yellow", "red", "green", "purple", "cyan")
MATERIALS = ("rubber", "metal")
RGB = ((87, 87, 87), (42, 75, 215), (129, 74, 25), (255, 238, 51), (173, 35, 35), (29, 105, 20), (129, 38, 192),
       (41, 208, 208))  # of 255, in the order of COLORS
RADII = (0.35, 0.7)  # in the order of SIZES; a cube's half extent is smaller by sqrt(2)
FRAMES = ("window", "full")
WINDOW_ROWS, WINDOW_COLUMNS = (29, 221), (64, 256)  # the 192x192 pixels that the object discovery papers use
MIN_VISIBLE_PIXELS = 200
_LIGHTS = ((0.50, 80.0), (0.12, 80.0), (0.36, 75.0))  # intensity and reference of key, fill and back
_GROUND = 0.5
_UNIT_SHAPES = (raycast.Box(), raycast.Sphere(), raycast.Cylinder())
_MAKERS = (raycast.rubber, raycast.metal)


@dataclasses.dataclass(frozen=True)
class ClevrScenes:
    """Draws scenes of 3 to 10 objects.

    The count is uniform, camera and lamps are jittered. Every object has a shape, size, colour, material and rotation,
    uniform and independent, and a place as of `placement.place`. A scene in which a place is missing, or in which an
    object shows fewer than 200 pixels of the 240x320 frame, is drawn again with the same count, camera and lamps;
    crowded scenes therefore have more small objects: half of 3 to 7 objects are large, 0.42 of 10.

    Factors of an object: `shape`, `size`, `color`, `material` int64, positions in `SHAPES`, `SIZES`, `COLORS`,
    `MATERIALS`; float32 `coords_3d` [3], the centre; `pixel_coords` [3], column and row of the centre in the 240x320
    frame and its depth; `rotation` in degrees [0,360) about the vertical.

    Attributes:
        min_objects: int.
        max_objects: int >= min_objects; equal numbers give exactly that many.
        exclude: Tuple of (shape, colour) pairs of names, e.g. (("sphere", "green"),), that never occur. The pair is
            drawn uniformly from those that remain; everything else stays uniform and independent of it.
        frame: str. "window": the 192x192 pixels of rows 29:221 and columns 64:256, drawn directly at `size`, in which
            objects near the edge may be cut or missing; "full": the whole frame squeezed to a square.
        size: int. Height and width of the picture.
        samples: int s. Every pixel is the mean of s x s sub-pixels.

    Raises:
        UserError: counts, names or frame that make no sense.
    """

    min_objects: int = 3
    max_objects: int = 10
    exclude: tuple = ()
    frame: str = "window"
    size: int = 128
    samples: int = 2

    def __post_init__(self):
        if not 0 <= self.min_objects <= self.max_objects <= 10:
            raise UserError(f"min_objects={self.min_objects}, max_objects={self.max_objects}; expected "
                            "0 <= min_objects <= max_objects <= 10, more do not fit; change the counts")
        if self.frame not in FRAMES:
            raise UserError(f"frame={self.frame!r}; expected one of {', '.join(FRAMES)}; change it")
        for pair in self.exclude:
            if len(pair) != 2 or pair[0] not in SHAPES or pair[1] not in COLORS:
                raise UserError(f"exclude has {pair!r}; expected (shape, colour) with a shape of {', '.join(SHAPES)} "
                                f"and a colour of {', '.join(COLORS)}; change the pair")
        if not len(self._kinds):
            raise UserError("exclude names every pair of shape and colour; expected that some remain; remove pairs")

    @property
    def image_shape(self):
        """Tuple (size, size, 3)."""
        return self.size, self.size, 3

    @functools.cached_property
    def _kinds(self):
        """The pairs (shape, color) that may occur, int64 [n,2]."""
        pairs = [(shape, color) for shape in range(len(SHAPES)) for color in range(len(COLORS))
                 if (SHAPES[shape], COLORS[color]) not in {tuple(pair) for pair in self.exclude}]
        return np.array(pairs, np.int64).reshape(-1, 2)

    def draw(self, rng):
        """One scene from `rng`; see `make_scene` for the keys."""
        number = int(rng.integers(self.min_objects, self.max_objects + 1))
        camera, lights = placement.draw_camera(rng), placement.draw_lights(rng, _LIGHTS)
        factors, bodies, _ = self.draw_objects(rng, number, camera)
        ground = raycast.floor(raycast.PlainMaterial((_GROUND,) * 3))
        world = raycast.World(bodies, (ground,), lights, offsets=raycast.penumbra_offsets(rng))
        view = camera if self.frame == "full" else camera.crop(WINDOW_ROWS, WINDOW_COLUMNS, FRAME)
        image, mask = raycast.render(world, view, self.size, self.samples)
        return make_scene(image, mask, self.max_objects, factors)

    def draw_objects(self, rng, number, camera):
        """Draws objects until the rules are kept.

        Args:
            rng: `numpy.random.Generator`.
            number: int.
            camera: `raycast.Camera` of the whole frame.

        Returns:
            Tuple: factors, dict of arrays [number, ...]; bodies, tuple of `raycast.Body`; int, scenes that were drawn
            until one was accepted, not counting those without a place for an object.
        """
        def dress(sizes, places):
            factors = self._draw_factors(rng, sizes, places, camera)
            return factors, tuple(_body(factors, index) for index in range(number))

        return placement.arrange(rng, number, camera, RADII, MIN_VISIBLE_PIXELS, dress)

    def _draw_factors(self, rng, sizes, places, camera):
        number = len(sizes)
        kinds = self._kinds[rng.integers(0, len(self._kinds), number)]
        radii = np.array(RADII)[sizes]
        heights = np.where(kinds[:, 0] == SHAPES.index("cube"), radii / math.sqrt(2.0), radii)
        centers = np.concatenate([places, heights[:, None]], axis=1)
        return {"shape": kinds[:, 0], "size": sizes, "color": kinds[:, 1],
                "material": rng.integers(0, len(MATERIALS), number), "coords_3d": centers,
                "pixel_coords": camera.project(centers, FRAME), "rotation": rng.uniform(0.0, 360.0, number)}


def _body(factors, index):
    """The body of one object; its half extent is the height of its centre."""
    color = tuple(value / 255.0 for value in RGB[factors["color"][index]])
    center = factors["coords_3d"][index]
    return raycast.Body(_UNIT_SHAPES[factors["shape"][index]], center, center[2],
                        _MAKERS[factors["material"][index]](color), index + 1,
                        raycast.rotation(2, math.radians(factors["rotation"][index])))
