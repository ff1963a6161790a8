"""What a served model can be asked: the signatures of an export, as TensorFlow functions.

Three inputs (`serving_default`: uint8 images, `serve_float`: float32 images, `serve_bytes`: PNG or JPEG files), each
with constant noise and, where the model draws any, as `<name>_with_noise`, with noise from the request; what the
model's answers have besides, see `tfobj.serving.answers`; and of models with a prior over scenes `sample`, noise in,
scene out. Every input and output has the batch as its first axis and nothing is scalar, as server-side batching and
REST's row format demand. Nothing is random: one draw of noise is part of the graph and every image gets it, whatever
batch it arrives in.
"""

import dataclasses

import tensorflow as tf

from tfobj import noise as noise_lib
from tfobj.data import preprocessing
from tfobj.models.scene_prior import ScenePrior
from tfobj.serving.answers import answers_of


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
        model: Built `SlotModel` in float32.
        options: `ServingOptions`.

    Returns:
        Dict name -> `Signature`. `serving_default`, `serve_float`, `serve_bytes` and their `_with_noise` twins return
        the published answers, except for `serve_float_with_noise` (`serve_float` where there is no noise), which other
        runtimes shall be able to import. Maps have the model's size.
    """
    answers = answers_of(model, options)
    predict = _predict_function(model, options, answers)
    shape = (None, *model.image_shape)
    entries = {
        "serving_default": (tf.TensorSpec(shape, tf.uint8, "images"), _from_uint8),
        "serve_float": (tf.TensorSpec(shape, tf.float32, "images"), tf.identity),
        "serve_bytes": (bytes_spec(), lambda files: decode_images(files, model.image_shape, options.antialias)[0]),
    }
    noise_inputs = _noise_inputs(options.noise_spec(model))
    constants = constant_noise(model, options)
    signatures = {}
    for name, (spec, prepare) in entries.items():
        portable = dict if name == "serve_float" else answers.published
        publish = answers.published if noise_inputs else portable
        signatures[name] = Signature(_with_constant_noise(predict, prepare, constants, publish), (spec,))
        if noise_inputs:
            signatures[f"{name}_with_noise"] = Signature(_with_given_noise(predict, prepare, portable),
                                                         (spec, *noise_inputs))
    if isinstance(model, ScenePrior):
        spec = options.sample_noise_spec(model)
        signatures["sample"] = Signature(_sample_function(model, answers, list(spec)), _noise_inputs(spec))
    return {**signatures, **answers.more_signatures(predict, constants)}


def bytes_spec():
    """The input of the signatures that take image files."""
    return tf.TensorSpec((None,), tf.string, "image_bytes")


def decode_images(image_bytes, image_shape, antialias=True):
    """Decodes image files and brings them to the model's size.

    Args:
        image_bytes: string [B]. PNG, JPEG, WebP, BMP or GIF (first frame) files of any size. Transparency and EXIF
            rotation are ignored.
        image_shape: Tuple (H, W, C).
        antialias: bool. See `preprocessing.fit_image`.

    Returns:
        float32 [B, H, W, C] in [0, 1] and int32 [B, 2], the height and width of each file.
    """
    def decode(content):
        # The accurate transform gives the pixels that Pillow gives; the fast one is off by up to 17 levels.
        image = tf.cond(tf.io.is_jpeg(content),
                        lambda: tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE"),
                        lambda: tf.io.decode_image(content, channels=3, expand_animations=False))
        image = tf.ensure_shape(image, (None, None, 3))
        fitted = preprocessing.fit_image(image, image_shape, antialias)
        return tf.ensure_shape(fitted, image_shape), tf.shape(image)[:2]

    return tf.map_fn(decode, image_bytes, fn_output_signature=(tf.TensorSpec(image_shape, tf.float32),
                                                               tf.TensorSpec((2,), tf.int32)))


def repeat(constants, batch):
    """Constant noise, dict of arrays [1, ...], for every row of a batch: list of tensors [B, ...]."""
    return [tf.repeat(tf.constant(value), tf.shape(batch)[0], axis=0) for value in constants.values()]


def _predict_function(model, options, answers):
    """One traced graph that all signatures call: (images float32 [B,H,W,C], *noise) -> dict without strings."""
    names = list(options.noise_spec(model))

    def predict(images, *noise):
        return answers.tensors(model(images, noise=dict(zip(names, noise)), num_slots=options.num_slots,
                                     num_iterations=options.num_iterations))

    return tf.function(predict, autograph=False)


def _sample_function(model, answers, names):
    """(*noise) -> dict: the scene as the answers describe one, and its `components`."""
    def sample(*noise):
        scene = model.sample(dict(zip(names, noise)))
        return {**answers.tensors(scene), "components": scene["components"]}

    return sample


def _noise_inputs(spec):
    return tuple(tf.TensorSpec((None, *entry.shape[1:]), tf.float32, f"noise_{name}") for name, entry in spec.items())


def _with_constant_noise(predict, prepare, constants, publish):
    return lambda images: publish(predict(prepare(images), *repeat(constants, images)))


def _with_given_noise(predict, prepare, publish):
    return lambda images, *noise: publish(predict(prepare(images), *noise))


def _from_uint8(images):
    return tf.cast(images, tf.float32) / 255.0
