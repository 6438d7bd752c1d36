"""What all commands share: flags for paths, outputs checked before the work, errors in one line."""

from __future__ import annotations

import logging
import os
import pathlib
import signal
import sys
import tempfile
import warnings
from typing import Callable

import absl.logging
from absl import app, flags

# Flags belong to the module that calls `define_path` or `define_output`: --help shows them there.
flags.disclaim_key_flags()
# Name of an output flag -> its check; name of an input flag -> whether it takes several paths.
_outputs, _inputs = {}, {}


def path(text: str) -> str:
    """A path as given to a flag, with ~ and ~USER at its start replaced by the home folder.

    The shell does so for `--out ~/x`, but not for `--out=~/x`.
    """
    return os.path.expanduser(text)


def paths(text: str) -> str:
    """Paths separated by commas, each as `path`."""
    parts = (part.strip() if part.lstrip().startswith("~") else part for part in text.split(","))
    return ",".join(map(path, parts))


class PathParser(flags.ArgumentParser):
    """Parses the value of a flag that is a path: `convert` is `path`, or `paths` for several."""

    def __init__(self, convert: Callable[[str], str] = path):
        self.parse = convert

    def flag_type(self):
        return "string"


def define_path(
    name: str, default: str | None, help: str, required: bool = False, several: bool = False
) -> None:
    """Defines a flag for a file or folder to read, or `several` separated by commas; see `path`."""
    _inputs[name] = several
    parser, serializer = PathParser(paths if several else path), flags.ArgumentSerializer()
    flags.DEFINE(parser, name, default, help, serializer=serializer, required=required)


def define_output(
    name: str, default: str | None, help: str, required: bool = False, folder: bool = False
) -> None:
    """Defines a flag for a file to write, or with `folder` for a folder to write files to.

    `run` checks that it can be written before the command starts, unless it is empty or "none".
    """
    define_path(name, default, help, required)
    del _inputs[name]
    _outputs[name] = check_folder if folder else check_file


def define_checkpoint(of: str = "--workdir") -> None:
    """Defines --checkpoint, which `runs.load_run` takes. of: the flag that names the run."""
    text = f"Checkpoint of {of}: newest, best (of a run with --keep_best), or a number of epochs."
    flags.DEFINE_string("checkpoint", "newest", text)


def define_grid_shift() -> None:
    """Defines --grid_shift, which `runs.load_run` takes."""
    text = "Mean of three passes with positional grids shifted by this, 0 to 1 (2: the height of "
    text += "the image); 0: one pass; left out: the run's own."
    flags.DEFINE_float("grid_shift", None, text)


def exit_on_sigterm() -> None:
    """Makes SIGTERM an exception, as Ctrl-C is one: a command that runs others stops them too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def check_outputs() -> None:
    """Raises ValueError that names the flag of `define_output` that cannot be written, or that
    would replace a file which another flag reads."""
    for name, check in _outputs.items():
        value = flags.FLAGS[name].value
        try:
            if value and value != "none":
                check(value)
                if check is check_file:
                    _check_is_no_input(pathlib.Path(value))
        except ValueError as error:
            raise ValueError(f"--{name}={value}: {error}") from error


def _check_is_no_input(output: pathlib.Path) -> None:
    """Raises ValueError for a file that a flag of `define_path` names, under whatever name."""
    for name, several in _inputs.items():
        value = flags.FLAGS[name].value or ""
        for part in value.split(",") if several else [value]:
            given = pathlib.Path(part)
            if output.is_file() and given.is_file() and output.samefile(given):
                raise ValueError(f"is what --{name} reads; name another file")


def check_file(path: str | pathlib.Path) -> None:
    """Raises ValueError that says why no file `path` can be written; makes nothing.

    An existing file may be replaced. What is no ordinary file, such as /dev/null, is refused:
    `files.atomic` would put a file in its place.
    """
    path = pathlib.Path(path)
    try:
        if path.is_dir():
            raise ValueError(f"is a folder; name a file, such as {path / 'NAME'}")
        if path.exists() and not path.is_file():
            raise ValueError("is not an ordinary file; name another one")
        _check_parent(path)
    except OSError as error:
        raise ValueError(f"cannot be written ({error.strerror})") from error


def check_folder(path: str | pathlib.Path) -> None:
    """Raises ValueError that says why no files can be written to a folder `path`; makes nothing."""
    path = pathlib.Path(path)
    try:
        if path.exists() and not path.is_dir():
            raise ValueError("is a file; name a folder")
        _check_parent(path / "NAME")
    except OSError as error:
        raise ValueError(f"cannot be written to ({error.strerror})") from error


def _check_parent(path: pathlib.Path) -> None:
    """Raises OSError or ValueError unless the nearest existing folder above `path` takes files."""
    if "\0" in str(path):
        raise ValueError("holds a zero byte; choose another name")
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        raise ValueError("is not UTF-8, which TensorFlow needs; choose another name") from None
    for folder in path.parents:
        if not os.path.lexists(folder):  # raises for a name that is too long
            continue
        if not folder.is_dir():
            raise ValueError(f"{folder} is not a folder; choose another place")
        with tempfile.TemporaryFile(dir=folder):  # file permissions say little to root
            return


def run(main: Callable, quiet: bool = False, command: bool = False) -> None:
    """Runs `main(argv)` under absl.

    First checks the outputs (`define_output`). A user's error (ValueError, OSError) and a lack of
    memory are printed to stderr as one line, `error: ...`, with exit code 1. Ctrl-C prints one
    line and exits with code 130. Any other exception is a bug and shows its traceback. A warning
    of ours (UserWarning) is one line.

    quiet: do not log TensorFlow's messages about saving and converting, except warnings.
    command: arguments after `--` are a command line for `main` to run.
    """

    def guarded(argv):
        if quiet and not flags.FLAGS["verbosity"].present:
            absl.logging.set_verbosity(absl.logging.WARNING)
            logging.getLogger("tensorflow").setLevel(logging.WARNING)
        if len(argv) > 1 and not command:
            sys.exit(f"error: unexpected argument {argv[1]!r}; every option is a --flag")
        try:
            check_outputs()
            return main(argv)
        except (ValueError, OSError) as error:
            sys.exit(f"error: {error}")
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            sys.exit(130)  # what a shell reports for a program that SIGINT ended
        except Exception as error:
            # By its name: TensorFlow may not be installed.
            if type(error).__name__ != "ResourceExhaustedError":
                raise
            what = str(error).splitlines()[0]
            sys.exit(f"error: out of memory; make images, --height or batches smaller ({what})")

    warnings.showwarning = _shown(warnings.showwarning)
    app.run(guarded)


def _shown(others: Callable) -> Callable:
    """A `warnings.showwarning` that prints a UserWarning as one line; `others` shows the others."""

    def show(message, category, *place, **more):
        if category is UserWarning:
            print(f"warning: {message}", file=sys.stderr)
        else:
            others(message, category, *place, **more)

    return show
