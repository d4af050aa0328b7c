# Everything you can do here, by name. `make` alone lists it. Each target installs and builds what it needs.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN       := node_modules/.bin
INSTALLED := node_modules/.package-lock.json
BUILT     := dist/.built
SOURCES   := $(shell find src -name '*.ts' 2>/dev/null)

.PHONY: help build cluster test verify fix bench bench-simulation simulate chaos maelstrom museum clean

help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(BUILT) ## Compile src to dist

cluster: $(BUILT) ## Run a three-node cluster on this machine: the same as npx quorate demo (ARGS="--nodes 5")
	@exec node dist/cli/main.js demo $(ARGS)

test: $(BUILT) ## Run every test (ARGS="--grep 'leader election'")
	@$(BIN)/mocha $(ARGS)

verify: $(BUILT) ## Judge types, style, house rules and the package; writes nothing you have to commit
	$(BIN)/tsc -p tsconfig.json
	$(BIN)/tsc -p tsconfig.build.json --noEmit --isolatedDeclarations
	$(BIN)/tsc -p tsconfig.core.json
	$(BIN)/biome check --error-on-warnings
	$(BIN)/mocha --reporter dot test/tidy.test.ts test/public/lint.test.ts

fix: $(INSTALLED) ## Mend what can be mended by machine: format, import order, simple lint
	$(BIN)/biome check --write
	node --import tsx scripts/limits-page.ts

bench: $(BUILT) ## Measure; the numbers and how to read them are in bench/README.md (ARGS="…")
	@node --import tsx bench/run.ts $(ARGS)

bench-simulation: $(INSTALLED) ## Measure how fast the kit simulates
	@node --import tsx bench/simulation.ts

simulate: $(INSTALLED) ## Run long simulations in parallel (RUNS=10000 SEED=… JOBS=…; SEED=… REPLAY=… repeats a failure)
	@if [ -n "$$REPLAY" ]; then $(BIN)/mocha --timeout 0 test/simulation/safety.test.ts $(ARGS); \
	else exec node --import tsx scripts/simulate/main.ts; fi

chaos: $(BUILT) ## Disturb a cluster of real processes, and judge what its clients saw (MINUTES=10 SEED=… NODES=3 ARGS=…)
	@exec node --import tsx chaos/main.ts --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED)) $(if $(NODES),--nodes $(NODES)) $(ARGS)

maelstrom: $(INSTALLED) ## Run the lin-kv example as processes under a false network (ARGS="--seconds 60 --nodes 5 --seed …")
	@exec node --import tsx chaos/maelstrom/main.ts $(ARGS)

museum: $(INSTALLED) ## Catch the bugs that others have shipped, each made again in our sources (ARGS="NAME" for one)
	@node --import tsx scripts/known-bugs.ts $(ARGS)

clean: ## Remove what build and tests have made
	rm -rf dist dist.* coverage *.tgz

$(INSTALLED): package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

# Compiled aside and moved into place, so that a failed build leaves the last good one, and a file deleted from src
# does not live on in the package.
$(BUILT): $(INSTALLED) $(SOURCES) tsconfig.json tsconfig.build.json
	@next=$$(mktemp -d dist.XXXXXX) && trap 'rm -rf "$$next"' EXIT && \
	$(BIN)/tsc -p tsconfig.build.json --outDir "$$next" && \
	{ [ ! -f "$$next/cli/main.js" ] || chmod +x "$$next/cli/main.js"; } && \
	chmod 755 "$$next" && touch "$$next/.built" && rm -rf dist && mv "$$next" dist
