"""Moved to `aquanet_tf.native.build`; this name keeps working."""

import runpy
import sys

if __name__ == "__main__":
    print("note: aquanet_tf.build_native is now aquanet_tf.native.build", file=sys.stderr)
    runpy.run_module("aquanet_tf.native.build", run_name="__main__", alter_sys=True)
