"""Scenes like those of CLEVRTEX (Karazija et al. 2021): the world of CLEVR with textured objects on textured ground.

The textures are procedural (`tfobj.data.scenes.textures`) instead of photographed, and a torus on edge stands in for
the monkey head.
"""

import dataclasses
import math

import numpy as np

from tfobj.data.scenes import clevr
from tfobj.data.scenes import placement
from tfobj.data.scenes import raycast
from tfobj.data.scenes.placement import FRAME
from tfobj.data.scenes.scene import make_scene
from tfobj.data.scenes.textures import table
from tfobj.data.scenes.textures.material import GROUND_SCALE
from tfobj.errors import UserError

VARIANTS = ("full", "outd", "camo", "pbg", "vbg", "grassbg")
# Names of the classes of all variants. The last four shapes and, of the materials, the 61st to the 85th are outd's.
SHAPES = ("cube", "sphere", "cylinder", "torus", "cone", "ring", "icosahedron", "capsule")
SIZES = ("small", "medium", "large")
COLORS = clevr.COLORS
MATERIALS = (*(texture.name for texture in (*table.STANDARD, *table.UNSEEN)), *clevr.MATERIALS, "gray", "grass")
RADII, UNSEEN_RADII = (0.4, 0.6, 0.9), (0.6, 0.8, 1.0)  # in the order of SIZES; a cube's half extent: over sqrt(2)
MIN_OBJECTS, MAX_OBJECTS = 3, 10
WINDOW_ROWS, WINDOW_COLUMNS = (24, 216), (64, 256)  # the central 192x192 pixels of the frame
MIN_VISIBLE_PIXELS = 201  # of the whole frame
CAMOUFLAGE_SCALE = 0.65  # motifs of camo's texture per length, on ground and objects alike
SIZE, _SAMPLES = 128, 2

_TEXTURES = (*table.STANDARD, *table.UNSEEN)
_STANDARD_TEXTURES, _UNSEEN_TEXTURES = (0, len(table.STANDARD)), (len(table.STANDARD), len(_TEXTURES))
_RUBBER, _GRAY, _GRASS = (MATERIALS.index(name) for name in ("rubber", "gray", "grass"))
_PLAIN = (raycast.rubber, raycast.metal)
_GROUND_COLOR = (0.5, 0.5, 0.5)

_UNIT_SHAPES = (raycast.Box(), raycast.Sphere(), raycast.Cylinder(), raycast.Torus(), raycast.Cone(),
                raycast.Torus(ring=0.78, tube=0.22), raycast.icosahedron(), raycast.Capsule())
_STANDARD_SHAPES, _UNSEEN_SHAPES = (0, 4), (4, len(SHAPES))
_CUBE, _TORUS, _CAPSULE = (SHAPES.index(name) for name in ("cube", "torus", "capsule"))
_TORUS_TILT = (0.6, 1.57)  # radians from lying to standing
_LYING = 0.5 * math.pi

_LIGHTS = ((0.62, 60.0), (0.12, 60.0), (0.36, 60.0))  # intensity and reference of key, fill and back
_AMBIENT = 0.40


