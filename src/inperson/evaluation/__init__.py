"""How good a signal is: figures over many recordings with known answers.

`metrics` holds the figures, `bootstrap` their intervals, `quality` what a signal's own quality measure is worth.
"""
