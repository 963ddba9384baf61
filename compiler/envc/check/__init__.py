"""What is known of an overlay and its base, to a verdict. No package code runs.

WheelContents of a base ──survey──▶ Ground          Subject on it ──judge──▶ Verdict
"""

from envc.check.ground import Ground, survey
from envc.check.impact import Impact, ImpactKind, classify
from envc.check.judge import PASSES, judge, restated, unreadable
from envc.check.libraries import wanted_libraries
from envc.check.offers import PassedOver, passed_over
from envc.check.subject import LockState, Scene, Subject
from envc.check.touch import Touched, touched

__all__ = [
    "PASSES",
    "Ground",
    "Impact",
    "ImpactKind",
    "LockState",
    "PassedOver",
    "Scene",
    "Subject",
    "Touched",
    "classify",
    "judge",
    "passed_over",
    "restated",
    "survey",
    "touched",
    "unreadable",
    "wanted_libraries",
]
