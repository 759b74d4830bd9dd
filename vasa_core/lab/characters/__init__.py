"""The pack's own sample characters: fictional people, drawn by the code in this folder.

``python -m vasa_core.lab.characters --out DIR`` remakes every picture; nothing outside this
repository goes into them, so they carry its licence.
"""
