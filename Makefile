# `make` alone says what can be made. Only Go, make and git have to be there;
# the other tools are installed into ./bin, at the versions pinned here.

GO ?= go
BIN := $(CURDIR)/bin
GOLANGCI_LINT_VERSION := v2.15.0
GOVULNCHECK_VERSION := v1.9.0
PROMETHEUS_VERSION := v0.316.0
GRPC_HEALTH_PROBE_VERSION := v0.4.61
FUZZTIME ?= 10s
ARGS ?= -traffic
PLATFORMS := linux/amd64 linux/arm64 linux/386 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

# Every module of the repository. e2e is test code alone, so it is vetted and
# linted with the rest, and its tests belong to `make e2e`. bench/collector has
# no tests, and what the Collector needs is nothing that is called by us.
MODULES := $(patsubst %/,%,$(dir $(wildcard go.mod */go.mod bench/*/go.mod internal/tools/*/go.mod)))
TESTED := $(filter-out e2e bench/collector,$(MODULES))
BUILT := $(filter-out e2e bench bench/collector internal/tools/%,$(MODULES))

# $(call each,modules,command) runs a command in the folder of each module.
each = @set -e; for module in $(1); do echo "== $$module: $(strip $(2))"; (cd "$$module" && $(2)); done

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo up down ui dashboards test check fmt fmt-check vet lint tidy tidy-check vuln bench simulate backends e2e build-all fuzz rename clean golangci-lint govulncheck

help: ## say what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## index the Go standard library, serve search, print the console's address
	cd examples && $(GO) run ./codesearch $(ARGS)

up: ## start Collector, Prometheus, Alertmanager, Jaeger, Loki and Grafana in Docker
	docker compose up --build --detach --wait
	@echo
	@echo "  send OTLP to   http://127.0.0.1:4318 (HTTP) or http://127.0.0.1:4317 (gRPC)"
	@echo "  Grafana        http://127.0.0.1:3000"
	@echo "  Jaeger         http://127.0.0.1:16686"
	@echo "  Prometheus     http://127.0.0.1:9090"
	@echo "  Alertmanager   http://127.0.0.1:9093"
	@echo "  Loki           http://127.0.0.1:3100"

down: ## stop them and keep their data
	docker compose --profile '*' down

ui: ## make the console's script out of console/ui/app
	cd internal/tools/uibuild && $(GO) run .

dashboards: ## make Grafana's dashboards out of the names that are emitted
	cd internal/tools/dashboards && $(GO) run .

test: ## run the tests, with the race detector where a C compiler is found
	@set -e; race=-race; \
	if ! $(GO) build -race runtime/cgo 2>/dev/null; then \
		race=; echo "no working C compiler for this platform: testing without the race detector"; \
	fi; \
	for module in $(TESTED); do echo "== $$module: go test $$race -shuffle=on ./..."; (cd "$$module" && $(GO) test $$race -shuffle=on -timeout=20m ./...); done; \
	if [ -n "$$race" ]; then echo "== .: go test ./console/diagnosis, with more seeds than there is time for with $$race"; $(GO) test -shuffle=on ./console/diagnosis; fi

check: fmt-check vet lint tidy-check vuln test build-all ## all that must pass before a commit

fmt: golangci-lint ## format the code
	$(call each,$(MODULES),"$(BIN)/golangci-lint" fmt ./...)

fmt-check: golangci-lint
	$(call each,$(MODULES),"$(BIN)/golangci-lint" fmt --diff ./...)

vet: ## run go vet
	$(call each,$(MODULES),$(GO) vet ./...)

lint: golangci-lint ## run golangci-lint
	$(call each,$(MODULES),"$(BIN)/golangci-lint" run --allow-serial-runners ./...)

tidy: ## tidy every go.mod
	$(call each,$(MODULES),$(GO) mod tidy)

tidy-check:
	$(call each,$(MODULES),$(GO) mod tidy -diff)

# Exit code 3 means findings, and they always fail. Without a way to the
# database nothing can be said about vulnerabilities, so that is what is said.
vuln: govulncheck ## look for known vulnerabilities in what is called
	@set -e; for module in $(TESTED); do \
		echo "== $$module: govulncheck ./..."; \
		status=0; answer=$$(cd "$$module" && "$(BIN)/govulncheck" ./... 2>&1) || status=$$?; \
		printf '%s\n' "$$answer"; \
		if [ $$status -eq 0 ]; then continue; fi; \
		case "$$status $$answer" in \
		3\ *) exit 3 ;; \
		*fetching\ vulnerabilities*) \
			echo "NOT CHECKED: the vulnerability database cannot be reached from here. Run make vuln with a way to https://vuln.go.dev, or set GOVULNDB."; \
			exit 0 ;; \
		*) exit $$status ;; \
		esac; \
	done

bench: ## compare with the raw SDK and its rivals, as ratios
	cd bench && $(GO) run .

# The backends of the first are new in each run; the table of the second compares with rivals.
simulate: ## prove the search for the best number of workers in simulations, in minutes
	cd bulk && SIMULATE=100 $(GO) test -count=1 -v -run='^TestPilot' .
	cd bench && SIMULATE=1 $(GO) test -count=1 -v -timeout=60m -run='^TestRivals' ./autopilot

