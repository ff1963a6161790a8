"""Parts of serialized canonical examples, many at a time: what TFDS would decode one by one and as a whole."""

import tensorflow as tf

from tfobj.errors import UserError

PICTURES = ("image", "mask", "background")
FACTORS = ("objects", "visibility", "camera")


class ExampleReader:
    """Reads what `tfobj.data.builders.scene_builder.SceneBuilder` and its like have written.

    Args:
        features: `tfds.features.FeaturesDict` with `image` and any of `mask`, `background` (pictures or sequences of
            them), `visibility`, `objects` (factors [N, ...]) and `camera` (of sequences, [T, ...]).
        name: str. Name of the data set, for messages.

    Attributes:
        image_shape: Tuple (H, W, C).
        num_frames: int T of sequences, 0 for single pictures.
        max_objects: int N, or None where the data do not say what is visible.
        class_names: dict from factor to the tuple of its class names, for the factors that are classes. Classes
            without a name have their number.
        text_factors: tuple of the factors that are texts.

    Raises:
        UserError: the images are neither pictures nor sequences of one size.
    """

    def __init__(self, features, name):
        shape = features["image"].shape
        if len(shape) not in (3, 4) or None in shape:
            raise UserError(f"--dataset={name} has images of shape {shape}; pictures [H,W,C] of one size, or sequences "
                            "[T,H,W,C] of one length are needed")
        self.image_shape, self.num_frames = shape[-3:], shape[0] if len(shape) == 4 else 0
        self.max_objects = features["visibility"].shape[0] - 1 if "visibility" in features else None
        self.class_names = _class_names(features)
        self._picture_shapes = {part: features[part].shape[-3:] for part in PICTURES if part in features}
        self._stored = {part: features[part].get_serialized_info() for part in PICTURES + FACTORS if part in features}
        self.text_factors = tuple(factor for factor, info in self._stored.get("objects", {}).items()
                                  if info.tf_dtype == tf.string)

    def has(self, part):
        """Whether examples have a part, a name of `PICTURES` or `FACTORS`."""
        return part in self._stored

    def read(self, records, parts, num_frames=0):
        """Reads some parts; nothing else is looked at.

        Args:
            records: string [B], serialized examples.
            parts: Sequence of names; those that examples do not have are left out.
            num_frames: int T. Of sequences, the first so many frames; 0: all.

        Returns:
            dict: pictures uint8 [B,H,W,C], of sequences [B*T,H,W,C]; `visibility` bool [B,N+1]; `objects`, a dict
            from factor to [B,N, ...]; `camera` [B*T, ...].
        """
        stored = flat_parts({part: self._stored[part] for part in parts if part in self._stored})
        values = tf.io.parse_example(records, {
            key: tf.io.FixedLenFeature(info.shape, parsed_type(info.tf_dtype)) for key, info in stored.items()})
        values = {key: tf.cast(value, stored[key].tf_dtype) for key, value in values.items()}
        if self.num_frames:
            values.update({part: _first_frames(values[part], num_frames or self.num_frames)
                           for part in PICTURES + ("camera",) if part in values})
        pictures = [part for part in PICTURES if part in values]
        if pictures:
            values.update(self._decode({part: values[part] for part in pictures}))
        return nested_parts(values)

    def read_classes(self, records):
        """What object filters ask for; nothing else is looked at.

        Args:
            records: string [B], serialized examples that have `visibility`.

        Returns:
            dict: `exists` bool [B,N]; of the factors that are classes or texts, `objects/<factor>`, int16 or string
            [B,N].
        """
        stored = {f"objects/{factor}": self._stored["objects"][factor]
                  for factor in (*self.class_names, *self.text_factors)}
        stored["visibility"] = self._stored["visibility"]
        values = tf.io.parse_example(records, {
            key: tf.io.FixedLenFeature(info.shape, parsed_type(info.tf_dtype)) for key, info in stored.items()})
        exists = tf.cast(values.pop("visibility"), tf.bool)[:, 1:]
        return {"exists": exists, **{key: value if value.dtype == tf.string else tf.cast(value, tf.int16)
                                     for key, value in values.items()}}

    def _decode(self, encoded):
        """Decodes the pictures of an example together, because a turn of the loop costs as much as a small picture."""
        shapes = {part: self._picture_shapes[part] for part in encoded}

        def decode(strings):
            return {part: tf.ensure_shape(tf.io.decode_png(string, shapes[part][-1]), shapes[part])
                    for part, string in strings.items()}

        signature = {part: tf.TensorSpec(shape, tf.uint8) for part, shape in shapes.items()}
        return tf.map_fn(decode, encoded, fn_output_signature=signature)  # [B,H,W,C] or [B*T,H,W,C]


def _first_frames(values, num_frames):
    """[B,T, ...] -> [B*num_frames, ...]."""
    return tf.reshape(values[:, :num_frames], [-1, *values.shape[2:]])


def _class_names(features):
    factors = features["objects"] if "objects" in features else {}
    inner = {name: getattr(factors[name], "feature", factors[name]) for name in factors}
    return {name: tuple(feature.names) for name, feature in inner.items() if hasattr(feature, "names")}


def flat_parts(stored):
    """Keys as they stand in a `tf.train.Example`: the factors of `objects` as `objects/<factor>`."""
    flat = {part: info for part, info in stored.items() if part != "objects"}
    return {**flat, **{f"objects/{factor}": info for factor, info in stored.get("objects", {}).items()}}


def nested_parts(values):
    """The inverse of `flat_parts` for values of any kind."""
    nested = {key: value for key, value in values.items() if "/" not in key}
    objects = {key.partition("/")[2]: value for key, value in values.items() if "/" in key}
    return {**nested, "objects": objects} if objects else nested


def parsed_type(dtype):
    """The type of a `tf.train.Example` list that holds values of `dtype`."""
    if dtype == tf.string:
        return tf.string
    return tf.float32 if dtype.is_floating else tf.int64
