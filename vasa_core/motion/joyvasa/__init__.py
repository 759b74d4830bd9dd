"""JoyVASA's public motion model for the implicit space (Cao et al. 2024)."""
