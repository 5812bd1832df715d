"""Every figure of an evaluation, under one name: `inperson.evaluation.metrics`.

Arrays in, one number out. Scores are (n,), higher for the signal; labels are 1 where the signal is present and 0 where
bona fide; likelihood ratios are log10. A figure that needs a class without recordings is NaN, never a number. What each
one means to a platform, with formulas: ``docs/metrics.md``.
"""

from __future__ import annotations

from inperson.evaluation.likelihood import calibration_loss, cllr, log_cost, min_cllr
from inperson.evaluation.operating import (
    C_FA,
    C_MISS,
    PRIOR,
    act_dcf,
    auc,
    bayes_threshold,
    det_curve,
    detection_rate,
    eer,
    false_alarm_rate,
    min_dcf,
    miss_rate,
    threshold_at,
)
from inperson.evaluation.reliability import Bin, ece, reliability

__all__ = [
    "C_FA",
    "C_MISS",
    "PRIOR",
    "Bin",
    "act_dcf",
    "auc",
    "bayes_threshold",
    "calibration_loss",
    "cllr",
    "det_curve",
    "detection_rate",
    "ece",
    "eer",
    "false_alarm_rate",
    "log_cost",
    "min_cllr",
    "min_dcf",
    "miss_rate",
    "reliability",
    "threshold_at",
]
