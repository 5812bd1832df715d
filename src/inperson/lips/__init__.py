"""Mouths and voices, and how alike they are at each lag: what `lip_sync` measures, and what tells whose voice it is.

`mouth` and `sound` bring landmarks and spectra onto one grid, `pair` embeds and compares them, `lag` does the
arithmetic over lags, `match` says how probable a likeness is with one's own voice and by chance.
"""
