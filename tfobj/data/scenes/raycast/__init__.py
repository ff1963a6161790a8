"""A vectorised ray caster in NumPy: small pictures of simple bodies with soft shadows, metal, and exact id maps.

Coordinates are right-handed with z up. Example: a red ball beside a metal cube under one lamp.

    import numpy as np
    from tfobj.data.scenes import raycast

    bodies = (raycast.Body(raycast.Sphere(), (-0.8, 0, 0.7), 0.7, raycast.rubber((0.68, 0.14, 0.14)), id=1),
              raycast.Body(raycast.Box(), (1, 0, 0.5), 0.5, raycast.metal((0.16, 0.82, 0.82)), id=2,
                           rotation=raycast.rotation(2, 0.4)))
    world = raycast.World(bodies, (raycast.floor(raycast.PlainMaterial((0.5, 0.5, 0.5))),),
                          (raycast.Light((6.4, -2.9, 4.3), 0.5),),
                          offsets=raycast.penumbra_offsets(np.random.default_rng(0)))
    camera = raycast.Camera.look_at((7.5, -6.5, 5.3), (0, 0, 0), vertical_fov=37.85, aspect=4 / 3)
    image, ids = raycast.render(world, camera, (240, 320), samples=2)

* bodies (`Body`): a unit shape - `Sphere`, `Box`, `Cylinder`, `Cone`, `Capsule`, `Torus`, `Polyhedron`,
  `tetrahedron()`, `icosahedron()` - with half extents, rotation, position, material and id;
* planes (`Plane`, `floor`): bounded or not;
* materials (`PlainMaterial`, `rubber`, `metal`, or any object with `albedo(points)`, `specular`, `exponent`, `metal`);
* lamps (`Light`), soft shadows (`penumbra_offsets`), sky (`World.background`, `sky_gradient`);
* `render` and, for visibility rules, `render_ids`;
* `rotation` and `compose` for rotations.

Id maps and positions are computed in float64 without BLAS and without transcendental functions of arrays, so they
repeat bit for bit; colours are float32.
"""

from tfobj.data.scenes.raycast.body import Body
from tfobj.data.scenes.raycast.camera import Camera
from tfobj.data.scenes.raycast.light import Light
from tfobj.data.scenes.raycast.light import penumbra_offsets
from tfobj.data.scenes.raycast.material import metal
from tfobj.data.scenes.raycast.material import PlainMaterial
from tfobj.data.scenes.raycast.material import rubber
from tfobj.data.scenes.raycast.plane import floor
from tfobj.data.scenes.raycast.plane import Plane
from tfobj.data.scenes.raycast.polyhedra import Box
from tfobj.data.scenes.raycast.polyhedra import icosahedron
from tfobj.data.scenes.raycast.polyhedra import Polyhedron
from tfobj.data.scenes.raycast.polyhedra import tetrahedron
from tfobj.data.scenes.raycast.quadrics import Capsule
from tfobj.data.scenes.raycast.quadrics import Cone
from tfobj.data.scenes.raycast.quadrics import Cylinder
from tfobj.data.scenes.raycast.quadrics import Sphere
from tfobj.data.scenes.raycast.render import render
from tfobj.data.scenes.raycast.render import render_ids
from tfobj.data.scenes.raycast.torus import Torus
from tfobj.data.scenes.raycast.vectors import compose
from tfobj.data.scenes.raycast.vectors import rotation
from tfobj.data.scenes.raycast.world import Shading
from tfobj.data.scenes.raycast.world import sky_gradient
from tfobj.data.scenes.raycast.world import World
