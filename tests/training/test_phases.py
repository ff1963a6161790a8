"""`--phases`: what is read from it, and what is said about what is not."""

import unittest

from tests.parsed_flags import read_experiment
from tfobj.config import TrainConfig
from tfobj.errors import UserError
from tfobj.training import phases


def parsed(text, **changes):
    return phases.phases_of(TrainConfig(phases=text, **changes))


class PhasesTest(unittest.TestCase):
    def test_names_steps_and_knobs(self):
        found = parsed("background:500000:batch_size=128:learning_rate=2e-3:decay=none, frozen:30000,joint:95000")
        self.assertEqual([(phase.name, phase.first_step, phase.end) for phase in found],
                         [("background", 0, 500_000), ("frozen", 500_000, 530_000), ("joint", 530_000, 625_000)])
        first, second, _ = (phase.config for phase in found)
        self.assertEqual((first.batch_size, first.learning_rate, first.decay), (128, 2e-3, "none"))
        self.assertEqual((second.batch_size, second.learning_rate, second.decay), (64, 4e-4, "exponential"))

    def test_a_schedule_goes_on_where_its_knobs_are_the_same(self):
        found = parsed("a:10:learning_rate=1e-3,b:20,c:30:batch_size=8,d:40:schedule=restart")
        self.assertEqual([phase.schedule_start for phase in found], [0, 10, 10, 60])
        self.assertEqual([phase.config.num_steps for phase in found], [10, 50, 50, 40])

    def test_the_order_of_the_images_goes_on(self):
        found = parsed("a:10:batch_size=6,b:2,c:1", batch_size=16)
        self.assertEqual([phase.first_batch for phase in found], [0, 4, 6])

    def test_the_phase_of_a_step(self):
        found = parsed("a:2,b:3")
        self.assertEqual([phases.phase_at(found, step).name for step in range(6)], list("aabbbb"))
        self.assertEqual([phases.phase_before(found, step).name for step in range(7)], list("aaabbbb"))

    def test_the_optimizer_goes_on_only_where_it_is_asked_for(self):
        found = parsed("a:10,b:20:moments=keep,c:30:moments=keep:learning_rate=1e-3,d:40")
        self.assertEqual([phase.optimizer_start for phase in found], [0, 0, 0, 60])
        self.assertEqual(found[2].earlier, (("a", 0), ("b", 10)))

    def test_without_phases_there_is_one(self):
        (phase,) = parsed("", num_steps=7)
        self.assertEqual((phase.name, phase.end, phase.config), ("", 7, TrainConfig(num_steps=7)))

    def test_mistakes_are_named(self):
        cases = {"a": "'a' lacks its steps", ":5": "':5' lacks its name", "a:0": "'0' is no number of steps of a",
                 "a:many": "'many' is no number", "a:5:fast": "'fast' is no knob with its value",
                 "a:5,": "'' lacks its name", "a:5:seed=3": "seed=3 of a cannot change in a phase",
                 "a:5:batch_size=2.5": "batch_size=2.5 of a is no whole number",
                 "a:5:learning_rate=high": "learning_rate=high of a is no number",
                 "a:5:batch_size=0": "batch_size=0 of a is below the smallest possible value 1",
                 "a:5:decay=slow": "decay=slow of a is unknown; choose one of: none",
                 "a:5:schedule=go": "write schedule=restart",
                 "a:5,b:5:moments=lose": "moments=lose of b is unknown; write moments=keep, or leave it out for a new",
                 "a:5:moments=keep": "moments=keep of a has no phase before it; leave it out",
                 "a:5,b:5:optimizer=sgd:moments=keep": "moments of Adam, the optimizer being adam and sgd; use adam",
                 "a:5:optimizer=sgd,b:5:optimizer=sgd:moments=keep": "the optimizer being sgd; use adam",
                 "a:5:optimizer=rmsprop,b:5:optimizer=rmsprop:moments=keep": "the optimizer being rmsprop; use adam",
                 "a:5:decay=none:decay=none": "decay of a is given twice"}
        for text, message in cases.items():
            with self.subTest(text=text), self.assertRaisesRegex(UserError, f"^--phases={text}: .*{message}"):
                parsed(text)

    def test_names_that_a_model_does_not_have(self):
        train = TrainConfig(phases="frosen:1")
        with self.assertRaisesRegex(UserError, "ast_seg has no phase 'frosen'; it has background, frozen"):
            phases.check_names(train, "ast_seg", ("background", "frozen"))
        with self.assertRaisesRegex(UserError, "vae is trained in one piece"):
            phases.check_names(train, "vae", ())

    def test_flags(self):
        chosen = ("--model=ast_seg", "--dataset=clevrtex", "--phases=frozen:30,joint:12")
        self.assertEqual(read_experiment(*chosen).train.num_steps, 42)
        self.assertEqual(read_experiment(*chosen, "--num_steps=42").train.num_steps, 42)
        with self.assertRaisesRegex(UserError, "--num_steps=50 contradicts --phases=frozen:30,joint:12, .* make 42"):
            read_experiment(*chosen, "--num_steps=50")

    def test_what_may_differ_in_a_resumed_run(self):
        def free(before, after, **changes):
            return phases.free_knobs(*(TrainConfig(phases=text, **changes) for text in (before, after)))

        self.assertEqual(free("a:1,b:2", "a:1,b:9"), {"num_steps", "phases"})
        self.assertEqual(free("a:1,b:2", "a:2,b:2"), set())
        self.assertEqual(free("a:1,b:2", "a:1,b:2:clip_norm=1"), set())
        self.assertEqual(free("a:1:clip_norm=1,b:2", "a:1:clip_norm=2,b:9"), set())
        self.assertEqual(free("a:1", ""), set())
        self.assertEqual(free("a:1", "a:2", decay="cosine", decay_steps=0), set())
        self.assertEqual(free("", ""), {"num_steps"})
        shorter, longer = TrainConfig(phases="a:1,b:2", log_every=5), TrainConfig(phases="a:1,b:9", log_every=7)
        self.assertEqual(phases.free_knobs(shorter, longer), set())
        self.assertEqual(phases.free_knobs(shorter, longer, {"log_every", "data_dir"}), {"num_steps", "phases"})


if __name__ == "__main__":
    unittest.main()
