"""Training of the scorers that ``vasa_core.evaluation`` measures with."""
