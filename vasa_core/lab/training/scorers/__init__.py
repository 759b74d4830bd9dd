"""Training of the scorers that evaluation measures with."""
