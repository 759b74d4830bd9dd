"""What is painted: matte, texture layers, eyes, mouth, and how they are composited."""
