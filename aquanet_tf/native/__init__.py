"""Optional C++ operations for the CPU: the forward warp, and the resampling of training images.

`src` are their sources, `build` compiles them for this machine, `library` loads them.

Uses: nothing.
"""
