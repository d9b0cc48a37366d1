# Everything a developer or a shop's engineer types. Needs Python 3.11 to 3.13 and make, nothing else.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# Deploying has an environment of its own: it is small, and holds the Node that the CDK runs on.
CDK_STAMP := .venv-cdk/.installed
CDK := infra_cdk/node/node_modules/.bin/cdk
WITH_NODE := PATH="$(CURDIR)/.venv-cdk/bin:$$PATH"
STAGE ?= dev
DEMO ?= demo
MINUTES ?= 10
# Another environment of requirements/dev.txt, to see another Python start: make bench-cold-start START_PYTHON=V/bin/python
START_PYTHON ?= $(BIN)/python
# One view session a line, items in order, oldest session first; may be gzipped.
SESSIONS ?= ../shared/data/retailrocket/view_sessions.txt.gz
# A folder with RetailRocket's events.csv; item properties and category tree as far as there are any.
EVENTS ?= ../shared/data/retailrocket

.PHONY: help install demo test test-spark check synth diff deploy destroy format docs lock bench-user-features bench-simulator bench-cleaning bench-retrieval bench-quality bench-real bench-features bench-workflow bench-serving bench-cold-start bench-load bench-near-items bench-packages bench-truth bench-als clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

install: $(STAMP) ## make .venv from the lock file

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "Endcap needs Python 3.11 to 3.13; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Making .venv from requirements/dev.txt (about a minute) ..."
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP) ## simulate a shop, train on it, show the scoreboard and recommendations
	@$(BIN)/endcap demo --folder $(DEMO)

test: $(STAMP) ## every check and every test
	@$(MAKE) --no-print-directory lint
	@$(BIN)/pytest -n auto --dist worksteal

test-spark: $(STAMP) ## item-side features on Spark and DuckDB held equal; installs PySpark (450 MB), needs Java 17
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/spark.txt
	@$(BIN)/pytest -q -rs tests/features/test_spark_tables.py tests/training_jobs/test_build_features_spark.py

check: $(STAMP) ## what to run before each commit: format, lint, types, imports, fast tests
	@$(MAKE) --no-print-directory lint
	@$(BIN)/pytest -q -n auto -m "not slow"

.PHONY: lint
lint: $(STAMP)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

$(CDK_STAMP): requirements/infra.txt
	@echo "Making .venv-cdk from requirements/infra.txt ..."
	@$(PYTHON) -m venv --clear .venv-cdk
	@.venv-cdk/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements/infra.txt
	@touch $@

$(CDK): $(CDK_STAMP) infra_cdk/node/package-lock.json
	@$(WITH_NODE) npm ci --prefix infra_cdk/node --silent --no-audit --no-fund --no-update-notifier
	@touch $@

synth: $(CDK) ## write the CloudFormation templates of every stage to cdk.out; needs no account and no Docker
	@$(WITH_NODE) $(CDK) synth --quiet --no-notices --no-version-reporting '**'

diff: $(CDK) ## what a deployment would change: make diff STAGE=dev
	@$(WITH_NODE) $(CDK) diff --no-notices '*-$(STAGE)-*/*'

deploy: $(CDK) ## deploy a stage in all its regions: make deploy STAGE=dev; needs an account and Docker
	@$(WITH_NODE) $(CDK) deploy --no-notices $(CDK_OPTIONS) '*-$(STAGE)-*/*'

destroy: $(CDK) ## delete a stage; the lake and the histories stay: make destroy STAGE=dev
	@$(WITH_NODE) $(CDK) destroy --no-notices '*-$(STAGE)-*/*'

format: $(STAMP) ## format the code and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(STAMP) ## write docs/features.md from the registry of features
	@$(BIN)/python -m endcap.features.registry_page docs/features.md

lock: $(STAMP) ## resolve pyproject.toml anew into requirements/
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
		--upgrade --quiet -o requirements/dev.txt
	@for part in api batch; do \
		$(BIN)/uv pip compile pyproject.toml --extra $$part $$(test $$part = api || echo --extra aws) \
			--python-version 3.13 --python-platform x86_64-manylinux_2_28 --constraints requirements/dev.txt \
			--generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
			--upgrade --quiet -o requirements/$$part.txt; done
	@$(BIN)/uv pip compile pyproject.toml --extra batch --extra aws \
		--python-version 3.11 --python-platform x86_64-manylinux_2_28 --constraints requirements/dev.txt \
		--generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
		--upgrade --quiet -o requirements/batch-py311.txt
	@$(BIN)/uv pip compile pyproject.toml --extra infra --universal --python-version 3.11 \
		--constraints requirements/dev.txt --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" --upgrade --quiet -o requirements/infra.txt
	@$(BIN)/uv pip compile pyproject.toml --extra spark --universal --python-version 3.11 \
		--constraints requirements/dev.txt --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" --upgrade --quiet -o requirements/spark.txt

