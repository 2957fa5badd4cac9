# Everything is a target of this file; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export CGO_ENABLED := 0

BIN      := bin
BUILD    := build
TOOLS    := $(BUILD)/tools
LINT     := $(TOOLS)/golangci-lint
ACTION   := $(TOOLS)/actionlint
SOURCES  := $(shell find cmd internal jobs ml web -name '*.go' -not -name '*_test.go' 2>/dev/null) go.mod go.sum
EMBEDDED := $(shell find internal web -type f \( -name '*.csv' -o -name '*.gz' -o -name '*.html' -o -path '*/peer/side*' -o -path 'web/page/*' \) 2>/dev/null)
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

MIN_COVERAGE     := 85
MIN_JOB_COVERAGE := 95
FUZZTIME         := 10s
AREA             := all
SIZE             := full
JOBS             := 10000
SEED             := 1

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z][a-z-]*:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(BIN)/narrative ## Start everything in one process and stay up at http://127.0.0.1:8080
	$(BIN)/narrative dev

.PHONY: demo
demo: $(BIN)/narrative ## Take a real data set from file to predictions and leave
	$(BIN)/narrative demo

.PHONY: walk
walk: $(BIN)/narrative ## Take three messy data sets through the first four stages and leave
	$(BIN)/narrative walk

.PHONY: build
build: $(BIN)/narrative $(BIN)/api $(BIN)/worker $(BIN)/scheduler ## Build the programs into bin/

$(BIN)/%: $(SOURCES) $(EMBEDDED)
	@mkdir -p $(BIN)
	go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o $@ ./cmd/$*

.PHONY: test
test: ## Run every test and print the coverage (installs what the tests need)
	@scripts/test-needs.sh
	@mkdir -p $(BUILD)
	go test -count=1 -timeout 20m -covermode=set -coverprofile=$(BUILD)/coverage.out ./...
	@scripts/coverage.sh $(BUILD)/coverage.out $(MIN_COVERAGE) $(MIN_JOB_COVERAGE)

.PHONY: race
race: ## Run the tests of the concurrent packages under the race detector (needs gcc)
	@scripts/test-needs.sh
	CGO_ENABLED=1 go test -race -count=1 -timeout 20m ./internal/job ./internal/queue ./internal/store/... ./internal/httpapi ./internal/app

.PHONY: check
check: $(LINT) $(ACTION) ## Check format, lint, workflows, modules and generated documents
	@files=$$($(LINT) fmt --diff | tee /dev/stderr | wc -l); \
	  if [ "$$files" -ne 0 ]; then echo "check: not formatted; run make fmt" >&2; exit 1; fi
	go vet ./...
	$(LINT) run --allow-parallel-runners ./...
	$(ACTION) .github/workflows/*.yml
	go mod tidy -diff
	cd tools && go mod tidy -diff
	cd tools/actionlint && go mod tidy -diff
	go test -count=1 -run 'UpToDate|Architecture' ./internal/config ./internal/architecture

.PHONY: bench
bench: $(BIN)/narrative ## Measure; AREA=ml|jobs|data|pii|all SIZE=full|contest|growth|huge|small; merges into build/bench.json
	@scripts/test-needs.sh
	@scripts/bench-needs.sh
	NODE_PATH=$(CURDIR)/$(BUILD)/bullmq/node_modules$${NODE_PATH:+:$$NODE_PATH} \
	  $(BIN)/narrative bench $(AREA) --size $(SIZE) --out $(BUILD)/bench.json

.PHONY: chaos
chaos: $(BIN)/narrative $(BUILD)/narrative-chaos ## Kill, pause and cut off a platform; JOBS=10000 SEED=1; fails if a job suffers
	@scripts/test-needs.sh
	$(BIN)/narrative chaos --jobs $(JOBS) --seed $(SEED) --tagged $(BUILD)/narrative-chaos --dir $(BUILD)/chaos

.PHONY: drill-upload
drill-upload: SIZE = 1GiB
drill-upload: $(BIN)/narrative ## Upload SIZE=1GiB through a cut connection and a killed API; fails unless the checksums agree
	@scripts/test-needs.sh
	$(BIN)/narrative drill-upload --size $(SIZE) --seed $(SEED)

$(BUILD)/narrative-chaos: $(SOURCES) $(EMBEDDED)
	@mkdir -p $(BUILD)
	go build -trimpath -tags chaos -ldflags '-s -w -X main.version=$(VERSION)-chaos' -o $@ ./cmd/narrative

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (10s)
	@scripts/fuzz.sh $(FUZZTIME)

.PHONY: fmt
fmt: $(LINT) ## Format the sources
	$(LINT) fmt

.PHONY: docs
docs: ## Write the generated documents again
	go test -count=1 -run UpToDate ./internal/config -update
	go test -count=1 -run UpToDate ./ml/preprocess -update

.PHONY: tidy
tidy: ## Tidy the modules
	go mod tidy
	cd tools && go mod tidy
	cd tools/actionlint && go mod tidy

.PHONY: clean
clean: ## Remove what was built
	rm -rf $(BIN) $(BUILD)

$(LINT): tools/go.mod tools/go.sum
	@mkdir -p $(TOOLS)
	go build -modfile=tools/go.mod -trimpath -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(ACTION): tools/actionlint/go.mod tools/actionlint/go.sum
	@mkdir -p $(TOOLS)
	go build -modfile=tools/actionlint/go.mod -trimpath -o $@ github.com/rhysd/actionlint/cmd/actionlint
