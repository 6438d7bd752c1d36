"""Moved to `data_prep.street.cityscapes`; this name keeps working."""

import runpy
import sys

if __name__ == "__main__":
    print("note: data_prep.street_cityscapes is now data_prep.street.cityscapes", file=sys.stderr)
    runpy.run_module("data_prep.street.cityscapes", run_name="__main__", alter_sys=True)
