"""What an ablation is: rows of a table, each a flagfile and flags over it, in one YAML file.

The file holds

    title       of the table
    data        commands that make the data, in order, each "MODULE --flag=value ..."
    data_dir, gt_dir  records to train on; KITTI raw directory to evaluate on
    seeds       of the trainings; every row is trained with each
    flagfile    of every row that names none itself
    flags       of every training, over its flagfile
    evaluate    flags of every evaluation
    rows        key -> row, in the order of the table
    figures     figure -> key or keys of the rows it shows, see `ablation_figures`
    quick       any of the above for --quick: replaced, but `flags` come after a row's own

and a row holds name, experiment (a heading), and what it needs of: flagfile, flags; `stage1`, the
row whose network makes its masks (the row is then stage 2); `of`, a row whose training it takes
over, so that only the evaluation differs; evaluate, flags of its own evaluation. `{out}`,
`{data_dir}` and `{gt_dir}` stand for those directories in every text.
"""

from __future__ import annotations

import dataclasses
import pathlib

import yaml

from aquanet_tf.config import command_line
from aquanet_tf.config.options import Config

KEYS = {
    **dict.fromkeys(("title", "flagfile", "data_dir", "gt_dir"), str),
    **dict.fromkeys(("data", "seeds", "flags", "evaluate"), list),
    **dict.fromkeys(("rows", "figures", "quick"), dict),
}
ROW_KEYS = {
    **dict.fromkeys(("name", "flagfile", "stage1", "of"), str),
    **dict.fromkeys(("flags", "evaluate"), list),
    "experiment": (int, str),
}
FIGURES = ("quantization", "masks", "stages", "systems")


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of the table; `stage1` and `of` are keys of other rows or empty."""

    key: str
    name: str
    experiment: str = ""
    flagfile: str = ""
    flags: tuple[str, ...] = ()
    stage1: str = ""
    of: str = ""
    evaluate: tuple[str, ...] = ()

    @property
    def trained(self) -> str:
        """Key of the row whose training this one shows: its own unless `of` names another."""
        return self.of or self.key


@dataclasses.dataclass(frozen=True)
class Plan:
    """An ablation with everything resolved: texts filled in, rows chosen, --quick applied."""

    title: str
    out: pathlib.Path
    rows: dict[str, Row]
    seeds: tuple[int, ...]
    data: tuple[str, ...]
    data_dir: str
    gt_dir: str
    figures: dict[str, tuple[str, ...]]
    quick: bool

    def workdir(self, key: str, seed: int) -> pathlib.Path:
        """Workdir of the training that row `key` shows."""
        return self.out / "runs" / self.rows[key].trained / f"seed{seed}"

    def evaluation(self, key: str, seed: int) -> pathlib.Path:
        """The JSON of `evaluate` for row `key`."""
        return self.out / "evaluations" / key / f"seed{seed}.json"

    def training_flags(self, key: str, seed: int) -> list[str]:
        """The command line of train, apart from --workdir."""
        row = self.rows[key]
        stage = ["--stage=1"]
        if row.stage1:
            stage = ["--stage=2", f"--stage1_workdir={self.workdir(row.stage1, seed)}"]
        return [
            f"--flagfile={row.flagfile}",
            *stage,
            *row.flags,
            f"--seed={seed}",
            f"--data_dir={self.data_dir}",
        ]

    def options(self, key: str, seed: int) -> Config:
        """What `training_flags` say. Raises ValueError naming the row and its bad flag."""
        try:
            return command_line.parse(self.training_flags(key, seed))
        except ValueError as error:
            raise ValueError(f"row {key}: {error}") from error


def read(path, out, *, quick=False, rows=(), seeds=(), data_dir="", gt_dir="") -> Plan:
    """The plan in a YAML file.

    Args:
        path: the file.
        out: directory of everything the ablation writes.
        quick: apply the file's `quick`.
        rows: keys of the rows wanted; those they stand on come along. Empty: all.
        seeds: instead of the file's.
        data_dir, gt_dir: instead of the file's; its `data` is then not made.

    Raises ValueError naming the file and what is wrong in it, before anything runs; every row's
    flags have been parsed.
    """
    path, out = pathlib.Path(path), pathlib.Path(out)
    try:
        document = _document(path)
        if quick:
            if "quick" not in document:
                raise ValueError("no 'quick' in it, so --quick means nothing")
            document = _quickened(document)
        if bool(data_dir) != bool(gt_dir):
            raise ValueError("--data_dir and --gt_dir belong together: give both or none")
        places = {"out": str(out)}
        for name, given in (("data_dir", data_dir), ("gt_dir", gt_dir)):
            places[name] = given or _filled(document.get(name, ""), places)
            if not places[name]:
                raise ValueError(f"no {name!r}: write it into the file or give --{name}")
        found = {key: _row(key, value, document) for key, value in document["rows"].items()}
        plan = Plan(
            title=document.get("title", path.stem),
            out=out,
            rows=_chosen(found, rows),
            seeds=_seeds(seeds or document.get("seeds", [1])),
            data=() if data_dir else tuple(_filled(document.get("data", []), places)),
            data_dir=places["data_dir"],
            gt_dir=places["gt_dir"],
            figures=_figures(document.get("figures", {}), found),
            quick=quick,
        )
        filled = {
            key: dataclasses.replace(
                row,
                flags=tuple(_filled(list(row.flags), places)),
                evaluate=tuple(_filled(list(row.evaluate), places)),
            )
            for key, row in plan.rows.items()
        }
        plan = dataclasses.replace(plan, rows=filled)
        for key, row in plan.rows.items():
            if not row.of:
                plan.options(key, plan.seeds[0])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return plan


def _document(path) -> dict:
    if not path.is_file():
        raise ValueError("no such file; --config names the YAML file of the ablation")
    try:
        document = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f"not valid YAML ({' '.join(str(error).split())})") from error
    _check(document, KEYS, "the file")
    if not document.get("rows"):
        raise ValueError("no 'rows' in it")
    if "quick" in document:
        allowed = {name: kind for name, kind in KEYS.items() if name not in ("quick", "rows")}
        _check(document["quick"], allowed, "'quick'")
    for key, row in document["rows"].items():
        _check(row, ROW_KEYS, f"row {key}")
    return document


def _check(value, keys, what):
    """Raises ValueError unless `value` is a dictionary of known keys with values of their types."""
    if not isinstance(value, dict):
        raise ValueError(f"{what} must hold 'key: value' lines")
    for name, content in value.items():
        if name not in keys:
            raise ValueError(f"unknown {name!r} in {what}; known are {', '.join(keys)}")
        if not isinstance(content, keys[name]):
            raise ValueError(f"{name!r} in {what}: {content!r} is of the wrong kind")


def _quickened(document) -> dict:
    quick = dict(document["quick"])
    return {**document, **quick, "flags": document.get("flags", []), "last": quick.get("flags", [])}


def _row(key, value, document) -> Row:
    of, rows = value.get("of", ""), document["rows"]
    for name in ("stage1", "of"):
        other = value.get(name, "")
        if other and (other not in rows or rows[other].get("of") or other == key):
            raise ValueError(f"row {key}: {name}: {other!r} is not a row with its own training")
    if of and {"flags", "flagfile", "stage1"} & set(value):
        raise ValueError(f"row {key}: with 'of' it is not trained, so 'evaluate' is all it can set")
    if value.get("stage1") and rows[value["stage1"]].get("stage1"):
        raise ValueError(f"row {key}: its stage1, {value['stage1']}, is itself of stage 2")
    flagfile = value.get("flagfile") or document.get("flagfile", "")
    if not (of or flagfile):
        raise ValueError(f"row {key}: no 'flagfile', and none for all rows")
    flags = [*document.get("flags", []), *value.get("flags", []), *document.get("last", [])]
    return Row(
        key=key,
        name=value.get("name", key),
        experiment=str(value.get("experiment", "")),
        flagfile="" if of else flagfile,
        flags=() if of else tuple(map(str, flags)),
        stage1=value.get("stage1", ""),
        of=of,
        evaluate=tuple(map(str, [*document.get("evaluate", []), *value.get("evaluate", [])])),
    )


def _chosen(rows: dict[str, Row], wanted) -> dict[str, Row]:
    """Wanted rows and what they stand on, in the file's order."""
    if unknown := [key for key in wanted if key not in rows]:
        raise ValueError(f"--rows={unknown[0]}: no such row; there are {', '.join(rows)}")
    keep = set(wanted or rows)
    keep |= {rows[key].of for key in keep}
    keep |= {rows[key].stage1 for key in keep if key}
    kept = {key: row for key, row in rows.items() if key in keep}
    order = list(kept)
    for key, row in kept.items():
        for other in (row.stage1, row.of):
            if other and order.index(other) > order.index(key):
                raise ValueError(f"row {key} stands on {other}, which must come before it")
    return kept


def _figures(document, rows) -> dict[str, tuple[str, ...]]:
    figures = {}
    for name, keys in document.items():
        if name not in FIGURES:
            raise ValueError(f"unknown figure {name!r}; there are {', '.join(FIGURES)}")
        figures[name] = (keys,) if isinstance(keys, str) else tuple(keys)
        if unknown := [key for key in figures[name] if key not in rows]:
            raise ValueError(f"figure {name}: there is no row {unknown[0]!r}")
    return figures


def _seeds(values) -> tuple[int, ...]:
    if not all(isinstance(value, int) and value >= 0 for value in values) or not values:
        raise ValueError(f"seeds {values}: expected whole numbers such as [1, 2, 3]")
    return tuple(dict.fromkeys(values))


def _filled(value, places):
    """`value`, a text or a list of them, with {out} and so on replaced."""
    if isinstance(value, list):
        return [_filled(str(part), places) for part in value]
    for name, text in places.items():
        value = value.replace("{" + name + "}", text)
    return value
