# Every target sets itself up: .venv is made, with the versions of constraints.txt, when needed.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
# Tests and figures start hundreds of processes: each would compile the modules again.
unexport PYTHONDONTWRITEBYTECODE
INSTALLED := $(VENV)/.installed

.PHONY: demo test test-wide test-safety test-all test-web page check docs figures release-check bench bench-int8 bench-embedding bench-tasks bench-distil bench-peers bench-browser bench-node compatibility arm-check fuzz clean
.DEFAULT_GOAL := demo

$(INSTALLED): pyproject.toml constraints.txt
	@test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (minutes, once)"
	@$(RUN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(INSTALLED)  ## export the embedded checkpoint to int8, prove it, ask it three questions
	@$(RUN)/python -m edge_distil_apps.demo

# Tests share the cores, a file each; what they make lies in .pytest_cache for the next run.
PYTEST := OMP_NUM_THREADS=1 $(RUN)/python -m pytest -n auto --dist loadfile

test: $(INSTALLED)  ## what a change breaks first, in minutes
	@$(PYTEST) -m 'not (wide or safety or slow or network or web)'

test-wide: $(INSTALLED)  ## more of the same: every family, recipe and setting that `make test` samples
	@$(PYTEST) -m 'wide and not (safety or slow or network or web)'

test-safety: $(INSTALLED)  ## what guards users' files, answers and privacy: kills, two at once, fuzz
	@$(PYTEST) -m 'safety and not (slow or network or web)'

test-all: $(INSTALLED) apps/web/runtime/node_modules page  ## all, the slow ones too: interoperability, packaging, data sets
	@$(PYTEST) -m ''

apps/web/runtime/node_modules: apps/web/runtime/package-lock.json
	@npm ci --prefix apps/web/runtime --no-audit --no-fund --silent
	@touch $@

apps/web/page/node_modules: apps/web/page/package-lock.json
	@npm ci --prefix apps/web/page --no-audit --no-fund --silent
	@touch $@

PAGE := $(shell find apps/web/page apps/web/runtime/src -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)
apps/web/page/dist/index.html: apps/web/page/node_modules $(PAGE)
	@npm run build --prefix apps/web/page --silent -- --logLevel warn
	@touch $@

page: apps/web/page/dist/index.html  ## the page of `edge-distil serve`: needs Node 20 or later

test-web: $(INSTALLED) apps/web/runtime/node_modules page  ## the JavaScript runtime and the page
	@npm test --prefix apps/web/runtime --silent
	@npm run check --prefix apps/web/page --silent
	@$(PYTEST) -m 'web and not slow' tests/web

check: docs  ## style, types, the documentation's links
	@$(RUN)/ruff check .
	@$(RUN)/ruff format --check .
	@$(RUN)/mypy
	@$(RUN)/python bench/tables/publish.py --check

figures: $(INSTALLED)  ## put the committed figures into README, BENCHMARKS and docs; check fails if they differ
	@$(RUN)/python bench/tables/publish.py

docs: $(INSTALLED)  ## the documentation's pages, into site/; a broken link fails
	@NO_MKDOCS_2_WARNING=1 $(RUN)/python -m mkdocs build --quiet --strict

release-check: $(INSTALLED)  ## build the distribution, install it in a clean environment, run its tests there
	@rm -rf dist
	@$(RUN)/python -m build --outdir dist
	@$(RUN)/python -m pytest -m '' tests/packaging

bench: $(INSTALLED)  ## the figures of the README, against named peers
	@$(RUN)/python bench/tables/first_use/first_answer.py
	@$(RUN)/python bench/tables/first_use/export_time.py
	@$(RUN)/python bench/tables/first_use/commands.py

bench-int8: $(INSTALLED)  ## the figures of BENCHMARKS.md; EDGE_DISTIL_DATA names the data sets
	@for script in fidelity batch_invariance qa_accuracy quantize_cost; do \
		echo "== $$script"; OMP_NUM_THREADS=1 $(RUN)/python bench/tables/int8/$$script.py || exit 1; done
	@$(RUN)/python bench/tables/graphs/attempts.py

bench-embedding: $(INSTALLED)  ## embedding beside fastembed and sentence-transformers; EDGE_DISTIL_DATA
	@for script in throughput latency memory token_budget last_layer packed_rows static_tables; do \
		echo "== $$script"; $(RUN)/python bench/tables/embedding/$$script.py || exit 1; done

bench-tasks: $(INSTALLED)  ## questions, labels and entities a second, long documents; EDGE_DISTIL_DATA
	@$(RUN)/python bench/tables/tasks/throughput.py
	@$(RUN)/python bench/tables/tasks/long_documents.py

STUDENTS ?= .students
bench-distil: $(INSTALLED)  ## students with and without a teacher, and what ships: 2 hours; EDGE_DISTIL_DATA
	@$(RUN)/python bench/tables/distil/students.py --work $(STUDENTS)
	@$(RUN)/python bench/tables/distil/shipped.py --work $(STUDENTS)

bench-peers: $(INSTALLED)  ## beside torch, optimum, CTranslate2 and OpenVINO, five launches: 25 minutes
	@$(RUN)/python bench/tables/engines/against_peers.py

bench-browser: $(INSTALLED) page  ## the JavaScript runtime beside transformers.js, in Chromium
	@npm ci --prefix apps/web/bench --no-audit --no-fund --silent
	@npm run build --prefix apps/web/bench --silent -- --logLevel warn
	@$(RUN)/python bench/tables/engines/browser.py

bench-node: $(INSTALLED) apps/web/runtime/node_modules  ## the JavaScript runtime beside transformers.js, in Node; EDGE_DISTIL_DATA
	@npm run build --prefix apps/web/runtime --silent
	@npm ci --prefix apps/web/bench --no-audit --no-fund --silent
	@$(RUN)/python bench/tables/engines/node.py

compatibility: $(INSTALLED) apps/web/runtime/node_modules  ## every family and head, exported and compared; an hour, goes on with RESUME=1
	@$(RUN)/python -P bench/tables/compatibility/families.py $(if $(RESUME),--resume)
	@$(RUN)/python bench/tables/publish.py

arm-check: $(INSTALLED)  ## int8 on other processors, emulated: apt-get install qemu-user-static debootstrap
	@$(RUN)/python bench/tables/processors/arm_check.py

fuzz: $(INSTALLED)  ## 440,000 damaged files and calls; SEED=N for the same again
	@$(RUN)/python tests/fuzz/fuzz.py $(if $(SEED),--seed $(SEED))

clean:
	rm -rf $(VENV) site .demo .interop .arm build dist .mypy_cache .ruff_cache .pytest_cache
