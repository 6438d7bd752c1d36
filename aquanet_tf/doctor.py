"""Is this machine fit to train? The first command to run on a new machine, above all with a GPU.

    python -m aquanet_tf.doctor

Looks at versions, memory, disk, ffmpeg, GPUs and the C++ operations. Then, on every device: the
forward warp and its gradients in each implementation against the dense reference, a training step
in each precision with its time, memory and the batch that fits, and the shipped network's known
answer. Takes about a minute. Exit code 0: fit to train; 1: not, with one line for each reason. The
last part is a block to send us.
"""

from __future__ import annotations

import logging
import os
import sys
import time
import warnings

from absl import app

from aquanet_tf.checks import versions
from aquanet_tf.checks.finding import Finding

# TensorFlow's own messages would hide the report.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def examine() -> list[Finding]:
    """Runs all checks and prints each finding as it comes."""
    findings = []

    def tried(name, function, *arguments):
        """Whatever a check meets is a finding, not the end of the report."""
        print(f"... {name}", flush=True)
        try:
            result = function(*arguments)
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            result = Finding(name, "failed", f"{reason}; send us this report")
        for finding in [result] if isinstance(result, Finding) else result:
            findings.append(finding)
            print("\n".join(finding.lines()), flush=True)

    tried("software", versions.software)
    tried("machine", versions.machine)
    tried("ffmpeg", versions.ffmpeg)
    try:
        from aquanet_tf.checks import answer, devices, step, warps
    except ImportError as error:
        reason = f"{error}: make setup installs what is needed"
        findings.append(Finding("TensorFlow", "cannot be imported", reason))
        print("\n".join(findings[-1].lines()), flush=True)
        return findings
    tried("GPU", devices.gpus)
    tried("C++ operations", devices.native)
    for device in devices.names():
        tried(f"forward warp on {device}", warps.check, device)
        tried(f"training step on {device}", step.check, device, devices.gigabytes(device))
        tried(f"known answer on {device}", answer.check, device)
    return findings


def report(findings: list[Finding], seconds: float) -> str:
    """The verdict, and the block to send."""
    faults = [finding for finding in findings if finding.fault]
    block = ["----- aquanet_tf.doctor: send us the lines below -----"]
    block += [line.strip() for finding in findings for line in finding.lines()]
    block += [f"{seconds:.0f} s", "----- end -----"]
    verdict = [f"not fit to train: {finding.name}: {finding.fault}" for finding in faults]
    return "\n".join([*block, *(verdict or ["fit to train"])])


def main(argv) -> None:
    """Runs the command; see the module docstring."""
    if len(argv) > 1:
        sys.exit(f"error: unexpected argument {argv[1]!r}; the command has no options")
    start = time.monotonic()
    findings = examine()
    print(report(findings, time.monotonic() - start))
    sys.exit(int(any(finding.fault for finding in findings)))


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # other packages' advice would hide the report
    warnings.simplefilter("ignore")
    app.run(main)
