# Every command of the project, each defined once. `make` alone lists them.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made-from-pyproject
PYTEST ?= $(BIN)/pytest
TOOLING := --group dev
# Further interpreters that the quick tests run on: Debian's own, and others X.Y.
OTHERS ?= debian 3.12 3.13 3.14 3.15
# What test-python-X.Y makes there: with trial-twin, what stacks of that Python show.
ON_OTHERS ?= test-quick
TESTING := build/testing
PYENV_ROOT ?= $(HOME)/.pyenv

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo dist docs test test-quick test-network test-all-pythons check schemas golden bench clean tools index

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

demo: ## the whole job on a small site, below build/, in half a minute; needs envc alone
	@[ -e $(STAMP) ] && venv=$(VENV) || venv=build/venv/demo; \
	$(MAKE) --no-print-directory VENV=$$venv TOOLING= $$venv/$(notdir $(STAMP)) \
	&& PYTHONPATH=tests $$venv/bin/python fixtures/demo/demo.py

dist: $(STAMP) ## envc's wheel and envc.pyz, the one file that needs no installing, below build/dist
	@mkdir -p build/dist
	@$(BIN)/python compiler/dist/build.py build/dist

test: $(STAMP) tools ## every test that needs no network; SYSTEM=no: with no package of the system more
	$(PYTEST) -m "not network"

test-network: $(STAMP) tools ## the real sites, from the real index
	$(PYTEST) -m network

test-quick: $(STAMP) ## the tests that take under a quarter of a second each
	@echo "quick tests on $$($(BIN)/python --version)"
	@$(PYTEST) -q -m "not network and not slow" -p no:cacheprovider

test-all-pythons: $(OTHERS:%=test-python-%) ## the quick tests on the other Pythons

test-python-%: $(STAMP)
	@$(find_python); within=; \
	if [ "$$python" ] && [ "$$(realpath "$$python")" = "$$(realpath $(BIN)/python)" ]; then \
	  echo "Python $*: is what the other tests run on, left out"; exit; \
	elif [ -z "$$python" ] && [ $* != debian ] && [ "$$(id -u)" = 0 ] \
	  && $(MAKE) --silent $(TESTING)/$*/.made; then \
	  python=python$* within=".ci/within $(TESTING)/$*"; \
	elif [ -z "$$python" ]; then echo "Python $*: not found, left out"; exit; fi; \
	$$within make --no-print-directory --output-sync=target $(ON_OTHERS) \
	  VENV=build/venv/$* PYTHON="$$python"

check: $(STAMP) ## format, lint, types, import contracts, schemas, files entered by daily commands
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m envc.cli.schemas --check schemas
	$(BIN)/python benchmarks/journeys.py --check

docs: ## all pages as a site, below build/pages/site
	@$(MAKE) --no-print-directory VENV=build/venv/docs TOOLING='--group docs' build/venv/docs/$(notdir $(STAMP))
	@build/venv/docs/bin/python compiler/pages/pages.py build/pages
	@build/venv/docs/bin/zensical build --strict --clean --config-file build/pages/zensical.toml

schemas: $(STAMP) ## write schemas/*.schema.json anew from the models
	$(BIN)/python -m envc.cli.schemas schemas

golden: $(STAMP) ## write the golden files anew; review the difference
	$(PYTEST) -q --update-golden tests

bench: $(STAMP) ## compare with the peers; writes benchmarks/results/
	@for name in materialize lock check growth startup daily; do $(BIN)/python benchmarks/$$name.py || exit 1; done

clean: ## remove build/ and every cache; the virtual environment stays
	@if [ -d build ]; then chmod -R u+w build && rm -rf build; fi
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	@find compiler tests benchmarks fixtures -name __pycache__ -prune -exec rm -rf {} +

index: $(STAMP) # status 0 when the default index answers
	@PYTHONPATH=tests $(BIN)/python -m support.probe

# The virtual environment. A half-made one is made anew; a failed installation leaves no stamp, so
# that the next command goes on with it.
$(STAMP): pyproject.toml
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { $(make_venv); }
	@echo "installing envc$(if $(TOOLING), and what its tests need,) into $(VENV)"
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --editable . $(TOOLING)
	@touch $@

define make_venv
rm -rf $(VENV); \
command -v $(PYTHON) >/dev/null || { \
  echo "$(PYTHON) is not here: install it, or name one with make PYTHON=…" >&2; exit 1; }; \
$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
  $(call apt_install,python3-venv) || { \
    echo "install Python's venv module: apt-get install python3-venv" >&2; exit 1; }; }; \
