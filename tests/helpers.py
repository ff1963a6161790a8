"""What tests of layers and models share: small inputs, gradients by name, checks that every layer or model passes."""

import pathlib

import keras
import numpy as np
import tensorflow as tf

from tfobj import config
from tfobj import iodine_config as iodine_config_lib
from tfobj import noise as noises

ROOT = pathlib.Path(__file__).resolve().parents[1]


def slot_attention_config(**changes):
    """Configuration of a Slot Attention autoencoder with every sort of layer and a few thousand weights."""
    values = {"num_slots": 3, "num_iterations": 2, "slot_size": 8, "mlp_hidden_size": 12, "encoder_channels": 6,
              "encoder_strides": (2, 1), "decoder_channels": 6, "decoder_broadcast_size": 0, "decoder_strides": (2, 1),
              **changes}
    return config.SlotAttentionConfig(**values)


def iodine_config(**changes):
    """Configuration of an IODINE with every sort of layer and about a thousand weights."""
    values = {"num_slots": 3, "num_iterations": 2, "latent_size": 3, "decoder_filters": (4,),
              "refinement_filters": (4,), "refinement_mlp": (5, 4), "lstm_size": 4, "pixel_scale": 0.3, **changes}
    return iodine_config_lib.IodineConfig(**values)


def array(tensor):
    """The values of a tensor, variable or array as a NumPy array."""
    return tf.convert_to_tensor(tensor).numpy()


