# All that is done with this repository is done here; CI calls the same targets.
# Needs Python 3.11 or newer and make. Another interpreter: make PYTHON=python3.13 <target>

PYTHON ?= python3
PY := .venv/bin/python
STAMP := .venv/.installed
MUTATION := build/mutation/.installed
FUZZ := build/fuzz/.installed
TRACING := build/tracing/.installed
R4 := contract-tests/r4
ENGINE := contract-tests/fhir-engine
BROWSER_TOOLS := build/browser-tools/.installed
BROWSER_RULES := contract-tests/browser/node_modules/.installed
SUPPLY := build/supply/.installed
KUBERNETES := build/kubernetes/.installed
PACKAGES := services/chassis services/content services/screening gateway deploy/tryout
# It takes a tenth of the time of pip, but reads none of the settings of pip.
UV := UV_HTTP_TIMEOUT=20 .venv/bin/uv pip install -q --system-certs --python $(PY) --compile-bytecode --require-hashes
LOCK := ../.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

LINTERS := services/screening/tests/test_knowledge_sets.py services/screening/tests/fhir/test_templates.py

# What is said on cards besides the words of the rules.
CARD_TEXTS := $(PY) -m content.card_texts /dev/stdout

# The store of make run, unless the environment names another.
STORE = export STATE_DIR="$${STATE_DIR:-var}"; \
	test -n "$$IDENTITY_KEY$$IDENTITY_KEY_FILE" || export IDENTITY_KEY_FILE="$$STATE_DIR/identity.key"; \
	exec $(PY) -m screening.store.commands

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help run demo --why fhir doctor clients-check modes-check forget store-migrate try-clients test check validate engine attack crash faults e2e fuzz browser monitoring kubernetes tracing audit sbom release rehearse fix studio studio-snapshot bench bench-ehr mutate venv lock clean

help: ## print this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

run: $(STAMP) ## start all services on this machine, show one card, serve until Ctrl-C
	@exec $(PY) -m tryout run

demo: $(STAMP) ## play the EHR: FILE=bundle.json [ADD=G24.9 or ADD="SYSTEM|CODE"] [PATIENT=] [HOOK=] [DRAFT=] [URL=] [JSON=1] [REQUEST=1] [WHY=1]
	@test -n "$$FILE" || { echo "Which Bundle? make demo FILE=bundle.json (make help lists the rest)" >&2; exit 2; }
	@exec $(PY) -m tryout demo $${HOOK:+--hook "$$HOOK"} $${URL:+--url "$$URL"} $${PATIENT:+--patient "$$PATIENT"} \
		$${ADD:+--set-condition "$$ADD"} $${RECORDED:+--recorded "$$RECORDED"} $${DRAFT:+--draft "$$DRAFT"} \
		$${JSON:+--json} $${REQUEST:+--request} $(if $(WHY)$(filter --why,$(MAKECMDGOALS)),--why) \
		$${OPERATOR_TOKEN_FILE:+--token-file "$$OPERATOR_TOKEN_FILE"} -- "$$FILE"

--why: # make demo FILE=bundle.json -- --why is the same as WHY=1
	@:

fhir: $(STAMP) ## serve synthetic patients as FHIR R4, for the CDS Hooks Sandbox [FHIR_PORT=8083 SANDBOX=http://localhost:8090] [FILE=bundle.json ADD=G24.9]
	@exec $(PY) -m tryout fhir $${SANDBOX:+--sandbox "$$SANDBOX"} $${ADD:+--set-condition "$$ADD"} $${FILE:+-- "$$FILE"}

doctor: $(STAMP) ## what came of each prefetch key, and what to change [CLIENT=name] [URL=] [OPERATOR_TOKEN_FILE=]
	@exec $(PY) -m tryout doctor $${CLIENT:+--client "$$CLIENT"} $${URL:+--url "$$URL"} \
		$${OPERATOR_TOKEN_FILE:+--token-file "$$OPERATOR_TOKEN_FILE"}

