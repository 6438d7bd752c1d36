"""`make demo` while it runs: one step at a time, and a page of what there is so far. NumPy only.

`steps` lists the steps, `results` shows what they have left on the disk, `page` puts both together,
and `command` runs a step while the page is written again and again. TensorFlow would make each of
those writes cost seconds.

Uses: report.
"""
