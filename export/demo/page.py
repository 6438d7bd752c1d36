"""The page of a demo that is not finished: its steps, and what they have left so far."""

from __future__ import annotations

import datetime
import html
import pathlib

from aquanet_tf import files
from export.demo import results
from export.demo.steps import STEPS, finished
from export.report import page

RELOAD = 10  # seconds
_RUNNING = (
    f"It reloads itself every {RELOAD} seconds until the demo is finished. If this time is more "
    "than a minute old, the demo was interrupted: re-run its command, and it resumes."
)
_QUICK = (
    "<p>This is the quick demo, of about three minutes: it only shows that every step runs. Its "
    "networks learn nothing.</p>"
)


class Page:
    """The page while one step runs; `write` writes it as it is now.

    Args:
      run: the folder of the demo; the page is its report.html.
      step: name of the step that runs.
      quick: whether this is the quick demo.
    """

    def __init__(self, run: pathlib.Path, step: str, quick: bool = False):
        self.run, self.step, self.quick = run, step, quick
        self.start = datetime.datetime.now()

    def write(self, code: int | None = None) -> None:
        """code: exit code of the step where it has failed; None while it runs."""
        sections = [self._head(code), self._steps(code), *results.sections(self.run)]
        text = page.page("AQUANet: the demo", "\n".join(sections), RELOAD)
        files.write_text(self.run / "report.html", text)

    def _head(self, code) -> str:
        now = datetime.datetime.now()
        title, text = ("The demo is running", _RUNNING) if code is None else _stopped(code)
        return (
            f"<h1>{title}</h1><p>This page is as of <b>{_clock(now)}</b> ({now:%Y-%m-%d}). "
            f"{text}</p>{_QUICK if self.quick else ''}"
        )

    def _steps(self, code) -> str:
        """The table of all steps: done, running or stopped, to come."""
        done, rows = finished(self.run), []
        # Steps of the quick demo are too short to tell.
        head = "" if self.quick else "<th>takes about</th>"
        for step in STEPS:
            kind, state = "", "to come"
            if step.name == self.step:
                kind = "ours"
                state = f"running since {_clock(self.start)}" if code is None else "stopped"
            elif step.name in done:
                when = datetime.datetime.fromtimestamp(done[step.name])
                state = f"done at {_clock(when)}"
            time = "" if self.quick else f"<td>{step.time}</td>"
            text = html.escape(step.text)
            rows.append(f'<tr class="{kind}"><td>{text}</td><td>{state}</td>{time}</tr>')
        return (
            f'<div class="scroll"><table><thead><tr><th>step</th><th>state</th>{head}</tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table></div>"
        )


def _stopped(code: int) -> tuple[str, str]:
    """Title and text for a step that has failed."""
    return "The demo has stopped", (
        f"A step ended with exit code {code}: the terminal says why. Re-run the command of the "
        "demo, and it resumes with this step."
    )


def _clock(moment: datetime.datetime) -> str:
    return f"{moment:%H:%M:%S}"