report: $(STAMP) ## how cards are answered, by rule, hook, client and week [CLIENT=] [MODULE=] [FROM=2026-09-01] [TO=] [CSV=1] [URL=] [OPERATOR_TOKEN_FILE=]
	@exec $(PY) -m tryout report $${CLIENT:+--client "$$CLIENT"} $${MODULE:+--module "$$MODULE"} $${FROM:+--from "$$FROM"} \
		$${TO:+--to "$$TO"} $${CSV:+--csv} $${URL:+--url "$$URL"} $${OPERATOR_TOKEN_FILE:+--token-file "$$OPERATOR_TOKEN_FILE"}

clients-check: $(STAMP) ## check a clients file, FILE=clients.yaml, and say what it means
	@test -n "$$FILE" || { echo "Which clients file? make clients-check FILE=clients.yaml" >&2; exit 2; }
	@exec .venv/bin/clients check -- "$$FILE"

modes-check: $(STAMP) ## check a file of rule modes, FILE=rule-modes.yaml [CLIENTS=clients.yaml], and say what it means
	@test -n "$$FILE" || { echo "Which rule modes? make modes-check FILE=rule-modes.yaml" >&2; exit 2; }
	@exec $(PY) -m screening.modes_check $${CLIENTS:+--clients "$$CLIENTS"} -- "$$FILE"

forget: $(STAMP) ## remove what is remembered: PATIENT=id [CLIENT=] [TENANT=] [FHIR_SERVER=], or BEFORE=2026-01-31
	@test -n "$$PATIENT$$BEFORE" || { echo "Whom? make forget PATIENT=id, or make forget BEFORE=2026-01-31" >&2; exit 2; }
	@$(STORE) forget $${PATIENT:+--patient="$$PATIENT"} $${BEFORE:+--all-before="$$BEFORE"} $${CLIENT:+--client="$$CLIENT"} \
		$${TENANT:+--tenant="$$TENANT"} $${FHIR_SERVER:+--fhir-server="$$FHIR_SERVER"}

store-migrate: $(STAMP) ## make the tables of the store, or bring them to this version [STORE_URL_FILE= or STATE_DIR=]
	@$(STORE) migrate

try-clients: $(STAMP) ## make clients file, key and secrets for: docker-compose --profile try up try
	@exec .venv/bin/clients try -- "$${TRY_DIR:-var/try}"

test: $(STAMP) ## run the tests [TESTS=path or other pytest arguments; WIDE=1: every scenario along every route, as CI]
	@exec $(PY) -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(if $(WIDE),,-m "not wide") $(TESTS)

check: $(STAMP) ## lint, format, types, import directions, value sets, prefetch; changes nothing
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) -m screening.knowledge.build --check
	$(PY) -m screening.knowledge.thresholds_page --check
	$(PY) deploy/monitoring/known_metrics.py --check
	$(PY) -m screening.knowledge.bands_file --check
	$(PY) -m screening.knowledge.coverage_page --check
	$(CARD_TEXTS) | $(PY) -m screening.studio_files check --texts /dev/stdin
	$(PY) -m pytest -q -p no:cacheprovider $(LINTERS)
	$(PY) deploy/mutation/report.py --check
	$(PY) deploy/bench/capacity.py --check

validate: $(STAMP) $(R4)/node_modules/.installed ## everything we say in FHIR against the R4 definitions (needs node and npm)
	$(PY) $(R4)/check.py

$(R4)/node_modules/.installed: $(R4)/package-lock.json
	cd $(R4) && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

engine: $(STAMP) $(ENGINE)/node_modules/.installed ## the same patient by prefetch, by FHIR search and by any mix (needs node and npm)
	@REQUIRE_ENGINE=1 exec $(PY) -m pytest -q -p no:cacheprovider contract-tests/tests/test_fhir_engine.py

$(ENGINE)/node_modules/.installed: $(ENGINE)/package-lock.json
	cd $(ENGINE) && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

attack: $(STAMP) ## start everything with traps around it, and see that every attack is refused [ATTACK="-v tokens bodies"]
	@PYTHONPATH=contract-tests exec $(PY) -m attack $(ATTACK)

