# The commands of the repository; `make` alone lists them. Each target installs and builds what it needs.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN       := node_modules/.bin
INSTALLED := node_modules/.package-lock.json
BUILT     := dist/.built
SOURCES   := $(shell find src pages scripts/build-pages.ts -type f 2>/dev/null)

.PHONY: help build cluster test test-all test-node smoke-nodes smoke-types verify fix bench bench-join bench-metrics bench-simulation simulate chaos maelstrom known-bugs museum planted-bugs upgrade-test freeze coverage docs release clean

help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(BUILT) ## Compile src to dist, and bundle the pages

cluster: $(BUILT) ## Run a three-node cluster on this machine, like npx quorate demo (ARGS="--nodes 5")
	@exec node dist/cli/main.js demo $(ARGS)

test: $(BUILT) ## Run the tests, without the long ones (ARGS="--grep election")
	@node --import tsx scripts/test.ts $(ARGS)

test-all: $(BUILT) ## Run all tests: also those of the benchmark, the installed package and upgrades, and rarer faults of real processes
	@LONG_TESTS=1 node --import tsx scripts/test.ts $(ARGS)

test-node: $(BUILT) ## Run the tests under another release of Node.js (NODE=24 ARGS=…)
	@node --import tsx scripts/with-node.ts $(or $(NODE),24) node --import tsx scripts/test.ts $(ARGS)

smoke-nodes: $(BUILT) ## Install the package and run a cluster under Node.js 20, 22, 24 and 26 (ARGS="24")
	@node --import tsx scripts/smoke-nodes.ts $(ARGS)

smoke-types: $(BUILT) ## Compile a program that uses the package with TypeScript 5.4, 5.9 and 6.0 (ARGS="5.6")
	@node --import tsx scripts/typescript-versions.ts $(ARGS)

verify: $(BUILT) ## Check types, style, repository rules and the package; changes no committed file
	$(BIN)/tsc -p tsconfig.json
	$(BIN)/tsc -p tsconfig.build.json --noEmit --isolatedDeclarations
	$(BIN)/tsc -p tsconfig.core.json
	$(BIN)/tsc -p tsconfig.pages.json
	$(BIN)/biome check --error-on-warnings
	LONG_TESTS=1 $(BIN)/mocha --reporter dot test/tidy.test.ts test/public/lint.test.ts test/public/package.test.ts

fix: $(INSTALLED) ## Format, sort imports, apply simple lint fixes, write generated pages and diagrams
	$(BIN)/biome check --write
	node --import tsx scripts/limits-page.ts
	node --import tsx scripts/metrics-page.ts
	node --import tsx scripts/contract-blocks.ts
	node --import tsx scripts/diagrams.ts

bench: $(BUILT) ## Measure the built package beside its peers; see bench/README.md (ARGS="--preset quick")
	@node --import tsx bench/run.ts $(ARGS)

bench-join: $(BUILT) ## Measure a member that joins with a large snapshot under load (ARGS="--mib 1024 --writers 64")
	@node --import tsx bench/join-under-load.ts $(ARGS)

bench-metrics: $(BUILT) ## Measure what metrics cost a node, in CPU time (ARGS="--rounds 400")
	@node --import tsx bench/metrics-overhead.ts $(ARGS)

bench-simulation: $(INSTALLED) ## Measure how many events per second the simulator runs
	@$(BIN)/esbuild bench/simulation/main.ts --bundle --platform=node --format=esm --packages=external --log-level=warning --outfile=.quorate/bench/simulation.mjs
	@node .quorate/bench/simulation.mjs

simulate: $(INSTALLED) ## Run many simulations in parallel (RUNS=10000 SEED=… JOBS=…; SEED=… REPLAY=… repeats a failure)
	@if [ -n "$$REPLAY" ]; then $(BIN)/mocha --timeout 0 test/simulation/safety.test.ts $(ARGS); \
	else exec node --import tsx scripts/simulate/main.ts; fi

chaos: $(BUILT) ## Inject faults into a cluster of processes and check linearizability (MINUTES=10 SEED=… NODES=3 ARGS=…)
	@exec node --import tsx chaos/main.ts --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED)) $(if $(NODES),--nodes $(NODES)) $(ARGS)

maelstrom: $(INSTALLED) ## Run the lin-kv example under a simulated network (ARGS="--seconds 60 --nodes 5 --seed …")
	@exec node --import tsx chaos/maelstrom/main.ts $(ARGS)

known-bugs: $(INSTALLED) ## Detect bugs that other systems have shipped, injected into our sources (ARGS="NAME" for one)
	@node --import tsx scripts/known-bugs.ts $(ARGS)

museum: known-bugs

planted-bugs: $(INSTALLED) ## Print how checkStateMachine detects each bug that is planted in a state machine
	@node --import tsx scripts/planted-bugs.ts

upgrade-test: $(INSTALLED) ## Upgrade and downgrade a cluster under load, between the last release or revision and this one (PREVIOUS=REVISION)
	@LONG_TESTS=1 $(BIN)/mocha test/upgrade/rolling-upgrade.test.ts $(ARGS)

freeze: $(INSTALLED) ## Keep the bytes that a new release stores and sends, for the tests of later releases; changes no existing file
	@node --import tsx scripts/freeze-formats.ts

coverage: $(BUILT) ## Write which lines the tests run to coverage/index.html (ARGS="test/core/**/*.test.ts")
	@npx --yes c8@11 --reporter html --reporter text-summary --include 'src/**' $(BIN)/mocha $(ARGS)

docs: $(BUILT) site/node_modules/.package-lock.json ## Build the site of the documentation, with the API reference, into dist.site/html
	@node --import tsx site/build.ts

release: ## Date the changelog, set the version, tag and pack; publishes nothing (VERSION=0.2.0)
	@VERSION=$(VERSION) node --import tsx scripts/release.ts

clean: ## Remove the output of builds and tests
	rm -rf dist dist.* coverage *.tgz

$(INSTALLED): package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

site/node_modules/.package-lock.json: site/package-lock.json
	cd site && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

# Compiles into a temporary directory and moves it into place: a failed build keeps the last good one, and files deleted from src
# do not stay in the package.
$(BUILT): $(INSTALLED) $(SOURCES) tsconfig.json tsconfig.build.json
	@echo 'compiling src to dist' >&2
	@next=$$(mktemp -d dist.XXXXXX) && trap 'rm -rf "$$next"' EXIT && \
	$(BIN)/tsc -p tsconfig.build.json --outDir "$$next" && \
	node --import tsx scripts/build-pages.ts "$$next/pages" && \
	{ [ ! -f "$$next/cli/main.js" ] || chmod +x "$$next/cli/main.js"; } && \
	chmod 755 "$$next" && touch "$$next/.built" && rm -rf dist && mv "$$next" dist