@dataclasses.dataclass(frozen=True)
class ClevrtexScenes:
    """Draws scenes of 3 to 10 objects, 128x128 pixels: the central 192x192 of a 240x320 frame, drawn directly.

    The count is uniform, camera and lamps are jittered. Shape, size, material and rotation of an object are uniform and
    independent, its place is as of `placement.place`. A scene in which a place is missing, or in which an object shows
    at most 200 pixels of the 240x320 frame, is drawn again with the same count, camera, lamps and ground. Crowded
    scenes therefore have fewer large objects: in all, small, medium and large occur as 0.36 : 0.36 : 0.28, in "outd" as
    0.40 : 0.35 : 0.25. Objects near the edge of the picture may be cut or missing. From equal generators "full", "pbg"
    and "grassbg" draw the same objects at the same places.

    Factors of an object: `shape`, `size`, `material` int64, positions in `SHAPES`, `SIZES`, `MATERIALS`; `color` int64,
    position in `COLORS`, in "vbg" only; float32 `coords_3d` [3], the centre; `pixel_coords` [3], column and row of the
    centre in the 240x320 frame and its depth; `rotation` in degrees [0,360) about the vertical. A scene also has
    `ground_material` int64, position in `MATERIALS`.

    Attributes:
        variant: str. "full": 60 textures, drawn for the ground and each object; "outd": shapes, sizes and 25 textures
            that "full" does not have; "camo": one texture of the 60 for the ground and all objects; "pbg": plain gray
            ground; "vbg": objects of rubber or metal in one of eight colours on textured ground; "grassbg": grass.

    Raises:
        UserError: unknown variant.
    """

    variant: str = "full"

    def __post_init__(self):
        if self.variant not in VARIANTS:
            raise UserError(f"variant={self.variant!r}; expected one of {', '.join(VARIANTS)}; change it")

    @property
    def image_shape(self):
        """Tuple (128, 128, 3)."""
        return SIZE, SIZE, 3

    @property
    def max_objects(self):
        """int, 10."""
        return MAX_OBJECTS

    @property
    def factor_names(self):
        """Tuple of the names of the factors of an object."""
        names = ("shape", "size", "material", "coords_3d", "pixel_coords", "rotation")
        return (*names, "color") if self.variant == "vbg" else names

    def draw(self, rng):
        """One scene from `rng`; see the class and `make_scene` for the keys."""
        number = int(rng.integers(MIN_OBJECTS, MAX_OBJECTS + 1))
        camera, lights = placement.draw_camera(rng), placement.draw_lights(rng, _LIGHTS)
        ground = {"pbg": _GRAY, "grassbg": _GRASS}.get(self.variant, int(rng.integers(*self._textures)))
        factors, bodies = self._draw_objects(rng, number, camera, ground)
        bodies = tuple(dataclasses.replace(body, material=material)
                       for body, material in zip(bodies, self._object_materials(rng, factors, bodies)))
        plane = raycast.floor(self._ground_material(rng, ground))
        # Metal that mirrors nothing would be nearly black; textured objects mirror nothing anyway.
        shading = raycast.Shading(_AMBIENT, mirrors=self.variant == "vbg")
        world = raycast.World(bodies, (plane,), lights, shading, offsets=raycast.penumbra_offsets(rng))
        image, mask = raycast.render(world, camera.crop(WINDOW_ROWS, WINDOW_COLUMNS, FRAME), SIZE, _SAMPLES)
        return {**make_scene(image, mask, MAX_OBJECTS, factors), "ground_material": np.int64(ground)}

    @property
    def _textures(self):
        """Range of the positions in `MATERIALS` from which textures are drawn."""
        return _UNSEEN_TEXTURES if self.variant == "outd" else _STANDARD_TEXTURES

    @property
    def _radii(self):
        return UNSEEN_RADII if self.variant == "outd" else RADII

    def _draw_objects(self, rng, number, camera, ground):
        """Factors of objects that all have a place and show enough, and their bodies, still without materials."""
        def dress(sizes, places):
            factors = {**self._draw_classes(rng, number, ground), "size": sizes}
            factors["rotation"] = rng.uniform(0.0, 360.0, number)
            tilts, radii = rng.uniform(*_TORUS_TILT, number), np.array(self._radii)[sizes]
            bodies = tuple(_body(index + 1, *values) for index, values in
                           enumerate(zip(factors["shape"], places, radii, factors["rotation"], tilts)))
            factors["coords_3d"] = np.array([body.position for body in bodies])
            factors["pixel_coords"] = camera.project(factors["coords_3d"], FRAME)
            return factors, bodies

        factors, bodies, _ = placement.arrange(rng, number, camera, self._radii, MIN_VISIBLE_PIXELS, dress)
        return factors, bodies

    def _draw_classes(self, rng, number, ground):
        """The factors `shape`, `material` and, if there is one, `color` of objects."""
        shape = rng.integers(*(_UNSEEN_SHAPES if self.variant == "outd" else _STANDARD_SHAPES), number)
        if self.variant == "camo":
            return {"shape": shape, "material": np.full(number, ground, np.int64)}
        if self.variant == "vbg":
            return {"shape": shape, "material": _RUBBER + rng.integers(0, len(_PLAIN), number),
                    "color": rng.integers(0, len(COLORS), number)}
        return {"shape": shape, "material": rng.integers(*self._textures, number)}

    def _object_materials(self, rng, factors, bodies):
        if self.variant == "vbg":
            colors = np.array(clevr.RGB)[factors["color"]] / 255.0
            return [_PLAIN[kind - _RUBBER](color.tolist()) for kind, color in zip(factors["material"], colors)]
        scales = [1.0] * len(bodies)
        if self.variant == "camo":  # a body stretches its texture; motifs shall be as large as on the ground
            scales = [CAMOUFLAGE_SCALE * body.half_extents[0] for body in bodies]
        return [_TEXTURES[kind].placed(rng, scale) for kind, scale in zip(factors["material"], scales)]

    def _ground_material(self, rng, ground):
        if ground == _GRAY:
            return raycast.PlainMaterial(_GROUND_COLOR)
        texture = table.GRASS if ground == _GRASS else _TEXTURES[ground]
        return texture.placed(rng, CAMOUFLAGE_SCALE if self.variant == "camo" else GROUND_SCALE)


def _body(number, shape, place, radius, degrees, tilt):
    """An object that rests on the ground."""
    rotation = raycast.rotation(2, math.radians(degrees))
    if shape in (_TORUS, _CAPSULE):
        rotation = raycast.compose(rotation, raycast.rotation(0, tilt if shape == _TORUS else _LYING))
    half_extent = radius / math.sqrt(2.0) if shape == _CUBE else radius
    body = raycast.Body(_UNIT_SHAPES[shape], (*place, 0.0), half_extent, None, number, rotation)
    return dataclasses.replace(body, position=(*place, body.support((0.0, 0.0, -1.0))))
