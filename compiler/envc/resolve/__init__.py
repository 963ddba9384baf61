"""Requirements to pins: resolvelib searches, the rules are ours.

Problem, CandidateSource ──resolve──▶ Resolution
"""

from envc.resolve.search import resolve

__all__ = ["resolve"]
