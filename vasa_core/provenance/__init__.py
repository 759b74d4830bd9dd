"""What this project writes: marked as AI-generated, and whole or not there at all."""
