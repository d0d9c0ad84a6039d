# Underlay: every command that a user or a contributor needs, in one place.
SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BIN      := bin
# component-base refuses to start with a version that is not vMAJOR.MINOR.PATCH.
VERSION  ?= $(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null || \
	echo "v0.0.0-$$(git describe --always --dirty 2>/dev/null || echo unknown)")
LDFLAGS  := -s -w -X k8s.io/component-base/version.gitVersion=$(VERSION)
GOLANGCI := $(BIN)/golangci-lint

# One variant of every dependency for build, lint and coverage; the race
# detector needs another, with cgo.
export CGO_ENABLED ?= 0

# Checks that use programs of others are left out, and said to be, where those
# are missing. Under CI they fail instead.
ifeq ($(CI),)
UNDERLAY_WITHOUT ?= $(shell sep=; for p in openstack=openstackclient chromium=chromium; do \
	command -v $${p%=*} >/dev/null || { printf '%s%s' "$$sep" "$${p\#*=}"; sep=,; }; done)
endif
export UNDERLAY_WITHOUT
IMAGE    ?= registry.example.org/underlay/openstack-cloud-controller-manager:latest

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build both binaries into bin/
	go build -ldflags "$(LDFLAGS)" -o $(BIN)/ ./cmd/...

.PHONY: image
image: build ## Write the controller manager's container image as bin/*.tar, without an engine or a registry
	go run ./hack/image -ref "$(IMAGE)" -out $(BIN)/openstack-cloud-controller-manager.tar

.PHONY: demo
demo: build ## Three nodes, their pod routes and a live page, on a real Kubernetes and a simulated OpenStack
	$(BIN)/underlay demo $(DEMO_FLAGS)

.PHONY: kubernetes
kubernetes: build ## Build the real Kubernetes for demo and tests (once; cached by version)
	$(BIN)/underlay demo --build-only

.PHONY: nodes-up
nodes-up: ## Three real kubelets, their pods and a simulated OpenStack, in namespaces of their own (root)
	go build -o $(BIN)/nodesctl ./test/nodes/nodesctl
	$(BIN)/nodesctl up

.PHONY: nodes-down
nodes-down: ## End what nodes-up started and remove all of it
	go build -o $(BIN)/nodesctl ./test/nodes/nodesctl
	$(BIN)/nodesctl down

.PHONY: test
test: kubernetes ## Run every test with the race detector; fails below 80 % coverage
	@if [ -n "$$UNDERLAY_WITHOUT" ]; then echo "Left out (UNDERLAY_WITHOUT): $$UNDERLAY_WITHOUT. Programs that are missing come with: apt-get install python3-openstackclient chromium"; fi
	CGO_ENABLED=1 go test -race -cover -timeout 40m ./... | go run ./hack/coverage -min 80 -only '^underlay/(pkg|internal)/'

.PHONY: cover
cover: ## Unit tests alone, with coverage: quicker than test
	go test -cover ./pkg/... ./internal/... | go run ./hack/coverage -min 80

.PHONY: bench
bench: ## Run the benchmarks
	go test -run '^$$' -bench . -benchmem ./pkg/... ./internal/...

.PHONY: bench-dataplane
bench-dataplane: ## Measure pod routes against flannel's tunnel on real nodes (root; 5 minutes)
	go build -o $(BIN)/bench-dataplane ./test/dataplane/bench
	$(BIN)/bench-dataplane $(BENCH_FLAGS)

.PHONY: lint
lint: $(GOLANGCI) ## Check style, size and correctness by linter
	$(GOLANGCI) run ./...

$(GOLANGCI): hack/tools/go.mod hack/tools/go.sum
	cd hack/tools && go build -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: generate
generate: ## Write the generated reference pages and the files for nodes anew
	go run ./hack/docs
	go run ./hack/nodefiles

.PHONY: verify
verify: lint ## Check that the tree is tidy, formatted, generated and linted
	go mod tidy -diff
	cd hack/tools && go mod tidy -diff
	test -z "$$(gofmt -l cmd hack internal pkg test)"
	go run ./hack/docs -check
	go run ./hack/nodefiles -check

.PHONY: openstack-up
openstack-up: ## Start a real OpenStack on this machine, as root (OPENSTACK_FLAGS=-h says what can be set)
	go run ./test/openstack/cmd $(OPENSTACK_FLAGS) up

.PHONY: openstack-down
openstack-down: ## End that OpenStack and remove its state; its packages stay for the next time
	go run ./test/openstack/cmd $(OPENSTACK_FLAGS) down

.PHONY: clean
clean: ## Remove what was built here (not the Kubernetes cache)
	rm -rf $(BIN) coverage.out
