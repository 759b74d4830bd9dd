"""Where things lie: surfaces, openings and how they move."""
