"""Solid procedural textures: colours as functions of points in space, so that no surface needs to be unwrapped.

* `table`: `STANDARD` (60 `TextureMaterial`s: twelve families times five), `UNSEEN` (25: five other families times
  five, for out-of-distribution scenes: zigzag, rings, camouflage, grain and swirls), `GRASS`, `VERSION`. The two
  colours of a material are random, drawn again until their luminances differ by 0.22.
* `material`: `TextureMaterial` with `name`, `albedo(points)`, `specular`, `exponent`, `metal` and
  `placed(rng, scale=1.0)`, which gives the same material with its pattern moved to a random place and scaled;
  `GROUND_SCALE`, the scale on grounds of CLEVRTEX-like scenes.
* `patterns`, `unseen_patterns`: the families, functions (points float32 [3,M], seed) -> share of the second colour [M].
* `noise`: `hash_cells`, `hash_unit`, `lattice_noise`, `fractal_noise`, `worley`; `waves`: periodic functions.

Nothing here draws random numbers except `placed`, and nothing uses transcendental functions, so a material has the same
colours on every machine.
"""
