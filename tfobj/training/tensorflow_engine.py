"""Training and scoring with TensorFlow: `tf.distribute` and `tf.data`. The interface is that of `engine`."""

import tensorflow as tf

from tfobj.data import pipeline
from tfobj.data import source as sources
from tfobj.training import devices
from tfobj.training.arrays import as_arrays
from tfobj.training.step import TrainingStep


class TensorFlowEngine:
    """See `tfobj.training.engine`.

    Args:
        strategy: `tf.distribute.Strategy` or None for the current one.
    """

    open_source = staticmethod(sources.open_source)
    training_input = staticmethod(pipeline.TrainingInput)
    evaluation_input = staticmethod(pipeline.EvaluationInput)
    warning = staticmethod(devices.gpu_warning)

    def __init__(self, strategy=None):
        self.strategy = strategy or tf.distribute.get_strategy()

    @classmethod
    def configured(cls, config):
        """Prepares the process for a run described by a `TrainConfig`."""
        return cls(devices.configure(config))

    @property
    def num_replicas(self):
        """int, replicas of all workers."""
        return self.strategy.num_replicas_in_sync

    @property
    def num_workers(self):
        """int, processes that train together."""
        return devices.num_workers(self.strategy)

    @property
    def is_chief(self):
        """bool, whether this process writes the run directory."""
        return devices.is_chief(self.strategy)

    def describe(self):
        """The devices in words."""
        return devices.describe(self.strategy)

    def scope(self):
        """Context in which model and optimizer are created."""
        return self.strategy.scope()

    def training(self, model, optimizer, config, first_step=0):
        """See the module `engine`."""
        return _Training(TrainingStep(model, optimizer, self.strategy, config.seed, config.clip_norm,
                                      config.jit_compile, first_step))

    def mapper(self, model, function, evaluation_input):
        """See the module `engine`."""
        del model  # the function holds it
        return _Mapper(self.strategy, function, evaluation_input)

    def outputs(self, model, image, noise, **overrides):
        """See the module `engine`."""
        return as_arrays(model(image, noise=noise, **overrides))

    def compiled(self, function, model=None):
        """See the module `engine`."""
        del model  # the function holds it
        traced = tf.function(function, autograph=False)
        return lambda *arguments: as_arrays(traced(*arguments))

    def agree(self, stop, seconds):
        """Whether any worker wants to stop, and the workers' mean of `seconds`."""
        if self.num_workers == 1:
            return stop, seconds
        mine = tf.constant([1.0 if stop else 0.0, seconds], tf.float32)
        stops, total = self.strategy.reduce("SUM", mine, axis=None).numpy()
        return bool(stops), float(total) / self.num_workers  # one value of each worker was summed


class _Training:
    """Makes training loops; the compiled step is shared by all of them."""

    def __init__(self, step):
        self._step = step

    def start(self, training_input, step):
        """See the module `engine`."""
        return _Loop(self._step, training_input, step)


class _Loop:
    def __init__(self, training_step, training_input, start_step):
        def batches(context):
            return training_input.dataset(start_step, context.num_input_pipelines, context.input_pipeline_id,
                                          context.num_replicas_in_sync // context.num_input_pipelines)

        self._step, self._input = training_step, training_input
        self._iterator = iter(training_step.strategy.distribute_datasets_from_function(batches))

    def run(self, num_steps):
        """See the module `engine`."""
        return self._step.run(self._iterator, num_steps)

    def close(self):
        """Lets the input come to rest."""
        self._input.settle()


class _Mapper:
    def __init__(self, strategy, function, evaluation_input):
        self._strategy, self._function, self._input = strategy, function, evaluation_input
        self._run_batch = tf.function(self._run_batch_of, autograph=False)
        self._dataset = None

    def run(self, noise):
        """See the module `engine`."""
        tables = {name: tf.constant(table) for name, table in noise.items()}
        batches = iter(self._batches())  # held until the input has come to rest
        try:
            for batch in batches:
                yield {name: value.numpy() for name, value in self._run_batch(batch, tables).items()}
        except BaseException:
            self._input.settle()
            raise

    def _batches(self):
        if self._dataset is None:
            self._dataset = self._strategy.distribute_datasets_from_function(lambda context: self._input.dataset(
                num_shards=context.num_input_pipelines, shard_index=context.input_pipeline_id,
                replicas_per_shard=context.num_replicas_in_sync // context.num_input_pipelines))
        return self._dataset

    def _run_batch_of(self, batch, noise):
        values = self._strategy.run(self._values_of, (batch, noise))
        if isinstance(self._strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return {name: self._strategy.gather(value, axis=0) for name, value in values.items()}
        return {name: tf.concat(self._strategy.experimental_local_results(value), axis=0)
                for name, value in values.items()}

    def _values_of(self, batch, noise):
        rows = {name: tf.gather(table, batch["index"]) for name, table in noise.items()}
        return {name: tf.cast(value, tf.int32) if value.dtype == tf.bool else value  # gathering takes no booleans
                for name, value in self._function(batch, rows).items()}
