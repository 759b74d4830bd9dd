"""Training and measuring of the mesh space's motion diffusion."""
