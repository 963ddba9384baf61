"""A roll-out as a state machine: what is known of the nodes → what is to be done next.

    Order ──begin──▶ Known ──decide──▶ Command ─(carried out)─▶ a word of each node ──hear──▶ Known

Nothing is asked and nothing is waited for here; the order of the steps is `decide.RULES`.
"""

from envc.rollout.decide import decide
from envc.rollout.hear import begin, hear

__all__ = ["begin", "decide", "hear"]
