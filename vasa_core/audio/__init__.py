"""Sound files and waveforms to what a motion model hears."""
