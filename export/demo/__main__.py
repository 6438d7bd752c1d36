"""Runs one step of `make demo`, and keeps the page of the demo up to date meanwhile.

    python -m export.demo --run runs/demo --step stage1 -- COMMAND ...

writes runs/demo/report.html every few seconds while COMMAND runs, and once more when it has failed.
The exit code is that of COMMAND. When all steps are done, `export.report` puts the report in the
place of the page.
"""

from __future__ import annotations

import pathlib
import sys

from absl import flags

from aquanet_tf import cli
from export.demo import command, page, steps


def define_flags() -> None:
    """The flags of the command."""
    cli.define_output("run", None, "Folder of the demo.", required=True, folder=True)
    flags.DEFINE_enum("step", None, steps.NAMES, "The step that COMMAND does.", required=True)
    flags.DEFINE_bool("quick", False, "Whether this is the quick demo.")


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    options = flags.FLAGS
    if len(argv) < 2:
        raise ValueError("no command: give it after --")
    shown = page.Page(pathlib.Path(options.run), options.step, options.quick)

    def show(code=None):
        try:
            shown.write(code)
        except Exception as error:  # A step is worth more than the page: it must not end with it.
            print(f"warning: the page of the demo was not written: {error}", file=sys.stderr)

    if code := command.run(argv[1:], show):
        show(code)
        sys.exit(code)


if __name__ == "__main__":
    define_flags()
    cli.run(main, command=True)
