# The commands of linecam; `make` alone lists them. Needs GNU make, a POSIX shell and Python 3.11, 3.12 or 3.13.

# The first of these that fits is taken; `make demo PYTHON=/path/to/python3.12` names another. Where none fits, uv brings
# one, if there is uv.
PYTHON ?= python3.13 python3.12 python3.11 python3
BROUGHT = $(if $(filter file,$(origin PYTHON)),3.13)

define HELP
make demo     build everything for the built-in belt, from frames to bundle and report; VERBOSE=yes shows Snakemake's own output
make label    label frames in the browser; CONFIG=config/mine.yaml for your own frames, BY=Ann to say who labels,
              FRAMES=list.txt to begin with the frames of a list
make test     run the tests
make lint     check style, types, rules and the links of the documentation; changes nothing
make docs     build the documentation into site/
make setup    install the packages of requirements.lock into .venv, if needed; demo, label, test, lint and docs do so first
make lock     write requirements.lock and envs/ from requirements.in; UPGRADE=yes takes the newest versions
make help     show this list
endef

TARGETS = help demo label test lint docs setup lock
UNKNOWN = $(filter-out $(TARGETS),$(MAKECMDGOALS))
ifneq ($(UNKNOWN),)
$(error There is no target '$(firstword $(UNKNOWN))'. There are: $(TARGETS))
endif

.PHONY: $(TARGETS) needs
.DEFAULT_GOAL = help

# Where this is set, pip's packages stay without byte code and every start of Snakemake takes seconds longer.
unexport PYTHONDONTWRITEBYTECODE

# Sets $python to the first of PYTHON that fits, or to one of uv's, or ends with what was found instead.
FIND_PYTHON = \
	python=; seen=; \
	for name in $(PYTHON); do \
		version=$$("$$name" -c 'import platform; print(platform.python_version())' 2>/dev/null) || version="not there"; \
		case $$version in 3.11.*|3.12.*|3.13.*) python=$$name; break;; esac; \
		seen="$$seen $$name ($$version)"; \
	done; \
	if [ -z "$$python" ] && [ -n "$(BROUGHT)" ] && command -v uv >/dev/null; then \
		echo "Found:$$seen. uv brings Python $(BROUGHT)."; \
		uv python install $(BROUGHT); \
		python=$$(uv python find --no-project $(BROUGHT)); \
	fi; \
	if [ -z "$$python" ]; then \
		echo "linecam needs Python 3.11, 3.12 or 3.13, and found:$$seen." \
			"Install one, or uv, which brings one, or name one: make PYTHON=/path/to/python3.12 ..." >&2; \
		exit 1; \
	fi

help:
	@: $(info $(HELP))

# Said before anything starts, but not where the demo was built already.
needs:
	@[ -e results/belt/report.html ] || echo "The demo needs 10 GB of disk, 8.7 of them for .venv, and 4 GB of memory." \
		"On 2 cores it takes some 12 minutes; the set-up, once, downloads 4 GB and takes some 5 minutes more."

demo: needs .venv/.installed
	@.venv/bin/snakemake --cores all $(if $(VERBOSE),--verbose)

label: .venv/.installed
	.venv/bin/linecam label $(if $(BY),--by "$(BY)") $(if $(FRAMES),--frames "$(FRAMES)") $(if $(CONFIG),--configfile "$(CONFIG)")

# A file's tests share what they build, so they stay in one worker. Workers train beside each other, and PyTorch's
# threads, left to spin while they wait, take the cores from those that work.
test: export OMP_WAIT_POLICY = passive
test: .venv/.installed
	.venv/bin/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

setup: .venv/.installed

lint: .venv/.installed
	.venv/bin/ruff check . tests/conda/conda
	.venv/bin/ruff format --check . tests/conda/conda
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache
	.venv/bin/snakefmt --check Snakefile rules
	.venv/bin/python -m linecam.workflow.reference --check
	.venv/bin/python -m linecam.workflow.environments --check
	.venv/bin/snakemake --lint
	.venv/bin/zensical build --strict

# Fails where a link or an anchor leads nowhere.
docs: .venv/.installed
	.venv/bin/zensical build --strict
	@echo "The documentation, for a browser: site/index.html"

# `.installing` stands for an install under way. Left over, it tells of an interrupted one: start again. Where pip gives
# up, on a network that is down, what was there stays. Not every file compiles: torch has some for newer Pythons.
# linecam comes last, for its command. It stays in this folder, so that an edited line counts at once; its packages are
# there, and the lock's setuptools installs it, so that nothing is fetched. The packages' own tests stay without
# byte code: they are a sixth of all, and nobody runs them here.
.venv/.installed: requirements.lock
	@set -e; \
	trap 'exit 1' HUP INT TERM; \
	if [ -e .venv/.installing ] || [ ! -x .venv/bin/python ]; then \
		rm -rf .venv; \
		$(FIND_PYTHON); \
		echo "Setting up .venv with $$python. This takes minutes and about 9 GB, and pip says nothing meanwhile."; \
		mkdir .venv; \
		touch .venv/.installing; \
		"$$python" -m venv .venv; \
	fi; \
	rm -f .venv/.installed; \
	touch .venv/.installing; \
	.venv/bin/python -m pip install --quiet --no-compile -r requirements.lock || { \
		[ $$? -ge 128 ] || rm .venv/.installing; \
		exit 1; \
	}; \
	.venv/bin/python -m pip install --quiet --no-index --no-deps --no-build-isolation --editable .; \
	mv .venv/.installing .venv/.compiling; \
	echo "Byte-compiling .venv"; \
	.venv/bin/python -m compileall -qq -j 0 -x /tests/ .venv/lib || true; \
	mv .venv/.compiling .venv/.installed

# One version of each package for every Python that fits, each with the hashes of its files, which pip compares. Extras
# stay: without them pip 23 refuses the lock.
lock:
	@[ -x .venv/bin/uv ] || $(MAKE) --no-print-directory setup
	.venv/bin/uv pip compile requirements.in --output-file requirements.lock --quiet $(if $(UPGRADE),--upgrade) \
		--universal --python-version 3.11 --generate-hashes --no-strip-extras --annotation-style line \
		--custom-compile-command "make lock"
	.venv/bin/python -m linecam.workflow.environments
