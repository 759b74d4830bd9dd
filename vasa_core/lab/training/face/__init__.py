"""Training and measuring the face encoder; ``train.py`` and ``evaluate.py`` are the commands."""
