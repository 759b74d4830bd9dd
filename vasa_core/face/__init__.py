"""The face encoder, the house's eye: where a face is, its landmarks, its pose and its basis."""
