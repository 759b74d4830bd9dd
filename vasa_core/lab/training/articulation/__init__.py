"""Trains the articulation net: from speech with known phones to lips seen on a face."""
