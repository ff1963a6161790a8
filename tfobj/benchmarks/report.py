"""A benchmark as JSON and as a table."""

import dataclasses

FORMAT = 1
"""Version of the JSON file; raise it when what a field means changes."""

_PATHS = ("data_dir", "manual_dir", "image_dir")
_COMMON = ("machine", "versions", "devices", "peak")  # of a row's measurements, kept once for all rows


def assemble(experiment, backend, options, rows):
    """Everything that was measured, as a dict that JSON can hold.

    Args:
        experiment: `ExperimentConfig` of the first row.
        backend: str, "tensorflow" or "jax".
        options: `tfobj.benchmarks.options.Options`.
        rows: List of (`tfobj.benchmarks.sweeps.Point`, what `row.measure` returned or None, error message or None).

    Returns:
        Dict: `format`; `backend`; `data`, "synthetic" or "real"; `repeats`, `seconds`; `model`; `flags`, dict of the
        experiment's without paths; `machine`, `versions`, `devices`, `peak`, of the first row that has them, or None;
        `rows`, list of dicts with `label`, `changes`, `error` (None or str) and the other entries of `row.measure`,
        `share_of_peak` among them, a fraction of the peak of the row's arithmetic.
    """
    measured = [result for _, result, _ in rows if result]
    common = {name: next((result[name] for result in measured if result[name]), None) for name in _COMMON}
    values = {name: value for group in (experiment.model_config, experiment.data, experiment.train)
              for name, value in dataclasses.asdict(group).items() if name not in _PATHS}
    return {
        "format": FORMAT, "backend": backend, "data": "real" if options.real_data else "synthetic",
        "repeats": options.repeats, "seconds": options.seconds, "model": experiment.model, "flags": values, **common,
        "rows": [_row(*row, common) for row in rows]}


def _row(point, result, error, common):
    entry = {"label": point.label, "changes": point.changes, "error": error}
    if result is None:
        return entry
    own = {name: value for name, value in result.items() if name not in _COMMON}
    return {**entry, **own, "share_of_peak": _share(own, common)}


def _share(result, common):
    if not common["peak"]:
        return None
    products = common["peak"]["matrix_product"]
    peak = products.get(result["precision"], products["float32"])
    # Several devices of one processor have its cores together.
    return result["flops_per_second"] / (peak * common["devices"]["accelerators"])


# === The table ===

_COLUMNS = (
    ("", lambda row: row["label"]),
    ("batch", lambda row: str(row["batch_size"])),
    ("image", lambda row: "x".join(map(str, row["image_shape"]))),
    ("compile", lambda row: seconds(row["compile_seconds"])),
    ("step", lambda row: seconds(row["step_seconds"]["median"])),
    ("spread", lambda row: spread(row["step_seconds"])),
    ("images/s", lambda row: number(row["images_per_second"])),
    ("CPU/step", lambda row: seconds(row["cpu_seconds"]["median"])),
    ("input", lambda row: seconds(row["input_seconds"])),
    ("memory", lambda row: memory(row["peak_memory"])),
    ("FLOP/step", lambda row: scaled(row["flops"]["training_step"])),
    ("FLOP/s", lambda row: scaled(row["flops_per_second"])),
    ("of peak", lambda row: "-" if row["share_of_peak"] is None else f"{100 * row['share_of_peak']:.1f} %"),
)


def table(report):
    """What `assemble` made, as text for a terminal."""
    flags = report["flags"]
    dataset = "/".join(filter(None, (flags["dataset"], flags["dataset_variant"])))
    images = "the images" if report["data"] == "real" else "random images in place"
    lines = [f"{report['model']} on {images} of {dataset}", *_machine_lines(report), ""]
    good = [row for row in report["rows"] if row["error"] is None]
    cells = [[title for title, _ in _COLUMNS], *([text(row) for _, text in _COLUMNS] for row in good)]
    if report["data"] == "synthetic":
        cells = [[cell for cell, (title, _) in zip(line, _COLUMNS) if title != "input"] for line in cells]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines += ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]) for line in cells]
    lines += [f"{row['label']}  failed: {row['error']}" for row in report["rows"] if row["error"] is not None]
    return "\n".join([*lines, "", *_explanation(good)])


def _machine_lines(report):
    versions, machine, peak = report["versions"], report["machine"], report["peak"]
    lines = [f"{report['backend']} {versions[report['backend']]}, keras {versions['keras']}, "
             f"{report['flags']['precision']}, {report['devices']['description']}: {machine['device']}, "
             f"{machine['cores']} cores, {memory(machine['memory'])}"]
    if peak:
        products = ", ".join(f"{name} {scaled(value)}FLOP/s" for name, value in peak["matrix_product"].items())
        lines.append(f"peak of the device: matrix product {products}; copy {scaled(peak['copy'])}B/s")
    return lines


def _explanation(rows):
    sources = {row["memory_of"] for row in rows}
    peak = " and ".join(f"of the {source}" for source in sorted(sources))
    lines = ["step: median of the repeats, device synchronised; spread: quartiles; CPU/step: processor time of all "
             "threads;", f"memory: peak {peak}; FLOP: of the layers' products, counted forward and taken three times, "
             "since a backward pass costs about two forward ones"]
    missing = sorted({name for row in rows for name in row["flops"]["uncounted"]})
    return lines + ([f"not counted in FLOP: {', '.join(missing)}"] if missing else [])


def seconds(value):
    """A time as text, "-" for None."""
    if value is None:
        return "-"
    return f"{1000 * value:.3g} ms" if value < 1 else f"{value:.3g} s" if value < 1000 else f"{value:.0f} s"


def spread(values):
    """How far the quartiles lie from the median, as text such as "-1.2 +3 %"."""
    low, high = (100 * (values[name] / values["median"] - 1) for name in ("low", "high"))
    return f"{low:+.1f} {high:+.1f} %"


def memory(value):
    """A number of bytes as text, "-" for None."""
    if value is None:
        return "-"
    return f"{value / 2**30:.2f} GiB" if value >= 2**30 else f"{value / 2**20:.0f} MiB"


def scaled(value):
    """Three significant digits and a prefix, such as "1.02 T"."""
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if value >= 0.9995 * factor:
            return f"{number(value / factor)} {prefix}"
    return f"{number(value / 1e3)} k"


def number(value):
    """Three significant digits, or all that are before the point."""
    return f"{value:.0f}" if value >= 999.5 else f"{value:.3g}"
