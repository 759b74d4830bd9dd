"""Training and measuring: everything that makes or checks the embedded weights. Not shipped."""