bench-simulator: $(STAMP) ## simulate at RetailRocket's scale; totals, seconds, memory
	@$(BIN)/python -m benchmarks.simulate_retailrocket

bench-cleaning: $(STAMP) ## clean a simulated log of RetailRocket's scale
	@test -f .bench/raw/events.csv || $(BIN)/endcap simulate --out .bench/raw --scale retailrocket
	@$(BIN)/python -m benchmarks.clean_log .bench/raw

bench-user-features: $(STAMP) ## user-side features of one visitor and of a million rows; time and memory
	@$(BIN)/python -m benchmarks.user_features

bench-retrieval: $(STAMP) ## every candidate source on view sessions: make bench-retrieval SESSIONS=FILE
	@$(BIN)/python -m benchmarks.retrieval_sources $(SESSIONS)

bench-quality: $(STAMP) ## the whole on view sessions beside session-kNN and ALS: make bench-quality SESSIONS=FILE
	@$(BIN)/python -m benchmarks.quality $(SESSIONS)

bench-real: $(STAMP) ## real events with real times against every baseline: make bench-real EVENTS=FOLDER
	@$(BIN)/python -m benchmarks.real_events $(EVENTS)

bench-features: $(STAMP) ## item-side features at RetailRocket's scale, beside pandas and merely reading
	@test -f .bench/raw/events.csv || $(BIN)/endcap simulate --out .bench/raw --scale retailrocket
	@$(BIN)/python -m benchmarks.item_features .bench/raw

bench-workflow: $(STAMP) ## the whole training workflow at RetailRocket's scale; seconds and memory by state
	@test -f .bench/raw/events.csv || $(BIN)/endcap simulate --out .bench/raw --scale retailrocket
	@rm -rf .bench/lake
	@$(BIN)/endcap run --raw .bench/raw --lake .bench/lake
	@$(BIN)/python -m benchmarks.workflow_report .bench/lake

bench-serving: $(STAMP) ## the service on the champion of a full-size lake: in process, by stage, over HTTP
	@test -f .bench/lake/champion.json || $(MAKE) --no-print-directory bench-workflow
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.serving .bench/lake

bench-cold-start: $(STAMP) ## a fresh process to its first answer, beside importing the training stack
	@test -f .bench/lake/champion.json || $(MAKE) --no-print-directory bench-workflow
	@$(START_PYTHON) -m benchmarks.cold_start .bench/lake

bench-load: $(STAMP) ## mixed traffic on two models of the demo's shop while the champion is flipped: make bench-load MINUTES=10
	@test -f .bench/load/two-models || { rm -rf .bench/load && $(BIN)/endcap demo --folder .bench/load && \
		echo 'seed = 7' > .bench/load/seed.toml && $(BIN)/endcap run --raw .bench/load/raw --lake .bench/load/lake \
		--config .bench/load/seed.toml && touch .bench/load/two-models; }
	@$(BIN)/python -m benchmarks.load .bench/load/lake --minutes $(MINUTES)

bench-near-items: $(STAMP) ## how much of the exact best of ALS and sequence is found near what was touched last, and what that saves
	@test -f .bench/lake/champion.json || $(MAKE) --no-print-directory bench-workflow
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.near_items .bench/lake

bench-packages: $(STAMP) ## what the images and the service's zip hold: wheels for both architectures, MB, imports
	@$(BIN)/python -m benchmarks.packages

bench-truth: $(STAMP) ## the share of what can be known that is recommended, on a shop whose truth is known
	@rm -rf .bench/truth
	@$(BIN)/python -m benchmarks.truth

bench-als: $(STAMP) ## fitting ALS beside calling implicit by hand, on the log of a full-size lake
	@test -f .bench/lake/champion.json || $(MAKE) --no-print-directory bench-workflow
	@$(BIN)/python -m benchmarks.als_fit .bench/lake

clean: ## remove what the targets made
	rm -rf .venv .venv-cdk .bench .build cdk.out infra_cdk/node/node_modules $(DEMO) .mypy_cache .ruff_cache .pytest_cache .hypothesis
