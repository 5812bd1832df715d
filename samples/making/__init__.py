"""How the sample recordings are made: voices, rooms, mouths, heads, pictures, files. See ../make_samples.py."""
