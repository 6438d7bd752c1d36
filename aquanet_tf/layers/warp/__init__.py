"""Forward warping (Eq. 1 and 2): the layer (`forward`), the formulas to read (`dense`, `planes`),
and the implementations that run (`streaming`, `native`)."""