echo "making $(VENV) with $(PYTHON)"; \
$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
endef

# Debian's package $(1), where we may install it; the status tells whether it is here now. One at a
# time: targets run side by side.
apt_install = { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
  && echo "installing $(1)" && flock Makefile sh -c "apt-get update -qq \
  && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(1) >/dev/null"; }

# What some tests need beside Python, as program|Debian's packages|what is skipped without it. The
# packages' own daemons are not started: tests start theirs. SYSTEM=no installs nothing.
SYSTEM ?= yes
define TOOLS
strace|strace|kill envc at system calls
bindfs|bindfs|have overlays on a FUSE file system
mkfs.xfs|xfsprogs|use xfs images
mkfs.btrfs|btrfs-progs|roll sci out to sixteen nodes
sshd|openssh-server openssh-client|reach nodes by ssh
pdsh|pdsh|reach nodes by pdsh
srun|slurm-wlm munge|reach nodes by Slurm
sudo|sudo|have somebody who is not root on nodes
/usr/share/lmod|lmod|load modulefiles
fish|fish|complete words in fish
zsh|zsh|complete words in zsh
chromedriver|chromium chromium-driver|look at the HTML page
endef
export TOOLS

tools: export PATH := $(PATH):/usr/sbin:/sbin
tools: export RUNLEVEL := 1
tools:
	@echo "$$TOOLS" | while IFS='|' read -r tool packages without; do \
	  command -v "$$tool" >/dev/null || [ -d "$$tool" ] \
	  || { [ "$(SYSTEM)" = yes ] && echo "for tests that $$without:" && $(call apt_install,$$packages); } \
	  || echo "$$packages: not here; tests that $$without are skipped"; \
	done
	@[ "$(SYSTEM)" != yes ] || $(MAKE) --no-print-directory --silent $(MODULES)/.made \
	  || echo "environment-modules: not here; tests that load its modulefiles are skipped"

# Environment Modules, unpacked only: Debian does not install it beside lmod.
MODULES := build/environment-modules
$(MODULES)/.made:
	@command -v apt-get >/dev/null && { command -v tclsh >/dev/null || $(call apt_install,tcl); }
	@echo "fetching environment-modules" && rm -rf $(@D) && mkdir -p $(@D) && cd $(@D) \
	  && apt-get download -qq environment-modules 2>/dev/null && dpkg -x *.deb . && touch .made

# Sets $$python to an interpreter $*, or to nothing; `debian` is the machine's own.
find_python = python=$$(command -v $(if $(filter debian,$*),/usr/bin/python3,python$*) || :); \
  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
    python=$$(ls -d "$(PYENV_ROOT)"/versions/$*.*/bin/python$* 2>/dev/null | tail -n 1)

# A root of Debian's testing suite with that Python. One that is half-made is made anew.
$(TESTING)/%/.made:
	@command -v debootstrap >/dev/null || $(call apt_install,debootstrap)
	@mirror=$$($(debian_mirror)); log=$(TESTING)/$*.log; mkdir -p $(@D) && rm -rf $(@D); \
	[ "$$mirror" ] || { echo "apt's sources name no mirror of Debian"; exit 1; }; \
	echo "making $(@D) from $$mirror"; \
	unshare --mount debootstrap --variant=minbase --include=$(IN_TESTING) testing $(@D) "$$mirror" \
	  >$$log 2>&1 || { tail -n 3 $$log; exit 1; }
	@touch $@

IN_TESTING = ca-certificates,git,make,openssh-client,python$*-venv
debian_mirror = apt-get indextargets --format '$$(LABEL) $$(REPO_URI)' 'Created-By: Packages' \
  | sed -n 's/^Debian //p' | head -n 1

.PHONY: test-fuzz
test-fuzz: $(STAMP) ## hypothesis against a clock, for a minute
	ENVC_FUZZ_SECONDS=60 $(PYTEST) -q tests/fuzz

# What takes too long for every run: at every call and boundary what the tests try at some.
TRIALS := kill failing_calls power_cut soak rollout_sci foreign_suites while_it_changes uv_random twin verdicts first_hour described
.PHONY: trials
trials: $(TRIALS:%=trial-%) ## every system call killed or failing, 20,000 questions to uv; one: make trial-kill

trial-%: $(STAMP) tools
	$(run_trial)

trial-twin: $(STAMP)
	$(run_trial)

run_trial = $(PYTEST) -q -m "sweep or trial" --durations=0 $(wildcard tests/*/test_$(@:trial-%=%).py)