crash: $(STAMP) ## kill -9 whatever can be killed under load, on SQLite and PostgreSQL, and count what was acknowledged [CRASH="--seed 1 sqlite"]
	@PYTHONPATH=contract-tests exec $(PY) -m crash $(CRASH)

faults: $(STAMP) ## take away, lock, fill, hold and replace whatever the services need, under load [FAULTS="-k store" FAULT_CALLS=50000 REQUIRE_FAULTS=1]
	@PYTHONPATH=contract-tests exec $(PY) -m faults $(FAULTS)

e2e: $(STAMP) ## build the images, start docker-compose.yml, play every scenario through its TLS edge, leave nothing [E2E="--every 20"]
	@PYTHONPATH=contract-tests exec $(PY) -m e2e $(E2E)

fuzz: $(FUZZ) ## try right and wrong requests on every public address, from /openapi.json [FUZZ_EXAMPLES=5000 FUZZ_SECONDS=600 FUZZ_SEED=1 FUZZ_ONLY=feedback]
	@PYTHONPATH=contract-tests exec $(PY) -m fuzz

$(FUZZ): contract-tests/fuzz/tool.txt $(STAMP)
	@echo "Installing the fuzzing tool into build/fuzz ..."
	@rm -rf build/fuzz
	@$(PY) -m pip install -q --require-hashes --target build/fuzz -r contract-tests/fuzz/tool.txt
	@touch $@

browser: $(BROWSER_TOOLS) $(BROWSER_RULES) ## every page in Chromium, with axe and screenshots in build/browser (needs npm) [BROWSER="-k studio"]
	@PYTHONPATH=contract-tests:build/browser-tools exec $(PY) -m browser $(BROWSER)

$(BROWSER_TOOLS): contract-tests/browser/tool.txt $(STAMP)
	@echo "Installing what drives the browser into build/browser-tools ..."
	@rm -rf build/browser-tools
	@$(PY) -m pip install -q --require-hashes --only-binary :all: --target build/browser-tools -r contract-tests/browser/tool.txt
	@touch $@

$(BROWSER_RULES): contract-tests/browser/package-lock.json
	@command -v npm >/dev/null || { echo "make browser needs npm for axe-core, and it is not here (Debian: apt-get install npm)" >&2; exit 2; }
	cd contract-tests/browser && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

audit: $(STAMP) $(SUPPLY) ## known vulnerabilities and licenses of all that is pinned; says so if advisories cannot be reached
	@exec $(PY) deploy/supply/audit.py

sbom: $(STAMP) $(SUPPLY) ## the bill of materials of each image, CycloneDX, to build/sbom
	@exec $(PY) deploy/supply/images.py

$(SUPPLY): deploy/supply/tool.txt | $(STAMP)
	@echo "Installing the supply chain tools into build/supply ..."
	@$(PY) -m venv --clear build/supply
	@build/supply/bin/python -m pip install -q --require-hashes --only-binary :all: -r deploy/supply/tool.txt
	@touch $@

release: $(STAMP) $(SUPPLY) ## check and build VERSION=1.2.0 into build/release; tags and publishes nothing [CHECKED=1: make check has passed]
	@test -n "$$VERSION" || { echo "Which version? make release VERSION=1.2.0 (docs/versioning.md says which is next)" >&2; exit 2; }
	@exec $(PY) deploy/release/release.py $${CHECKED:+--checked} -- "$$VERSION"

rehearse: $(STAMP) $(SUPPLY) ## release a made-up version from a temporary clone, install what was built, keep nothing [LEAVE_OUT="bills images"]
	@exec $(PY) deploy/release/rehearse.py $(LEAVE_OUT)

fix: $(STAMP) ## format, and repair what can be repaired
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	$(PY) -m screening.knowledge.thresholds_page
	$(PY) deploy/monitoring/known_metrics.py
	$(PY) deploy/bench/capacity.py
	$(PY) -m screening.knowledge.bands_file
	$(PY) -m screening.knowledge.coverage_page
	$(CARD_TEXTS) | $(PY) -m screening.studio_files snapshot --texts /dev/stdin

