"""Sound and controls to motion, by diffusion (VASA-1, section 3.2)."""
