"""ComfyUI nodes: thin glue around ``vasa_core``, one file per stage."""
