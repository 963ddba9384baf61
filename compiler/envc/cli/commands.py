"""The commands that there are, as `envc --help` groups them."""

GROUPS: dict[str, dict[str, str]] = {
    "A site (administrators, CI)": {
        "init": "write an envc.toml to start from, or one for what you have",
        "lock": "resolve the specs and write the locks",
        "materialize": "build what the locks describe in a target directory, and switch to it",
        "check": "say whether overlays and base fit, for a person or for CI",
        "audit": "say which pins have known vulnerabilities, by a copy of OSV's database",
    },
    "An overlay (users)": {
        "overlay": "create, edit, lock and build a layer of your own",
        "run": "run a command in a stack",
        "shell": "start your shell in a stack",
        "kernel": "let Jupyter run notebooks in a stack",
        "stage": "copy an overlay to the node's scratch disk, for a job",
    },
    "Looking": {
        "why": "say why a project is pinned as it is, and what holds it back",
        "tree": "show a stack as a tree of its projects",
        "diff": "say how two locks, generations, targets or overlays differ",
        "describe": "say what an environment holds that envc did not build",
        "doctor": "say whether this node is fit for a target or an overlay",
        "export": "hand a layer or a whole stack to other tools, or to a container",
    },
    "Many nodes": {
        "bundle": "write all that nodes need into one file",
        "rollout": "prepare all nodes, then switch them to what the locks describe",
        "status": "show what each node runs",
        "converge": "bring this node to the wanted state",
    },
    "Care of a target": {
        "verify": "compare a target with what was materialized, byte for byte",
        "repair": "bring what differs back to what was materialized",
        "generations": "list the generations, and what changed in each",
        "rollback": "switch back to an earlier generation",
        "gc": "remove generations that nothing keeps, and what they alone needed",
        "uninstall": "remove a target and every trace of it",
    },
    "envc itself": {
        "cache": "show or clean the cache of index pages, metadata and wheels",
        "completion": "print what makes a shell complete commands and options",
    },
}
# Those that no person types.
UNSEEN = {"node": "take one step of a roll-out on this node"}

SHOWN: dict[str, str] = {
    name: summary for group in GROUPS.values() for name, summary in group.items()
}
COMMANDS = SHOWN | UNSEEN


def overview() -> str:
    """What `envc --help` prints."""
    width = max(map(len, SHOWN)) + 2
    lines = [
        "envc compiles environment specs and locks into layered Python trees.",
        "",
        "usage: envc COMMAND [OPTIONS]",
    ]
    for group, commands in GROUPS.items():
        lines += ["", f"{group}:"]
        lines += [f"  {name:<{width}}{summary}" for name, summary in commands.items()]
    lines += [
        "",
        "`envc help COMMAND` tells of one. Before or after every command stand --help, --json,",
        "--site DIR, -q, -v and --no-progress. ENVC_TARGET stands for --target.",
        "Exit status: 0 done, 1 the answer is no, 2 usage or spec, 3 unsatisfiable,",
        "             4 the outside world failed, 5 untrusted bytes, 70 a bug in envc,",
        "             130 ended by Ctrl-C.",
        "",
        "example:",
        "  envc lock && envc materialize --target /usr/local/Canopy",
        "",
    ]
    return "\n".join(lines)
