"""The embedded face space: a 478-point mesh, and the photo itself warped by it."""
