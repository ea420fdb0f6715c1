# Ramal. `make run` and `make test` are all that a newcomer needs; `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Go as it is installed; the version control's stamp would fail in a checkout that belongs to another user.
export GOTOOLCHAIN := local
export GOFLAGS := $(strip -buildvcs=false $(GOFLAGS))

FUZZTIME ?= 30s
FREESWITCH ?= $(RAMAL_FREESWITCH)
TESTFLAGS ?= -p 2
# Packages whose tests listen to sound: they have the machine for themselves, and everything is compiled before.
ALONE := softswitch|carrier|cmd/ramal|internal/conformance|internal/bench
# What make run gives to ramal serve; SIP_HOST=0.0.0.0 lets phones of the network in.
SERVE = --demo $(if $(SIP_HOST),--sip-host $(SIP_HOST)) $(if $(HTTP),--http $(HTTP)) $(SERVEFLAGS)
VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

.PHONY: help
help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: setup-run build ## start Ramal with a demo centre; BACKGROUND=1 returns when it is ready
ifeq ($(BACKGROUND),1)
	@tools/background.sh $(SERVE)
else
	@exec bin/ramal serve $(SERVE)
endif

.PHONY: stop
stop: ## end what make run BACKGROUND=1 started
	@if [ -x bin/ramal ]; then bin/ramal stop; else echo "stop: nothing has been built here" >&2; fi

.PHONY: build
build: web ## build bin/ramal
	@mkdir -p bin var
	@go build -ldflags "-X main.version=$(VERSION)" -o bin/ramal ./cmd/ramal

.PHONY: test
test: setup-test tools-go ## vet and all tests; skipped ones are shown
	@go vet ./...
	@go test -run '^$$' ./... >/dev/null
	@bin/tools/withpg bin/tools/accept -all -timeout 20m -- $(TESTFLAGS) \
	  $$(go list ./... | grep -vE '^ramal/($(ALONE))(/|$$)')
	@bin/tools/withpg bin/tools/accept -all -timeout 20m -- -p 1 \
	  $$(go list ./... | grep -E '^ramal/($(ALONE))(/|$$)')

.PHONY: accept
accept: ## judge the acceptance lines of docs/acceptance.md: make accept IDS="A B3"
	@{ $(MAKE) setup-test tools-go build; } >&2
	@bin/tools/withpg bin/tools/accept -ids "$(IDS)"

.PHONY: check-clean
check-clean: setup-test build ## a clean clone runs twice, as root and as a user (A1)
	@RAMAL_TIER=accept go test -count=1 -v -timeout 40m -run '^TestA1_' ./internal/checkclean

.PHONY: bench
bench: ## measure: name, value, unit, how; make bench ONLY=p6.
	@{ $(MAKE) setup-test tools-go; } >&2
	@RAMAL_FREESWITCH="$(FREESWITCH)" bin/tools/withpg bin/tools/bench -only "$(ONLY)"

.PHONY: lint
lint: tools-go bin/tools/staticcheck ## gofmt, vet, staticcheck, the import rule, licences, generated code
	@bad=$$(git ls-files '*.go' | while read -r f; do if [ -f "$$f" ]; then echo "$$f"; fi; done | xargs gofmt -l); \
	  if [ -n "$$bad" ]; then echo "gofmt -w these:"; echo "$$bad"; exit 1; fi
	@go vet ./...
	@bin/tools/staticcheck ./...
	@go test ./internal/arch/...
	@bin/tools/lint

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (30s)
	@tools/fuzz.sh $(FUZZTIME)

.PHONY: test-freeswitch
test-freeswitch: ## the conformance suite on a real one: make test-freeswitch FREESWITCH=/opt/freeswitch
	@if [ -z "$(FREESWITCH)" ]; then \
	  echo "test-freeswitch: say where it is installed: make test-freeswitch FREESWITCH=<prefix>" >&2; exit 2; fi
	@$(MAKE) setup-test tools-go
	@bin/tools/withpg bin/tools/accept -freeswitch "$(FREESWITCH)"
	@RAMAL_FREESWITCH="$(FREESWITCH)" RAMAL_TIER=test bin/tools/withpg go test -count=1 -p 1 -timeout 30m \
	  ./internal/freeswitchtest ./esl ./carrier

.PHONY: generate
generate: bin/tools/oapi-codegen ## write generated code again
	@PATH="$(CURDIR)/bin/tools:$$PATH" go generate ./...

.PHONY: screens
screens: ## pictures of every page (comes with the web application)
	@if [ ! -f web/package.json ]; then \
	  echo "screens: there is no web application yet; it comes with issue E" >&2; exit 1; fi
	@tools/setup.sh screens
	@cd web && npm run screens

.PHONY: chaos
chaos: ## kill, cut and delay for a long time (comes with issue C)
	@echo "chaos: the chaos kit is not built yet; it comes with issue C" >&2; exit 1

.PHONY: web
web: # the browser application, when there is one
	@if [ -f web/package.json ]; then $(MAKE) web/dist/index.html; fi

web/node_modules/.package-lock.json: web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(shell find web/src -type f 2>/dev/null)
	cd web && npm run build

.PHONY: setup-run setup-test
setup-run:
	@tools/setup.sh run
setup-test:
	@tools/setup.sh test

.PHONY: tools-go
tools-go:
	@mkdir -p bin/tools
	@go build -o bin/tools/ ./internal/pgcluster/withpg ./internal/accept ./internal/bench ./internal/arch/lint

bin/tools/staticcheck: tools/go.mod tools/go.sum
	@mkdir -p bin/tools
	cd tools && go build -o ../$@ honnef.co/go/tools/cmd/staticcheck
	@touch $@

bin/tools/oapi-codegen: tools/go.mod tools/go.sum
	@mkdir -p bin/tools
	cd tools && go build -o ../$@ github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen
	@touch $@
