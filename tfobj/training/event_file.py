"""TensorBoard event files, written by TensorBoard's own writer: no TensorFlow is needed."""

import io
import time

import numpy as np
from PIL import Image
from tensorboard.compat.proto import event_pb2
from tensorboard.compat.proto import summary_pb2
from tensorboard.plugins.hparams import summary_v2 as hparams
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.scalar import metadata as scalar_metadata
from tensorboard.plugins.text import metadata as text_metadata
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util import tensor_util


class EventFile:
    """One event file of a run.

    Args:
        directory: str or path. Created if it does not exist.
        step: int. The step at which the run (re)starts: TensorBoard forgets what earlier files hold of later steps.
    """

    def __init__(self, directory, step=0):
        self._writer = EventFileWriter(str(directory))
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._writer.add_event(event_pb2.Event(wall_time=time.time(), step=step + 1, session_log=start))

    def scalar(self, name, value, step):
        """Records a number."""
        self._add(name, np.float32(value), scalar_metadata.create_summary_metadata("", ""), step)

    def image(self, name, picture, step):
        """Records a picture, uint8 [H,W,3]."""
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, format="png")
        height, width = picture.shape[:2]
        content = [str(width).encode(), str(height).encode(), stream.getvalue()]
        self._add(name, np.array(content, dtype=object), image_metadata.create_summary_metadata("", ""), step)

    def text(self, name, text, step):
        """Records a text in Markdown."""
        self._add(name, np.array(text.encode(), dtype=object), text_metadata.create_summary_metadata("", ""), step)

    def hyper_parameters(self, values):
        """Records hyper-parameters: a dict of numbers, booleans and strings."""
        self._event(hparams.hparams_pb(values), 0)

    def flush(self):
        """Writes out what is buffered."""
        self._writer.flush()

    def close(self):
        """Flushes and closes the file."""
        self._writer.close()

    def _add(self, name, value, metadata, step):
        tensor = tensor_util.make_tensor_proto(value)
        self._event(summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=name, tensor=tensor, metadata=metadata)]),
                    step)

    def _event(self, summary, step):
        self._writer.add_event(event_pb2.Event(wall_time=time.time(), step=step, summary=summary))
