"""What a target's store knows of wheels: a node without a network asks nobody else."""

from contextlib import suppress

from envc.errors import EnvcError
from envc.index.reader import Recall
from envc.model.release import CoreMetadata, Distribution
from envc.store import Store, store_id


def stored_metadata(root: str, python: str) -> Recall:
    """Who tells the metadata of the wheels that a store has for an X.Y."""
    store = Store(root)

    def recall(distribution: Distribution) -> CoreMetadata | None:
        if distribution.digest is None or distribution.kind == "sdist":
            return None
        name = store_id(distribution.digest, python)
        with suppress(EnvcError):  # what is damaged is not believed, and `verify` tells of it
            if store.has(name):
                facts = store.facts(name)
                return CoreMetadata(
                    project=facts.project,
                    version=facts.version,
                    requires=facts.requires,
                    requires_python=facts.requires_python,
                    extras=facts.extras,
                )
        return None

    return recall
