"""What the outputs of a model are made for, and with that how they are scored and drawn: one task per file.

A task has

* `values_of(batch, outputs, target, max_objects)`: values of each image, a dict of tensors [B, ...], besides the terms
  of the loss. `batch` is one of the data with image and mask of the frame that the outputs describe; `target` is what
  `SlotModel.target_of` made of it, or None where the data do not say what it takes; `max_objects` is that of the data,
  None where there are no masks;
* `summary(per_image)`: scores over all images, dict of numbers and lists, from all these values as arrays [N, ...];
* `headline(scores)`: (name, value) of the score that chooses the best checkpoint; the name of a loss starts with "-";
* `SHOWN`: names of the scores that the progress shows; `TABLE`: pairs of the name of a score and its meaning;
* `missing_slots(num_slots, max_objects)`: how many more slots the fullest scene would need;
  `before_training(missing_slots, num_slots, dataset)` and `after_validation(scores)`: warnings, lists of str;
* `pictures(model, batch, outputs, num_iterations=None)`: dict from name to uint8 [height, width, 3], from arrays; the
  first shows the most.
"""

from tfobj import registry

TASKS = {
    "object_discovery": "tfobj.tasks.object_discovery:ObjectDiscovery",
    "set_prediction": "tfobj.tasks.set_prediction:SetPrediction",
}
"""Name, as of `SlotModel.task`, -> `module:Class`."""


def task_of(model):
    """The task of a model, or of a class of models."""
    return registry.load(TASKS[model.task])()
