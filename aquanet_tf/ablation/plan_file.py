"""The YAML file of an ablation: the rows of a table, each a flagfile and flags that override it.

Keys of the file:

    title       title of the table
    data        commands that make the data, in order, each "MODULE --flag=value ..."
    data_dir, gt_dir  records to train on; KITTI raw directory to evaluate on; ~ is the home
    seeds       every row is trained with each of them
    flagfile    for rows without a flagfile of their own
    flags       for every training, they override the flagfile
    evaluate    flags of every evaluation
    rows        key -> row, in the order of the table
    figures     figure -> key or keys of the rows it shows, see `figures`
    quick       other values of the keys above for --quick; its `flags` are added after a row's own

Keys of a row, all optional:

    name        of the method, in the table
    experiment  the paper's number of the experiment
    flagfile, flags  of its training
    stage1      key of the row whose network makes its masks; the row is then stage 2
    of          key of the row whose training it uses; only its evaluation is its own
    evaluate    flags of its evaluation

`{out}`, `{data_dir}` and `{gt_dir}` are replaced with these directories in every text.
"""

from __future__ import annotations

import dataclasses
import pathlib
import shlex
from collections.abc import Sequence
from typing import NamedTuple

import yaml

from aquanet_tf import cli
from aquanet_tf.ablation.plan import Plan, Row

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
_OLD_FIGURES = {"quantisation": "quantization"}  # former spelling, still read


class Choices(NamedTuple):
    """What a caller wants otherwise than the file.

    quick: use the values under `quick` in the file. rows: keys of the rows to run; rows they depend
    on are added; empty: all. seeds: replace those of the file. data_dir, gt_dir: replace those of
    the file, whose `data` is then not made; both or none.
    """

    quick: bool = False
    rows: Sequence[str] = ()
    seeds: Sequence[int] = ()
    data_dir: str = ""
    gt_dir: str = ""


_AS_IN_THE_FILE = Choices()


def read(
    path: str | pathlib.Path, out: str | pathlib.Path, choices: Choices = _AS_IN_THE_FILE
) -> Plan:
    """Reads and checks the YAML file of an ablation that writes everything into `out`.

    Raises ValueError naming the file and the error in it. The flags of every row are parsed, so a
    bad one is found before anything runs.
    """
    path, out = pathlib.Path(path), pathlib.Path(out)
    try:
        document = _document(path)
        if choices.quick:
            document = _quickened(document)
        places = _places(document, out, choices)
        rows = {key: _row(key, value, document) for key, value in document["rows"].items()}
        chosen = _chosen(rows, choices.rows)
        plan = Plan(
            title=document.get("title", path.stem),
            out=out,
            rows={key: _filled_row(row, places) for key, row in chosen.items()},
            seeds=_seeds(choices.seeds or document.get("seeds", [1])),
            data=() if choices.data_dir else _commands(document.get("data", []), places),
            data_dir=places["data_dir"],
            gt_dir=places["gt_dir"],
            figures=_figures(document.get("figures", {}), rows),
            quick=choices.quick,
        )
        for key, row in plan.rows.items():
            if not row.of:
                plan.config(key, plan.seeds[0])  # raises for a bad flag
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


def _check(value, keys, part):
    """ValueError naming the `part` of the file unless `value` maps known keys to their types."""
    if not isinstance(value, dict):
        raise ValueError(f"{part} must hold 'key: value' lines")
    for name, content in value.items():
        if name not in keys:
            raise ValueError(f"unknown {name!r} in {part}; known are {', '.join(keys)}")
        if not isinstance(content, keys[name]):
            raise ValueError(f"{name!r} in {part}: {content!r} has the wrong type")


def _quickened(document) -> dict:
    """The document with the values under `quick`; its flags go under "last"."""
    if "quick" not in document:
        raise ValueError("--quick: the file has no 'quick'")
    quick = dict(document["quick"])
    return {**document, **quick, "flags": document.get("flags", []), "last": quick.get("flags", [])}


