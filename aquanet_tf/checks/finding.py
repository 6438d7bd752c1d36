"""What a check found: numbers for the reader, and what keeps the machine from training."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """One line of the doctor.

    Attributes:
      name: what was looked at.
      text: what was found.
      fault: why the machine is not fit to train, with the fix; empty if it is.
      hint: what could be better, with the command; empty if nothing.
    """

    name: str
    text: str
    fault: str = ""
    hint: str = ""

    def lines(self) -> list[str]:
        """For the terminal: the text, and below it the fault or the hint."""
        mark = "NO" if self.fault else "ok"
        lines = [f"  {mark}  {self.name}: {self.text}"]
        lines += [f"      {text}" for text in (self.fault, self.hint) if text]
        return lines
