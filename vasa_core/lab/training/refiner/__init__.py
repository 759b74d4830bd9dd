"""Training of the mesh space's refiner."""