def _places(document, out, choices) -> dict[str, str]:
    """What {out}, {data_dir} and {gt_dir} in texts of the file are replaced with."""
    if bool(choices.data_dir) != bool(choices.gt_dir):
        raise ValueError("--data_dir and --gt_dir belong together: give both or none")
    places = {"out": str(out)}
    for name in ("data_dir", "gt_dir"):
        places[name] = getattr(choices, name) or cli.paths(_filled(document.get(name, ""), places))
        if not places[name]:
            raise ValueError(f"no {name!r}: write it into the file or give --{name}")
    return places


def _row(key, value, document) -> Row:
    of, rows = value.get("of", ""), document["rows"]
    for name in ("stage1", "of"):
        other = value.get(name, "")
        if other and (other not in rows or rows[other].get("of") or other == key):
            raise ValueError(f"row {key}: {name}: {other!r} is not a row with its own training")
    if of and {"flags", "flagfile", "stage1"} & set(value):
        raise ValueError(
            f"row {key}: it uses the training of row {of} ('of'), so it can only set 'evaluate'"
        )
    if value.get("stage1") and rows[value["stage1"]].get("stage1"):
        raise ValueError(f"row {key}: its stage1, {value['stage1']}, is itself stage 2")
    flagfile = value.get("flagfile") or document.get("flagfile", "")
    if not (of or flagfile):
        raise ValueError(f"row {key}: no 'flagfile' in the row or in the file")
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


def _chosen(rows: dict[str, Row], keys) -> dict[str, Row]:
    """The rows of these keys (none: all) and those they depend on, in the order of the file."""
    if unknown := [key for key in keys if key not in rows]:
        raise ValueError(f"--rows={unknown[0]}: no such row; there are {', '.join(rows)}")
    keep = set(keys or rows)
    keep |= {rows[key].of for key in keep}
    keep |= {rows[key].stage1 for key in keep if key}
    kept = {key: row for key, row in rows.items() if key in keep}
    order = list(kept)
    for key, row in kept.items():
        for other in (row.stage1, row.of):
            if other and order.index(other) > order.index(key):
                raise ValueError(f"row {key} depends on row {other}, which must come before it")
    return kept


def _figures(document, rows) -> dict[str, tuple[str, ...]]:
    """Figure -> keys of its rows; ValueError for an unknown figure or row."""
    figures = {}
    for name, keys in document.items():
        name = _OLD_FIGURES.get(name, name)
        if name not in FIGURES:
            raise ValueError(f"unknown figure {name!r}; there are {', '.join(FIGURES)}")
        keys = [keys] if isinstance(keys, str) else keys
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise ValueError(f"figure {name}: {keys!r} is neither the key of a row nor a list")
        figures[name] = tuple(keys)
        if unknown := [key for key in figures[name] if key not in rows]:
            raise ValueError(f"figure {name}: there is no row {unknown[0]!r}")
    return figures


def _seeds(values) -> tuple[int, ...]:
    if not all(isinstance(value, int) and value >= 0 for value in values) or not values:
        raise ValueError(f"seeds {values}: expected whole numbers such as [1, 2, 3]")
    return tuple(dict.fromkeys(values))


def _commands(lines, places) -> tuple[str, ...]:
    """The lines of `data`, filled word by word: a folder may have a space in its name."""
    return tuple(shlex.join(_filled(shlex.split(str(line)), places)) for line in lines)


def _filled_row(row: Row, places) -> Row:
    flags, evaluate = (tuple(_filled(list(v), places)) for v in (row.flags, row.evaluate))
    return dataclasses.replace(row, flags=flags, evaluate=evaluate)


def _filled(value, places):
    """`value`, a text or a list of texts, with {out} and so on replaced."""
    if isinstance(value, list):
        return [_filled(str(part), places) for part in value]
    for name, text in places.items():
        value = value.replace("{" + name + "}", text)
    return value
