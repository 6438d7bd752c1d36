"""The report of a run, one HTML page: `python -m export.report`.

`build` puts the sections together; `pictures`, `stages`, `tables`, `charts` and `advice` make them;
`page` holds HTML and CSS.

Uses: nothing.
"""
