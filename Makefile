# Targets call the runner in localstack/, or the traffic generator, with ARGS: make logs ARGS=--no-follow

RUN = cargo run --quiet --bin waybill-local --
SEND = cargo run --quiet --bin waybill-traffic --
ARGS ?=
export ORDER

TRAFFIC_OPTIONS = $(if $(MODE),--mode '$(MODE)') $(if $(RATE),--rate '$(RATE)') $(if $(SEED),--seed '$(SEED)') $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help up down reset watch logs story dlq faults token traffic soak verdict lint test figures bench reconcile build deploy cargo

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: cargo ## Start the whole service on this machine and place an order: make up TRAFFIC=steady DATABASE=dsql
	@$(RUN) up $(ARGS)

down: cargo ## Stop everything, keep the data
	@$(RUN) down $(ARGS)

reset: cargo ## Stop everything, delete the data
	@$(RUN) reset $(ARGS)

watch: cargo ## Serve the functions, compiled again whenever a file is saved
	@$(RUN) watch $(ARGS)

logs: cargo ## Follow the functions of the running stack: make logs ARGS="--since 1h --level warn"
	@$(RUN) logs $(ARGS)

story: cargo ## Print what happened to an order: make story ORDER=<id, number or correlation id>
	@$(RUN) story $(ARGS) -- "$$ORDER"

dlq: cargo ## List the dead letters and why; show, move back or delete: make dlq ARGS="--redrive --dry-run"
	@$(RUN) dlq $(ARGS)

faults: cargo ## List the faults of the running stack; start one: make faults ARGS="postgres-stopped --for 20"
	@$(RUN) faults $(ARGS)

token: cargo ## Print a token for the running stack: make token SUB=grace SCOPE=orders/staff
	@$(RUN) token $(if $(SUB),--subject '$(SUB)') $(if $(SCOPE),--scope '$(SCOPE)') $(ARGS)

traffic: cargo ## Send traffic and judge it: make traffic MODE=flash-sale DURATION=60 RATE=10 SEED=1
	@$(SEND) run $(if $(DURATION),--seconds '$(DURATION)') $(TRAFFIC_OPTIONS)

soak: cargo ## The same for longer, with faults in between, watching processes: make soak MINUTES=30
	@$(SEND) soak $(if $(MINUTES),--minutes '$(MINUTES)') $(TRAFFIC_OPTIONS)

verdict: cargo ## Judge a history again: make verdict FILE=.local/traffic/<round>/history.jsonl
	@$(SEND) judge $(if $(FILE),'$(FILE)') $(ARGS)

lint: cargo ## Check the format, the template, the SQL, the code and its documentation
	@$(RUN) lint $(ARGS)

test: cargo ## Run all tests, on separate stacks; some: make test ARGS="--only crashes"
	@$(RUN) test $(ARGS)

figures: cargo ## Build each function as it is deployed, and print its size and start time (with a running stack)
	@$(RUN) figures $(ARGS)

bench: cargo ## Measure functions and large responses, and the statements beside the same SQL by pgbench
	@$(RUN) bench $(ARGS)

reconcile: cargo ## Check that stock and orders add up
	@$(RUN) reconcile $(ARGS)

build: cargo ## Build the functions as they are deployed locally
	@$(RUN) build $(ARGS)

deploy: cargo ## Migrate and deploy to AWS: make deploy ARGS="--region eu-central-1"; see docs/deploying.md
	@$(RUN) deploy $(ARGS)

cargo:
	@command -v cargo >/dev/null 2>&1 || { \
	  echo 'error: cargo is missing. Install Rust from https://rustup.rs and open a new shell.' >&2; exit 1; }
	@test -x target/debug/waybill-local || { \
	  echo 'Compiling the runner of the local cloud (a minute or two, once)' >&2; \
	  cargo build --bin waybill-local; }