# What Debian packages, and no Go module offers, is not installed here.
backends: ## install the backends that e2e drives, the first time in minutes
	$(call install,prometheus,github.com/prometheus/prometheus/cmd/prometheus,$(PROMETHEUS_VERSION))
	$(call install,promtool,github.com/prometheus/prometheus/cmd/promtool,$(PROMETHEUS_VERSION))
	$(call install,grpc-health-probe,github.com/grpc-ecosystem/grpc-health-probe,$(GRPC_HEALTH_PROBE_VERSION))
	$(call install,jaeger,github.com/jaegertracing/jaeger/cmd/jaeger,$(call pinned,jaeger,github.com/jaegertracing/jaeger),.ci/tools/jaeger)
	$(call install,loki,github.com/grafana/loki/v3/cmd/loki,$(call pinned,loki,github.com/grafana/loki/v3),.ci/tools/loki)
	$(call npm,mcp)
	@missing=$$(.ci/backends | tr '\n' ' '); if [ -n "$$missing" ]; then \
		echo "NOT HERE: $$missing(Debian packages); e2e skips the tests that need them."; \
	fi

e2e: backends ## check what real backends receive from the examples, without Docker
	cd e2e && $(GO) test -count=1 -timeout=25m ./...

build-all: ## build every package and example for every platform
	@set -e; for platform in $(PLATFORMS); do for module in $(BUILT); do \
		echo "== $$module: build for $$platform"; \
		(cd "$$module" && CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} $(GO) build ./...); \
	done; done

fuzz: ## fuzz every parser, FUZZTIME=10s each
	@set -e; for file in $$(git grep -l --untracked '^func Fuzz' -- '*_test.go'); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$file"); do \
			echo "== $$file: $$name"; \
			(cd "$$(dirname "$$file")" && $(GO) test -run='^$$' -fuzz="^$$name\$$" -fuzztime=$(FUZZTIME) .); \
		done; \
	done

# sed writes to a new file, as GNU and BSD disagree on how to edit in place.
rename: ## host the module under another path: make rename MODULE=example.com/mine
	@set -e; \
	case "$(MODULE)" in ''|*[!A-Za-z0-9./_~-]*|/*|*/|*//*) echo "usage: make rename MODULE=example.com/mine" >&2; exit 2 ;; esac; \
	old=$$($(GO) list -m); \
	if [ "$$old" = "$(MODULE)" ]; then echo "the module is $$old already"; exit 0; fi; \
	pattern=$$(printf '%s' "$$old" | sed 's/[.]/[.]/g'); \
	git grep --untracked -I -l -F -e "$$old" | while IFS= read -r file; do \
		sed "s#$$pattern#$(MODULE)#g" "$$file" >"$$file.renamed"; \
		cat "$$file.renamed" >"$$file"; \
		rm "$$file.renamed"; \
		case "$$file" in *.go) gofmt -w "$$file" ;; esac; \
	done; \
	for module in $(MODULES); do (cd "$$module" && $(GO) mod tidy); done; \
	echo "$$old is now $(MODULE); see git diff"

clean: ## remove what make has built
	rm -rf "$(BIN)" dist
	$(GO) clean -testcache

# $(call install,name,package,version,folder) installs a tool unless ./bin holds
# that version, built by the Go in use. With a folder it is built by the go.mod
# there: a module of its own for what needs replace lines or sums of its own.
install = @set -e; \
	if ! $(GO) version -m "$(BIN)/$(1)" 2>/dev/null | tr '\t\n' '  ' | grep -q ": $$($(GO) env GOVERSION) .* mod [^ ]* $(3) "; then \
		echo "installing $(1) $(3) into ./bin"; \
		$(if $(4),cd $(4) &&) GOBIN="$(BIN)" GOFLAGS= $(GO) install -ldflags='-s -w' $(2)$(if $(4),,@$(3)); \
	fi

# $(call npm,name) installs what the package.json of .ci/tools/name asks for into
# ./bin/name, unless it is there.
npm = @set -e; \
	if ! cmp -s .ci/tools/$(1)/package.json "$(BIN)/$(1)/installed.json" && command -v npm >/dev/null; then \
		echo "installing the packages of .ci/tools/$(1) into ./bin/$(1)"; \
		mkdir -p "$(BIN)/$(1)"; \
		cp .ci/tools/$(1)/package.json "$(BIN)/$(1)/"; \
		(cd "$(BIN)/$(1)" && npm install --no-package-lock --no-audit --no-fund --loglevel=error); \
		cp .ci/tools/$(1)/package.json "$(BIN)/$(1)/installed.json"; \
	fi

# $(call pinned,name,module) is the version of a tool that its go.mod asks for.
pinned = $(shell awk '$$1 == "$(2)" { print $$2 }' .ci/tools/$(1)/go.mod)

golangci-lint:
	$(call install,golangci-lint,github.com/golangci/golangci-lint/v2/cmd/golangci-lint,$(GOLANGCI_LINT_VERSION))

govulncheck:
	$(call install,govulncheck,golang.org/x/vuln/cmd/govulncheck,$(GOVULNCHECK_VERSION))
