"""How layers of Python environments fail: every failure that is known, its test, and its control.

The numbers are those of the list of failures that issue 5 names (`canopy.md`, part 2: what was
observed with Canopy, 1 to 10, and with layers of any kind, 11 to 19); the letters are for what was
measured with plain layers beside that list. Each test shows both sides: first the *control*, an
environment layered plainly (`plain.py`: a venv with a `.pth`) or in the way of the tool that the
failure is of, which is asserted to go wrong; then the same with envc, asserted to go right.
`test_failures.py` sees that the tests named here are there, and that they have both sides.
"""

from typing import NamedTuple


class Failure(NamedTuple):
    """A failure; what the control is seen to do, what envc is seen to do; `file::test` of each.

    `limit` says what no test can show, or what envc does not mend either.
    """

    name: str
    what: str
    control: str
    envc: str
    tests: tuple[str, ...]
    limit: str = ""


FAILURES = (
    Failure(
        "1",
        "an upgrade of the common layer meets the versions that users put above it",
        "pip replaces numpy in the base: a user's project that needs the old one is broken",
        "the overlay goes on with the base that it was compiled for; `sync` shadows numpy",
        ("test_upgrades::test_an_upgrade_below_waits_until_the_overlay_is_compiled_for_it",),
    ),
    Failure(
        "2",
        "a user's layer goes before what the administrator updated",
        "a forgotten six in the top hides the base's newer one, and nobody is told",
        "the shadow is reported, and ends when the requirement that caused it goes",
        ("test_upgrades::test_a_shadow_is_told_and_ends_with_its_reason",),
    ),
    Failure(
        "3",
        "the core stands in a folder with its version, and paths to it are written down",
        "the venv's python leads nowhere when that folder is gone; another core runs it untold",
        "`run` names the core that is gone and the mend; the paths that people name stay the same;"
        " another X.Y is refused",
        (
            "test_interpreters::test_the_paths_that_people_name_outlive_the_core",
            "test_interpreters::test_another_core_is_refused",
        ),
        "`bin/python` itself is a symlink: where the core is gone, the kernel answers, not envc.",
    ),
    Failure(
        "4",
        "headers and libraries of inherited projects are not below the prefix",
        "there is no include/headers.h in the top",
        "it is there, a symlink by the base's digest",
        ("test_interpreters::test_headers_and_other_data_stand_below_the_prefix",),
        "A linker that wants libpython has always found it by `sysconfig`, which names the core.",
    ),
    Failure(
        "5",
        "removing it leaves lines and files in people's homes",
        "a login shell complains of the activate line; `pip install --user` is imported for ever",
        "init, add, run, shell and uninstall leave an empty home empty",
        ("test_people_and_tools::test_nothing_is_left_in_a_persons_home",),
        "The cache is another matter: `envc cache clean` empties it, wherever it stands.",
    ),
    Failure(
        "6",
        "the package manager does not know what pip installed",
        "`pip check`, the only one who is asked, finds all well",
        "`verify` names every file (and `overlay adopt` writes it into the spec)",
        ("test_people_and_tools::test_what_pip_installs_by_hand_is_told",),
    ),
    Failure(
        "7",
        "environments that other tools make do not see the layers",
        "an environment that uv makes on a base, with system site-packages, sees no base",
        "`python -m venv --system-site-packages` sees the whole stack",
        ("test_interpreters::test_what_other_tools_make_stands_on_the_core",),
        "As with Canopy it has to be `venv`: uv and virtualenv ask an interpreter for its core and "
        "stand on that alone, over envc, too (the test shows it).",
    ),
    Failure(
        "8",
        "of two layers, people activate the wrong one",
        "activating the base loses the top's projects; PATH and VIRTUAL_ENV name different layers",
        "`envc run` finds the person's own overlay, whatever is active, and sees all layers",
        ("test_interpreters::test_nobody_has_to_choose_which_layer_to_activate",),
    ),
    Failure(
        "9",
        "a bridge from another language that embeds Python finds no layers (PyCall)",
        "by the path that it recorded at its set-up, of the base or the core, it does not see the "
        "top",
        "by `DIR/bin/python` it sees the stack, and what is added to it later",
        ("test_interpreters::test_a_bridge_that_embeds_python_finds_the_stack",),
        "It has to be given that path: what it asks `sys.executable` for is of one generation, and "
        "one that sets PYTHONHOME to a prefix starts in no venv, nor in a tree of envc.",
    ),
    Failure(
        "10",
        "easy_install reorders the path, and layers with it",
        "the folders that its file adds go before the top, which has another numpy",
        "what a base does at start-up puts nothing before what stands on it",
        ("test_search_path::test_what_easy_install_wrote_in_the_base_hides_nothing_above",),
        "The program itself is gone from setuptools; what it wrote is what is tested.",
    ),
    Failure(
        "11",
        "pip upgrades above, breaks what is below, and exits with 0",
        "numpy 2 above scipy 1.11, which wants numpy<2; `pip check` fails afterwards",
        "scipy is lifted along; `pip check` is clean",
        ("test_upgrades::test_an_upgrade_above_does_not_break_what_is_below",),
    ),
    Failure(
        "12",
        "uv ignores inherited projects",
        "it lists none of them, and installs numpy a second time",
        "an overlay takes what its base has; `export --flat` makes one folder for such tools",
        (
            "test_people_and_tools::test_tools_that_see_one_folder_only_are_given_one",
            "test_people_and_tools::test_editors_take_layers_for_environments",
        ),
        "In the overlay itself uv sees the overlay only: it reads that folder by itself.",
    ),
    Failure(
        "13",
        "inherited commands and kernels run the parent's interpreter",
        "the base's `report`, and its kernel, see the base's prefix and not the top's projects",
        "both are in the overlay, and run its interpreter",
        (
            "test_interpreters::test_inherited_commands_run_the_overlays_interpreter",
            "test_jupyter_kernels::test_a_kernel_of_the_base_runs_the_overlay",
        ),
    ),
    Failure(
        "14",
        "a base on PYTHONPATH goes before the user's layer",
        "numpy comes from the base, though the top has its own",
        "the overlay is first; `run` names a PYTHONPATH or LD_LIBRARY_PATH that is set",
        ("test_search_path::test_the_base_never_hides_the_overlay",),
    ),
    Failure(
        "15",
        "shared libraries do not find each other across layers",
        "`libmiddle.so: cannot open shared object file`",
        "its folder is linked in; what is masked or the overlay's own is not",
        ("test_libraries::test_a_library_finds_the_one_that_it_needs_in_the_base",),
    ),
    Failure(
        "16",
        "a venv of a venv sees the core only",
        "neither project is found",
        "both are",
        ("test_interpreters::test_a_virtual_environment_on_top_sees_the_whole_stack",),
    ),
    Failure(
        "17",
        "an update of the parent reaches the child, in the middle of a run",
        "what is imported late is of the new state",
        "a process, its children and its job stay on the generations that they started with",
        (
            "test_while_it_runs::test_plain_layering_mixes_before_and_after",
            "test_while_it_runs::test_a_process_and_its_children_keep_to_their_generations",
            "test_one_job::test_an_overlay_pins_the_base_that_it_was_compiled_for",
        ),
    ),
    Failure(
        "18",
        "parents in a circle",
        "two venvs name each other, and nobody objects",
        "refused, with the circle drawn",
        ("test_people_and_tools::test_layers_cannot_stand_on_each_other",),
    ),
    Failure(
        "19",
        "`import` lines in `.pth` files come to an end (PEP 829)",
        "layers that such a line joins fall apart",
        "`.start` files join them",
        ("test_search_path::test_what_import_lines_join_falls_apart",),
        "No interpreter of that kind is here: its `site` is played by today's.",
    ),
    Failure(
        "a",
        "the parent's own `.pth` files do not run",
        "the folder that one names is not found",
        "they run, once, in overlay and layer",
        ("test_search_path::test_start_up_files_of_the_base_run_exactly_once",),
    ),
    Failure(
        "b",
        "each import that the base satisfies asks the shared storage first",
        "four more path operations for four more projects",
        "as many as for `pass`",
        ("test_search_path::test_imports_from_the_base_do_not_touch_the_overlays_storage",),
    ),
    Failure(
        "c",
        "what only the replaced release has stays importable, and its plugins are loaded",
        "a module and an entry point of the old release are found beside the new one",
        "both are gone above, and there below",
        ("test_upgrades::test_what_only_the_replaced_release_has_is_gone",),
    ),
    Failure(
        "d",
        "a package that two projects share is replaced in part",
        "the other project's module is not found any more",
        "they are shadowed and lifted together",
        ("test_upgrades::test_a_package_of_two_projects_is_replaced_whole",),
    ),
    Failure(
        "e",
        "the backport of importlib.metadata lists a masked project again",
        "two numpys",
        "one",
        ("test_search_path::test_the_backport_does_not_bring_back_what_is_masked",),
    ),
    Failure(
        "f",
        "the user site leaks in",
        "the core's python finds a module of ~/.local",
        "no tree does, with PYTHONUSERBASE set neither",
        ("test_search_path::test_the_user_site_never_leaks_in",),
    ),
)
