"""What a served model can be asked: the signatures of an export, as TensorFlow functions.

Three inputs (`serving_default`: uint8 images, `serve_float`: float32 images, `serve_bytes`: PNG or JPEG files), each
with constant noise and, as `<name>_with_noise`, with noise from the request; and `segment_bytes`, which answers files
with label PNGs of the files' own sizes and nothing else, because REST clients cannot choose outputs. Every input and
output has the batch as its first axis and nothing is scalar, as server-side batching and REST's row format demand.
Nothing is random: one draw of noise is part of the graph and every image gets it, whatever batch it arrives in.
"""

import dataclasses

import tensorflow as tf

from tfobj import noise as noise_lib
from tfobj.data import preprocessing


@dataclasses.dataclass(frozen=True)
class Signature:
    """One endpoint.

    Attributes:
        function: Callable of as many tensors as `inputs`; returns a dict name -> tensor.
        inputs: Tuple of `tf.TensorSpec`, batch first (None). The names are those of the requests.
    """

    function: object
    inputs: tuple


def constant_noise(model, options):
    """Draws the noise that an export gives to every image.

    Args:
        model: `ObjectModel`.
        options: `ServingOptions`.

    Returns:
        Dict name of `model.noise_spec` -> float32 array [1, ...].
    """
    return noise_lib.example_noise(options.noise_spec(model), options.noise_seed, [0])


def serving_signatures(model, options):
    """Describes every endpoint of a model.

    Args:
        model: Built `ObjectModel` in float32.
        options: `ServingOptions`.

    Returns:
        Dict name -> `Signature`. Outputs, see `model_card.OUTPUTS`:
            `serving_default`, `serve_float`, `serve_bytes` and their `_with_noise` twins: `segmentation` uint8 [B,H,W],
                `segmentation_thresholded` uint8 [B,H,W], `masks` float32 [B,K,H,W], `slots` float32 [B,K,D],
                `reconstruction` float32 [B,H,W,C] and, except for `serve_float_with_noise`, which other runtimes
                shall be able to import, `segmentation_png_bytes` string [B]. Maps have the model's size.
            `segment_bytes`: `segmentation_png_bytes`, `segmentation_thresholded_png_bytes`, string [B]. Each PNG has
                the size of the file it answers: strings stack whatever they hold.
    """
    predict = _predict_function(model, options)
    shape = (None, *model.image_shape)
    entries = {
        "serving_default": (tf.TensorSpec(shape, tf.uint8, "images"), _from_uint8),
        "serve_float": (tf.TensorSpec(shape, tf.float32, "images"), tf.identity),
        "serve_bytes": (tf.TensorSpec((None,), tf.string, "image_bytes"),
                        lambda image_bytes: decode_images(image_bytes, model.image_shape)[0]),
    }
    noise_inputs = tuple(tf.TensorSpec((None, *entry.shape[1:]), tf.float32, f"noise_{name}")
                         for name, entry in options.noise_spec(model).items())
    constants = constant_noise(model, options)
    signatures = {}
    for name, (spec, prepare) in entries.items():
        with_noise = _without_png if name == "serve_float" else _with_png
        signatures[name] = Signature(_with_constant_noise(predict, prepare, constants, _with_png), (spec,))
        signatures[f"{name}_with_noise"] = Signature(_with_given_noise(predict, prepare, with_noise),
                                                     (spec, *noise_inputs))
    signatures["segment_bytes"] = Signature(_segment_bytes(predict, constants, model.image_shape),
                                            (entries["serve_bytes"][0],))
    return signatures


def decode_images(image_bytes, image_shape):
    """Decodes image files and brings them to the model's size.

    Args:
        image_bytes: string [B]. PNG, JPEG, WebP, BMP or GIF (first frame) files of any size. Transparency and EXIF
            rotation are ignored.
        image_shape: Tuple (H, W, C).

    Returns:
        float32 [B, H, W, C] in [0, 1] and int32 [B, 2], the height and width of each file.
    """
    def decode(content):
        # The accurate transform gives the pixels that Pillow gives; the fast one is off by up to 17 levels.
        image = tf.cond(tf.io.is_jpeg(content),
                        lambda: tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE"),
                        lambda: tf.io.decode_image(content, channels=3, expand_animations=False))
        image = tf.ensure_shape(image, (None, None, 3))
        fitted = preprocessing.fit_image(image, image_shape)
        return tf.ensure_shape(fitted, image_shape), tf.shape(image)[:2]

    return tf.map_fn(decode, image_bytes, fn_output_signature=(tf.TensorSpec(image_shape, tf.float32),
                                                               tf.TensorSpec((2,), tf.int32)))


def _predict_function(model, options):
    """One traced graph that all signatures call: (images float32 [B,H,W,C], *noise) -> dict without PNG."""
    names = list(options.noise_spec(model))

    def predict(images, *noise):
        outputs = model(images, noise=dict(zip(names, noise)), num_slots=options.num_slots,
                        num_iterations=options.num_iterations)
        masks = outputs["masks"]
        # Not the model's own `segmentation`: Keras' argmax holds a bit cast that other runtimes cannot import.
        segmentation = tf.argmax(masks, axis=1, output_type=tf.int32)  # [B,H,W]
        is_object = tf.reduce_max(masks, axis=1) > options.threshold  # [B,H,W]
        if model.background_slot is not None:
            is_object &= segmentation != model.background_slot
        return {
            "masks": masks, "slots": outputs["slots"], "reconstruction": outputs["reconstruction"],
            "segmentation": tf.cast(segmentation, tf.uint8),
            "segmentation_thresholded": tf.cast(tf.where(is_object, segmentation + 1, 0), tf.uint8),
        }

    return tf.function(predict, autograph=False)


def _with_constant_noise(predict, prepare, constants, publish):
    return lambda images: publish(predict(prepare(images), *_repeat(constants, images)))


def _with_given_noise(predict, prepare, publish):
    return lambda images, *noise: publish(predict(prepare(images), *noise))


def _segment_bytes(predict, constants, image_shape):
    def function(image_bytes):
        images, sizes = decode_images(image_bytes, image_shape)
        outputs = predict(images, *_repeat(constants, image_bytes))
        return {f"{name}_png_bytes": _to_sized_png(outputs[name], sizes)
                for name in ("segmentation", "segmentation_thresholded")}

    return function


def _repeat(constants, batch):
    return [tf.repeat(tf.constant(value), tf.shape(batch)[0], axis=0) for value in constants.values()]


def _from_uint8(images):
    return tf.cast(images, tf.float32) / 255.0


def _without_png(outputs):
    return outputs


def _with_png(outputs):
    return {**outputs, "segmentation_png_bytes": _to_png(outputs["segmentation"])}


def _to_png(labels):
    return tf.io.encode_png(labels[..., None])  # [B,H,W,1] -> [B]


def _to_sized_png(labels, sizes):
    """Labels uint8 [B,H,W], each resized to its row of `sizes` int32 [B,2], as PNG files [B]."""
    return tf.map_fn(lambda entry: _to_png(preprocessing.map_back(*entry)), (labels, sizes),
                     fn_output_signature=tf.TensorSpec((), tf.string))