studio: $(STAMP) ## every card that can be emitted, as one file for a review board: build/studio.html (and .pdf with Chromium)
	@$(CARD_TEXTS) | $(PY) -m screening.studio_files export --texts /dev/stdin

studio-snapshot: $(STAMP) ## store what the cards of this version of the rules say, for the comparison with later ones
	@$(CARD_TEXTS) | $(PY) -m screening.studio_files snapshot --texts /dev/stdin

bench: $(STAMP) ## measure, with results as ratios
	@exec $(PY) deploy/bench/bench.py

bench-ehr: $(STAMP) ## measure what a hanging FHIR server of one client costs another
	@exec $(PY) deploy/bench/ehr.py

tracing: $(TRACING) ## spans with OpenTelemetry, the extra that is not installed elsewhere
	@REQUIRE_OTEL=1 PYTHONPATH=build/tracing exec $(PY) -m pytest -q -p no:cacheprovider services/chassis/tests/test_spans.py

$(TRACING): requirements/otel.txt $(STAMP)
	@echo "Installing OpenTelemetry into build/tracing ..."
	@rm -rf build/tracing
	@$(PY) -m pip install -q --require-hashes --only-binary :all: --target build/tracing -r requirements/otel.txt
	@touch $@

monitoring: $(STAMP) ## alert rules, their tests and the dashboard, with promtool (Debian: prometheus)
	@exec $(PY) deploy/monitoring/check.py

kubernetes: $(KUBERNETES) ## render deploy/kubernetes and check it against two Kubernetes versions [SITE=path: a site's own, too]
	@PYTHONPATH=build/kubernetes/packages exec $(PY) deploy/kubernetes/validate.py

$(KUBERNETES): deploy/kubernetes/tool.txt $(STAMP)
	@echo "Installing the schemas of Kubernetes into build/kubernetes ..."
	@rm -rf build/kubernetes/packages
	@$(PY) -m pip install -q --require-hashes --only-binary :all: --target build/kubernetes/packages -r deploy/kubernetes/tool.txt
	@touch $@

mutate: $(MUTATION) ## change the rules one by one and see whether a test notices [FULL=1 SURVIVORS=1 MUTATE_ONLY="labs.py" MUTATE_JOBS=2]
	@PYTHONPATH=build/mutation exec $(PY) deploy/mutation/mutate.py

$(MUTATION): deploy/mutation/tool.txt $(STAMP)
	@echo "Installing the mutation tool into build/mutation ..."
	@rm -rf build/mutation
	@$(PY) -m pip install -q --require-hashes --target build/mutation -r deploy/mutation/tool.txt
	@touch $@

venv: $(STAMP) ## install into .venv what run, test and check need

$(STAMP): requirements/runtime.txt requirements/dev.txt $(PACKAGES:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed and $(PYTHON) is not that. Name another: make PYTHON=python3.13 ..." >&2; exit 2; }
	@echo "Installing into .venv (once, until requirements change) ..."
	@rm -f $@
	@$(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements/dev.txt | $(PY) -m pip install -q --require-hashes --only-binary :all: -r /dev/stdin
	@{ ! $(PY) -m pip config list | grep -Eq '[.](index-url|no-index|proxy)=' && $(UV) -r requirements/dev.txt 2>/dev/null; } || { \
		echo "... with pip, as it is set up here" && $(PY) -m pip install -q --require-hashes -r requirements/dev.txt; }
	@$(PY) -m pip install -q --no-deps --no-build-isolation $(PACKAGES:%=-e %)
	@touch $@

lock: $(STAMP) ## pin requirements/*.in anew, with hashes
	cd requirements && $(LOCK) runtime.in -o runtime.txt && $(LOCK) build.in -o build.txt && $(LOCK) dev.in -o dev.txt && $(LOCK) otel.in -o otel.txt

clean: ## remove what can be made again; STATE_DIR (var) stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -rf $(R4)/node_modules $(ENGINE)/node_modules contract-tests/browser/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
