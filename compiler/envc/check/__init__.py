"""An overlay's lock, its base and what resolving it said, to a verdict. No package code runs.

Subject ──judge──▶ Verdict
"""

from envc.check.codes import CODES
from envc.check.judge import LockState, Subject, judge, unreadable

__all__ = ["CODES", "LockState", "Subject", "judge", "unreadable"]
