"""Sound files and waveforms to audio features."""
