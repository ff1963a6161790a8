"""What differs between the backends when a model is trained: devices, the compiled step, batches.

An engine has

* `num_replicas`, `num_workers`: int; `is_chief`: bool, whether this process writes the run directory;
* `describe()`: str, the devices in words; `warning()`: str or None;
* `scope()`: context manager in which model and optimizer are created;
* `open_source(data_config)`: the data, with `image_shape`, `has_masks`, `max_objects`, `num_examples(split)`,
  `fingerprint()`;
* `training_input(source, data_config, batch_size, seed)` and `evaluation_input(source, data_config, split,
  num_examples, batch_size)`: with `num_examples`; the former with `with_parts(parts)`, see
  `tfobj.data.pipeline.TrainingInput`; the latter also with `examples(count)`, the first ones as one batch
  of arrays;
* `training(model, optimizer, config, first_step=0)`, `first_step` being the step of the run at which the optimizer has
  made none: its `start(training_input, step)` returns a loop that begins with the batch of that step of the input,
  whose `run(num_steps)` makes up to so many optimizer steps and returns (steps made, mean of the terms, terms of the
  last step), stopping behind a step that `is_healthy` refuses, and whose `close()` ends it;
* `mapper(model, function, evaluation_input)`: its `run(noise)` yields, batch by batch, `function(batch, noise rows)` as
  a dict of arrays [B, ...] over the global batch, with `index` and `valid` of `EvaluationInput.dataset` in `batch`;
* `outputs(model, image, noise, **overrides)`: the model's outputs as arrays;
* `compiled(function, model=None)`: `function` with its arguments, dicts of tensors or tensors, and the dict that it
  returns as arrays; `model` is the one whose weights it uses;
* `agree(stop, seconds)`: what all processes decide together, (bool, float).
"""

import keras

from tfobj.errors import UserError


def make_engine(config):
    """Prepares the process for a run on the backend that Keras was started with.

    Args:
        config: `tfobj.config.TrainConfig`.

    Returns:
        `TensorFlowEngine` or `JaxEngine`.

    Raises:
        UserError: the backend cannot train, or the devices do not fit the configuration.
    """
    return _engine_class().configured(config)


def single_device_engine():
    """The engine that scores a model on one device, with the process as it is."""
    return _engine_class()()


def _engine_class():
    backend = keras.config.backend()
    if backend == "tensorflow":
        from tfobj.training.tensorflow_engine import TensorFlowEngine
        return TensorFlowEngine
    if backend == "jax":
        from tfobj.training.jax_engine import JaxEngine
        return JaxEngine
    raise UserError(f"KERAS_BACKEND={backend} cannot train; use tensorflow or jax")
