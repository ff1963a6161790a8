"""The phases of a run, which follow one another in one command, each with an optimizer of its own.

    --phases=background:500000:batch_size=128:learning_rate=2e-3,frozen:30000,joint:95000

A phase is NAME:STEPS, a name that the model knows (`SlotModel.phases`) and its optimizer steps, followed by the knobs
that differ from those of the flags. A phase whose learning rate has the knobs of the phase before goes on with that
schedule, as `joint` above with that of `frozen`: it is warmed up once. `schedule=restart` begins it anew. The optimizer
is a new one, unless `moments=keep` asks for that of the phase before. `precompute=background` computes once for every
image, when the phase begins, what `frozen` does not train.
"""

import dataclasses

from tfobj import config as configuration
from tfobj.errors import UserError

SCHEDULE = ("learning_rate", "warmup_steps", "warmup", "decay", "decay_rate", "decay_steps")
"""Knobs of the learning rate that a phase may change."""

KNOBS = ("batch_size", *SCHEDULE, "optimizer", "adam_epsilon", "adam_beta_1", "adam_beta_2", "rmsprop_rho",
         "rmsprop_epsilon", "weight_decay", "clip_norm")
"""All knobs that a phase may change."""

WORDS = {"schedule": ("restart", "to go on with the schedule"), "moments": ("keep", "for a new optimizer"),
         "precompute": ("background", "to compute it in every step")}
"""Settings of phases alone: their only value, and what they are left out for."""

_FIELDS = {field.name: field for field in dataclasses.fields(configuration.TrainConfig)}
_HOW = "write NAME:STEPS or NAME:STEPS:knob=value, phases separated by commas"


@dataclasses.dataclass(frozen=True)
class Phase:
    """One phase of a run.

    Attributes:
        name: str. Empty for a run without phases.
        first_step: int. Step of the run at which it begins.
        end: int. Step of the run at which it is over.
        config: `TrainConfig` of the phase; its `num_steps` is the length of the learning rate's schedule.
        schedule_start: int. Step of the run at which that schedule began.
        first_batch: int. Batch of the training input with which it begins, so that the order of the images goes on.
        earlier: Tuple of (name, first step) of the phases before whose optimizer goes on; empty: it is a new one.
        precompute: str. What of every image is computed once, when the phase begins; empty: nothing.
    """

    name: str
    first_step: int
    end: int
    config: configuration.TrainConfig
    schedule_start: int = 0
    first_batch: int = 0
    earlier: tuple = ()
    precompute: str = ""

    @property
    def optimizer_start(self):
        """int, step of the run at which its optimizer had made none."""
        return self.earlier[0][1] if self.earlier else self.first_step


def phases_of(train):
    """The phases of a run, in order.

    Args:
        train: `TrainConfig`.

    Returns:
        Tuple of `Phase`; a single one without a name where there is no `--phases`.

    Raises:
        UserError: `--phases` cannot be read.
    """
    if not train.phases:
        return (Phase("", 0, train.num_steps, train),)
    phases = []
    for text in train.phases.split(","):
        phases.append(_phase_after(phases, *_parsed(text.strip(), train.phases), train))
    return tuple(_with_schedule_length(phase, phases) for phase in phases)


def phase_at(phases, step):
    """The phase that makes the update of a step, the last one where all are over."""
    return next((phase for phase in phases if step < phase.end), phases[-1])


def phase_before(phases, step):
    """The phase that has made the last update before a step, the first one where there is none."""
    return phase_at(phases, max(0, step - 1))


def with_num_steps(train):
    """The configuration with the `num_steps` that its phases make; unchanged where there are none."""
    return dataclasses.replace(train, num_steps=phases_of(train)[-1].end) if train.phases else train


def check_names(train, model_name, known, precomputable=None):
    """Checks that a model knows the phases.

    Args:
        train: `TrainConfig`.
        model_name: str.
        known: Tuple of str, `SlotModel.phases`.
        precomputable: Dict, `SlotModel.precomputable`, or None for none.

    Raises:
        UserError: it does not, or a phase shall compute in advance what it trains.
    """
    for phase in phases_of(train):
        if phase.name and not known:
            raise UserError(f"--phases={train.phases}: {model_name} is trained in one piece; leave it out and use "
                            "--num_steps")
        if phase.name and phase.name not in known:
            raise UserError(f"--phases={train.phases}: {model_name} has no phase {phase.name!r}; it has "
                            f"{', '.join(known)}")
        can = [name for name, what in (precomputable or {}).items() if what == phase.precompute]
        if phase.precompute and phase.name not in can:
            raise UserError(f"--phases={train.phases}: precompute={phase.precompute} is not for {phase.name} of "
                            f"{model_name}, {f'only for {can[0]}' if can else 'which has no such phase'}; leave it out")


