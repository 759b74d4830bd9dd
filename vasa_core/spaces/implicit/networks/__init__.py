"""LivePortrait's networks, each as published."""