def images(count, image_shape, seed=0):
    """Random images of coloured blocks, uint8 [count, H, W, C]."""
    height, width, channels = image_shape
    blocks = np.random.default_rng(seed).integers(0, 256, (count, -(-height // 4), -(-width // 4), channels))
    return blocks.repeat(4, axis=1).repeat(4, axis=2)[:, :height, :width].astype(np.uint8)


def unit_images(count, image_shape, seed=0):
    """The same as float32 in [0, 1], what models take."""
    return images(count, image_shape, seed).astype(np.float32) / 255.0


def noise_of(model, count, seed=0, num_slots=None, num_iterations=None):
    """Noise of `count` images, dict name -> float32 array."""
    return noises.example_noise(model.noise_spec(1, num_slots, num_iterations), seed, range(count))


def outputs_and_terms(model, **arguments):
    """Outputs for two random images, and the terms of their loss; two dicts of arrays. `arguments` are the call's."""
    image = unit_images(2, model.image_shape)
    outputs = model(image, noise=noise_of(model, 2), **arguments)
    terms = model.losses_of(image, outputs)
    return tuple({name: array(value) for name, value in values.items()} for values in (outputs, terms))


def perturb(module, seed=0, scale=0.1):
    """Moves every weight by normal noise, so that initial zeros and ones hide nothing; returns the module."""
    generator = np.random.default_rng(seed)
    for variable in module.trainable_variables:
        variable.assign(array(variable) + generator.normal(0.0, scale, variable.shape).astype(np.float32))
    return module


def gradients(module, scalar):
    """Gradients of `scalar()` with respect to the trainable weights.

    Args:
        module: Built layer or model.
        scalar: Function without arguments that calls it and returns a scalar.

    Returns:
        Dict from the weight's path below the module to an array, None where the weight was not used.
    """
    variables = module.trainable_variables
    with tf.GradientTape() as tape:
        value = scalar()
    values = tape.gradient(value, [variable.value for variable in variables])
    return {weight_name(variable): None if gradient is None else array(gradient)
            for variable, gradient in zip(variables, values)}


def weight_name(variable):
    """Path of a weight below its model or layer, e.g. `slot_attention/q/kernel`."""
    return variable.path.split("/", 1)[1]


def count_parameters(module):
    """Number of trainable scalars."""
    return sum(int(np.prod(variable.shape)) for variable in module.trainable_variables)


def largest_difference(first, second):
    """Largest absolute difference over two equally structured dicts or sequences of arrays."""
    first, second = keras.tree.flatten(first), keras.tree.flatten(second)
    assert len(first) == len(second)
    return max(float(np.max(np.abs(array(a).astype(np.float64) - array(b)), initial=0.0))
               for a, b in zip(first, second))


def copy_weights(source, target):
    """Gives `target` the weights of `source`; returns `target`."""
    assert [weight_name(v) for v in source.weights] == [weight_name(v) for v in target.weights]
    for mine, theirs in zip(target.weights, source.weights):
        mine.assign(array(theirs))
    return target


def check_independent_weights(test, module):
    """Fails if two trainable weights start from the same random numbers.

    An initializer of Keras repeats its numbers at every call: given to several layers, it makes them copies.

    Args:
        test: `unittest.TestCase`.
        module: Built layer or model with its initial weights.

    Returns:
        int, how many weights were compared; those with few or equal numbers cannot be.
    """
    drawn = {}
    for variable in module.trainable_variables:
        values = array(variable).astype(np.float64).ravel()[:64]
        if values.size >= 12 and values.std() > 0.0:
            drawn[weight_name(variable)] = values
    for index, (name, values) in enumerate(drawn.items()):
        for other, others in list(drawn.items())[:index]:
            count = min(values.size, others.size)
            likeness = np.corrcoef(values[:count], others[:count])[0, 1]
            test.assertLess(abs(likeness), 0.98, f"{name} and {other} start from the same numbers")
    return len(drawn)


def run_layer_test(test, layer_class, arguments, inputs, output_shape, num_parameters, call_arguments=None, pick=None,
                   inert=()):
    """Checks what every layer promises: shape, weights, gradients, configuration and low precision.

    Args:
        test: `unittest.TestCase`.
        layer_class: Class of the layer.
        arguments: Dict of constructor arguments.
        inputs: float32 array.
        output_shape: Tuple.
        num_parameters: int.
        call_arguments: Dict of further arguments of the call.
        pick: Function that takes the float output from what the call returns.
        inert: Names of weights whose gradient is zero in exact arithmetic.

    Returns:
        The built layer.
    """
    keras.utils.set_random_seed(0)
    pick = pick or (lambda outputs: outputs)
    layer = layer_class(**arguments, name="layer")

    def run(this):
        return pick(this(inputs, **(call_arguments or {})))

    run(layer)
    outputs = run(perturb(layer))
    test.assertEqual(tuple(outputs.shape), tuple(output_shape))
    test.assertEqual(keras.backend.standardize_dtype(outputs.dtype), "float32")
    test.assertEqual(count_parameters(layer), num_parameters)
    _check_gradients(test, gradients(layer, lambda: keras.ops.mean(keras.ops.square(run(layer) - 0.5))), inert)

    twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    run(twin)
    np.testing.assert_array_equal(run(copy_weights(layer, twin)), outputs)

    low = layer_class(**arguments, dtype="mixed_bfloat16", name="layer")
    run(low)
    low_outputs = array(keras.ops.cast(run(copy_weights(layer, low)), "float32"))
    test.assertTrue(np.isfinite(low_outputs).all())
    scale = np.abs(outputs).max()
    test.assertLess(np.abs(low_outputs - outputs).max(), 0.1 * scale)
    return layer


def run_model_test(test, model, num_parameters, extra_shapes=None, batch_size=2, target=None):
    """Checks the contract of the outputs and losses of `tfobj.models.object_model` or `tfobj.models.set_predictor`.

    Args:
        test: `unittest.TestCase`.
        model: Built model.
        num_parameters: int or None, for not to check it.
        extra_shapes: Dict from the name of an extra output to its shape.
        batch_size: int.
        target: What the loss compares the outputs with; None: the images.

    Returns:
        The outputs, dict of arrays.
    """
    image = unit_images(batch_size, model.image_shape)
    tensors = model(image, noise=noise_of(model, batch_size))
    outputs = {name: array(value) for name, value in tensors.items()}
    test.assertEqual(model.output_names(), set(outputs))
    for name, shape in {**_output_shapes(model), **(extra_shapes or {})}.items():
        test.assertEqual(outputs[name].shape, (batch_size, *shape), name)
    test.assertEqual(outputs["slots"].shape[:2], (batch_size, model.num_slots))
    for name, value in outputs.items():
        test.assertEqual(value.dtype, np.int32 if name == "segmentation" else np.float32, name)
        test.assertTrue(np.isfinite(value).all(), name)
    if "masks" in outputs:
        np.testing.assert_allclose(outputs["masks"].sum(axis=1), 1.0, atol=1e-5)
        np.testing.assert_array_equal(outputs["segmentation"], outputs["masks"].argmax(axis=1))
    for name, term in model.losses_of(image if target is None else target, tensors).items():
        test.assertEqual((tuple(term.shape), array(term).dtype), ((batch_size,), np.float32), name)
    if num_parameters is not None:
        test.assertEqual(count_parameters(model), num_parameters)
    return outputs


def _output_shapes(model):
    (height, width, channels), slots = model.image_shape, model.num_slots
    if model.task == "set_prediction":
        return {"predictions": model.target_shape}
    return {"reconstruction": (height, width, channels), "masks": (slots, height, width),
            "components": (slots, height, width, channels), "segmentation": (height, width)}


def _check_gradients(test, values, inert):
    test.assertEqual(sorted(set(inert) - set(values)), [], "declared without gradient, but no such weight")
    for name, value in values.items():
        test.assertIsNotNone(value, name)
        test.assertTrue(np.isfinite(value).all(), name)
        if name in inert:
            test.assertLess(np.abs(value).max(), 1e-6, name)
        else:
            test.assertGreater(np.abs(value).max(), 1e-6, name)
