"""Numbers as the page writes them."""

from __future__ import annotations

import math


def clock(seconds: float, digits: int = 1) -> str:
    """``m:ss.s``, with hours in front from one hour on; `digits` 0 or 1 after the point. 75.25 is ``1:15.2``."""
    units = 10**digits
    whole = round(seconds * units)
    minutes, rest = divmod(whole, 60 * units)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // units:02d}" + (f".{rest % units}" if digits else "")
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"


def percent(part: float, whole: float) -> str:
    """A share as CSS and SVG take it; ``0%`` of nothing."""
    share = 100 * part / whole if whole > 0 else 0.0
    return f"{min(max(share, 0.0), 100.0):.3f}".rstrip("0").rstrip(".") + "%"


def signed(value: float) -> str:
    """Two digits with a sign, without a negative zero."""
    return f"{round(value, 2) + 0.0:+.2f}"


def at_prior(llr: float, prior: float) -> float:
    """The confidence that a log10 likelihood ratio gives at another prior (Bayes' rule on the odds)."""
    against: float = (1 - prior) / prior * 10.0 ** -max(-300.0, min(300.0, llr))
    return 1 / (1 + against)


def odds(llr: float) -> str:
    """A ratio in words: how many times likelier one way or the other."""
    times: float = 10 ** min(abs(llr), 300.0)
    factor = f"{times:.0f}" if times >= 10 else f"{times:.2g}"
    if factor == "1":
        return "What was measured is as likely with the signal as without it."
    this, other = ("with", "without") if llr > 0 else ("without", "with")
    return f"What was measured is {factor} times likelier {this} the signal than {other} it."


def of_hundred(share: float) -> str:
    """A probability as a natural frequency."""
    if 0 < share < 0.01:
        return f"{_short(1000 * share)} of 1000"
    if 0.99 < share < 1:
        return f"{_short(1000 * share)} of 1000"
    return f"{round(100 * share)} of 100"


def amount(value: float, unit: str) -> str:
    """A number with its unit, three digits."""
    number = f"{value:.0f}" if value == round(value) and abs(value) < 1e6 else f"{value:.3g}"
    return number if unit == "1" else f"{number} {unit}"


def _short(value: float) -> str:
    return "less than 1" if value < 1 else f"{min(round(value), 999)}" if math.isfinite(value) else "?"