def free_knobs(before, after, ignored=()):
    """Which knobs of the length of a run may differ when it is resumed: those on which no learning rate depends.

    Args:
        before: `TrainConfig` with which the run was started.
        after: `TrainConfig` with which it is resumed.
        ignored: Names of knobs that may differ in any case.

    Returns:
        Set of str.
    """
    last = phases_of(after)[-1]
    if last.config.decay == "cosine" and not last.config.decay_steps:
        return set()
    if not after.phases or not before.phases:
        return {"num_steps"} if before.phases == after.phases else set()
    same = {knob: getattr(after, knob) for knob in ignored if hasattr(after, knob)}
    return {"num_steps", "phases"} if _without_end(before, same) == _without_end(after, same) else set()


def _without_end(train, same):
    """The phases but for the end of the last one and what is computed in advance, with some knobs set."""
    phases = [dataclasses.replace(phase, precompute="", config=dataclasses.replace(
        phase.config, num_steps=1, phases="", **same)) for phase in phases_of(train)]
    return [*phases[:-1], dataclasses.replace(phases[-1], end=0)]


def _phase_after(phases, name, num_steps, changes, train):
    """The phase behind those that there are, but for the length of its schedule."""
    config = dataclasses.replace(train, **{knob: value for knob, value in changes.items() if knob not in WORDS})
    if "moments" in changes:
        _check_moments(phases, name, config)
    if not phases:
        return Phase(name, 0, num_steps, config, precompute=changes.get("precompute", ""))
    last = phases[-1]
    goes_on = "schedule" not in changes and all(getattr(config, knob) == getattr(last.config, knob)
                                                for knob in SCHEDULE)
    earlier = (*last.earlier, (last.name, last.first_step)) if "moments" in changes else ()
    seen = sum((phase.end - phase.first_step) * phase.config.batch_size for phase in phases)
    return Phase(name, last.end, last.end + num_steps, config, last.schedule_start if goes_on else last.end,
                 -(-seen // config.batch_size), earlier, changes.get("precompute", ""))


def _check_moments(phases, name, config):
    """Refuses to keep what there is not."""
    where = f"--phases={config.phases}: moments=keep of {name}"
    if not phases:
        raise UserError(f"{where} has no phase before it; leave it out")
    used = sorted({phases[-1].config.optimizer, config.optimizer})
    if len(used) > 1 or used[0] not in ("adam", "adamw"):
        raise UserError(f"{where} cannot keep the moments of Adam, the optimizer being {' and '.join(used)}; use adam "
                        "or adamw in both phases, or leave it out")


def _with_schedule_length(phase, phases):
    end = max(other.end for other in phases if other.schedule_start == phase.schedule_start)
    return dataclasses.replace(phase, config=dataclasses.replace(phase.config, num_steps=end - phase.schedule_start))


def _parsed(text, whole):
    """Name, steps and changes (dict knob -> value) of one phase."""
    name, *rest = text.split(":")
    if not name or not rest:
        raise UserError(f"--phases={whole}: {text!r} lacks its {'steps' if name else 'name'}; {_HOW}")
    if not rest[0].isdecimal() or not int(rest[0]):
        raise UserError(f"--phases={whole}: {rest[0]!r} is no number of steps of {name}; {_HOW}")
    changes = {}
    for part in rest[1:]:
        knob, equals, value = part.partition("=")
        if not equals:
            raise UserError(f"--phases={whole}: {part!r} is no knob with its value; {_HOW}")
        if knob in changes:
            raise UserError(f"--phases={whole}: {knob} of {name} is given twice; leave one out")
        changes[knob] = _value(knob, value, name, whole)
    return name, int(rest[0]), changes


def _value(knob, text, name, whole):
    where = f"--phases={whole}: {knob}={text} of {name}"
    if knob in WORDS:
        word, why = WORDS[knob]
        if text != word:
            raise UserError(f"{where} is unknown; write {knob}={word}, or leave it out {why}")
        return text
    if knob not in KNOBS:
        raise UserError(f"{where} cannot change in a phase; what can: {', '.join((*WORDS, *KNOBS))}")
    field = _FIELDS[knob]
    if field.metadata["choices"]:
        if text not in field.metadata["choices"]:
            raise UserError(f"{where} is unknown; choose one of: {', '.join(field.metadata['choices'])}")
        return text
    try:
        value = type(field.default)(text)
    except ValueError:
        raise UserError(f"{where} is no {'whole ' * isinstance(field.default, int)}number") from None
    configuration.check_bounds(field, value, where)
    return value
