"""What exists on the street, and where it is at each frame. Knows nothing of images."""
