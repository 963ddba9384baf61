"""Requirements to pins: resolvelib searches, `prove` has the last word, the rules are ours.

Problem, CandidateSource ──resolve──▶ Resolution
Problem, CandidateSource, project ──why──▶ Why
"""

from envc.resolve.answer import resolve
from envc.resolve.why import Asking, Held, Why, why

__all__ = ["Asking", "Held", "Why", "resolve", "why"]
