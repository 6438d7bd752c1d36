"""The numbers of an ablation: mean and spread over seeds, and how they were made."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics

import aquanet_tf
from aquanet_tf import files
from aquanet_tf.ablation import jobs
from aquanet_tf.ablation.plan import Plan
from aquanet_tf.evaluation import distance_bands, metrics
from aquanet_tf.evaluation.run import PARTS
from aquanet_tf.jobs import job as job_module
from aquanet_tf.runs import provenance

MASK_LOSS = 0.1  # one of mask_quality.STATIC_LOST: tables give the recall at this loss
_PACKAGES = ("tensorflow", "keras", "numpy")


def collect(plan: Plan, failures: dict[str, str]) -> dict:
    """All results of an ablation so far, as a JSON-able document.

    A row without a finished evaluation has no seeds. failures: as returned by `jobs.runner.run`.
    """
    rows = [_row(plan, key) for key in plan.rows]
    evaluations = [seed for row in rows for seed in row["seeds"].values()]
    return {
        "title": plan.title,
        "quick": plan.quick,
        "created_by": f"aquanet_tf {aquanet_tf.__version__}",
        "commit": provenance.commit(),
        "versions": {"python": platform.python_version(), **_versions()},
        "machine": {"cpu_cores": os.cpu_count(), "processor": platform.machine()},
        "data": list(plan.data) or [plan.data_dir, plan.gt_dir],
        "seeds": list(plan.seeds),
        "images": sorted({evaluation["images"] for evaluation in evaluations}),
        "rows": rows,
        "baselines": _baselines(evaluations),
        "failures": failures,
    }


def _row(plan, key) -> dict:
    """One row of the document: every seed, and the mean and spread over them."""
    row, seeds = plan.rows[key], {}
    for seed in plan.seeds:
        done = job_module.seconds(plan.out, jobs.evaluation_name(key, seed)) is not None
        if not (done and plan.evaluation(key, seed).is_file()):
            continue
        found = files.read(plan.evaluation(key, seed))
        job = jobs.training_name(row.trained, seed)
        seeds[str(seed)] = {
            "images": found["images"],
            "epoch": found["model"]["epoch"],
            "protocol": found["protocol_line"],
            "means": found["means"],
            "masks": {
                name: {part: value for part, value in mask.items() if part != "curve"}
                for name, mask in found["masks"].items()
            },
            "baselines": {name: part["means"] for name, part in found["baselines"].items()},
            "training_seconds": job_module.seconds(plan.out, job),
        }
    return {
        "key": key,
        "name": row.name,
        "experiment": row.experiment,
        "stage1": row.stage1,
        "of": row.of,
        "flags": [] if row.of else plan.training_flags(key, plan.seeds[0]),
        "evaluate": list(row.evaluate),
        "seeds": seeds,
        "summary": _summary([seed["means"] for seed in seeds.values()]),
        "by_distance": _by_distance([seed["means"] for seed in seeds.values()]),
        "masks": {
            name: _mask_summary([seed["masks"][name] for seed in seeds.values()])
            for name in next(iter(seeds.values()), {"masks": {}})["masks"]
        },
        "training_seconds": _spread([seed["training_seconds"] for seed in seeds.values()]),
    }


def _summary(means) -> dict:
    """part -> metric -> mean and spread over the means of several evaluations."""
    return {
        part: {
            metric: _spread([mean[part][metric] for mean in means if mean[part]])
            for metric in metrics.METRICS
        }
        for part in PARTS
        if any(mean[part] for mean in means)
    }


def _by_distance(means) -> dict:
    """part -> for each distance band the mean and spread of abs_rel and factor."""
    return {
        part: [
            _spreads([mean[part]["by_distance"][band] for mean in means], ("abs_rel", "factor"))
            for band in range(len(distance_bands.NAMES))
        ]
        for part in PARTS
        if means and all(mean[part] for mean in means)
    }


def _spreads(found, names) -> dict:
    return {name: _spread([values[name] for values in found if values]) for name in names}


def _mask_summary(masks) -> dict:
    names = ("precision", "recall", "iou", "static_lost")
    found = _spreads(masks, names)
    at = [mask["recall_at_static_lost"] for mask in masks]
    found["recall_at_static_lost"] = {s: _spread([values[s] for values in at]) for s in at[0]}
    bands = zip(*(mask["by_distance"] for mask in masks))
    found["by_distance"] = [_spreads(band, ("recall", "static_lost")) for band in bands]
    return found


def _spread(values) -> dict | None:
    """Mean and unbiased standard deviation (None for one value) of the values that are not None.

    None without any value.
    """
    values = [value for value in values if value is not None]
    if not values:
        return None
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.fmean(values), "spread": deviation, "count": len(values)}


def _baselines(evaluations) -> dict:
    """name -> summary of the baselines. They do not depend on the network, so the first evaluation
    without --static_only has those of all."""
    plain = [e for e in evaluations if "static by" not in e["protocol"] and e["baselines"]]
    return (
        {name: _summary([means]) for name, means in plain[0]["baselines"].items()} if plain else {}
    )


def _versions() -> dict:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
