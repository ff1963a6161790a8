"""What a trained model does beyond its scores: one analysis per file, reached by `python -m tfobj.evaluate --analysis`.

An analysis is a function `analyse(opened, options, countdown)` that returns a `tfobj.analysis.finding.Finding`:

* `opened`: `tfobj.training.opened_run.OpenedRun`, a model with its weights and the data on which it is examined;
* `options`: instance of its class in `tfobj.analysis.options`;
* `countdown`: callable (verb, noun) that returns a callable (done, in all), such as
  `tfobj.training.progress.Countdown`.

It asks for what the outputs of the model offer and never for a particular model. What it needs and the model does not
have is a `UserError`. `tfobj.analysis.catalogue` lists them.
"""
