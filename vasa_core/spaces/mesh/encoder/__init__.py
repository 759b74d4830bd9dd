"""The face encoder: faces and their 478 points in pictures and videos (``encoder.py``)."""
