"""`envc rollout`: every node prepares, and when enough are ready, they are switched.

In which order, `rollout/decide.py` tells. The nodes are the truth: nothing is remembered between
two roll-outs, and a node that is done already says so in its first answer.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import assert_never

from envc.cluster.kit import kit_of_this_envc
from envc.cluster.node_sets import expand, fold
from envc.errors import UsageError
from envc.fleet.deployment import Deployment, deployment_of, share
from envc.fleet.driver import Driver
from envc.fleet.wish import Wish
from envc.formats.wanted import statement_words
from envc.host.context import Context
from envc.model.value import replace
from envc.ports import Engine
from envc.reports.rollout import NodeState, RolloutReport, State
from envc.rollout.values import (
    DONE,
    Ask,
    Bring,
    Order,
    Publish,
    RolloutOptions,
    Share,
    Stop,
    Switch,
)
from envc.signing import signer_of
from envc.sites.place import find_site
from envc.sites.site import load_site
from envc.target.planning import closures_of


def roll_out(
    site_folder: str | None,
    options: RolloutOptions,
    engine: Engine,
    context: Context,
    heard: Callable[[NodeState], None],
) -> RolloutReport:
    """Bring nodes to what the site's locks describe; `heard` is told of every step of a node.

    Raises:
        UsageError: no such nodes, a lock is missing, the site's core is another Python, or nothing
            signs for a site that names keys.
        AnswerIsNo: a lock is stale.
        OutsideError: the engine cannot be used, or the disk here refused.
    """
    site = load_site(*find_site(site_folder))
    order = Order(expand(options.nodes), closures_of(site), options)
    _refuse_one_target(order, engine)
    kit = kit_of_this_envc(context.cache)
    deployment = deployment_of(site, kit, order, context.cache)
    signer = signer_of(site.spec, options.sign, context.reporter)
    wish = Wish(site.spec.name, deployment, order.nodes, signer)
    switch_words: tuple[str, ...] = ()
    if signer is not None or options.state is not None:
        deployment = _proved(deployment, wish)
    else:
        switch_words = statement_words(wish.published.statement)
    if options.state is not None:
        share(deployment, options.state)
    driver = Driver(order, deployment, engine, heard, switch_words)
    context.reporter.holds(lambda: _said(driver), lambda: _report(driver, Stop("interrupted")))
    while not isinstance(command := driver.next(), Stop):
        match command:
            case Ask():
                driver.ask(command)
            case Bring():
                driver.bring(command)
            case Share(state):
                share(deployment, state, anew=True)
            case Publish(state):
                share(deployment, state)  # another roll-out may have removed what nobody wanted yet
                wish.publish()
                driver.deployment = _proved(deployment, wish)
            case Switch():
                driver.switch(command)
            case _:
                assert_never(command)
    return _report(driver, command)


def _proved(deployment: Deployment, wish: Wish) -> Deployment:
    """The same, with what shows nodes who wants it."""
    forced = ("--replace-keys",) if deployment.options.replace_keys else ()
    words = statement_words(wish.published.statement)
    return replace(deployment, proof=(*words, *forced))


def _refuse_one_target(order: Order, engine: Engine) -> None:
    target = order.options.target
    if "{node}" not in target and engine.name == "local" and len(order.nodes) > 1:
        raise UsageError(
            "nodes of the local engine would share one target",
            where=target,
            mend="put {node} into the target: --target /tmp/nodes/{node}",
        )


def _said(driver: Driver) -> str:
    """What to say when somebody ends the roll-out."""
    done = [name for name, node in driver.known.nodes.items() if node.told.state in DONE]
    return f"nodes that are done: {fold(done) or 'none'}; of the others no switch was heard"


def _report(driver: Driver, stop: Stop) -> RolloutReport:
    nodes = {name: node.told for name, node in driver.known.nodes.items()}
    sets: dict[State, list[str]] = defaultdict(list)
    for name, node in nodes.items():
        sets[node.state].append(name)
    options, wanted = driver.known.order.options, driver.deployment.wanted
    return RolloutReport(
        ok=all(node.state in DONE for node in nodes.values()),
        engine=driver.engine.name,
        target=options.target,
        parcel=wanted.parcel,
        closures=dict(wanted.closures),
        state=options.state,
        stopped=f"{stop.because}: {fold(stop.nodes)}" if stop.nodes else stop.because,
        sets={state: fold(some) for state, some in sorted(sets.items())},
        nodes=nodes,
        seconds=round(driver.now_seconds() - driver.known.began_seconds, 3),
    )
