"""Scene generators in NumPy. Nothing here imports TensorFlow: worker processes load only this package.

Every generator is a frozen dataclass with

* `image_shape`: tuple (H, W, C),
* `max_objects`: int N,
* `draw(rng)`: one scene as made by `tfobj.data.scenes.scene.make_scene`.

`tfobj.data.scenes.generation` turns a generator, a seed and a split into a stream of encoded examples.
"""
