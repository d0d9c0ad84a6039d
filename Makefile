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

# One variant of every dependency for build, lint and tests; the race detector
# needs another, with cgo. grpcnotrace leaves golang.org/x/net/trace out of gRPC,
# which nothing here turns on: its templates call methods by name, for which the
# linker has to keep every exported method of every type.
export CGO_ENABLED ?= 0
export GOFLAGS     := $(filter-out -tags=grpcnotrace,$(GOFLAGS)) -tags=grpcnotrace

# The parts of the tests, and their packages. unit is all that no other part names.
# Those that mostly wait run beside those that work, and beside what is built for
# them; the last ones look at the whole machine, and have it for themselves.
WORKING            := unit simulator e2e
WAITING            := contract openstack sanity
ALONE              := nodes dataplane
PARTS              := $(WORKING) $(WAITING) $(ALONE)
PACKAGES_simulator := ./pkg/simulator/... ./test/openstackclient ./test/livepage
PACKAGES_sanity    := ./test/sanity/...
PACKAGES_e2e       := ./test/e2e
PACKAGES_contract  := ./test/contract
PACKAGES_openstack := ./test/openstack/scenario
PACKAGES_nodes     := ./test/nodes
PACKAGES_dataplane := ./test/nodes
OTHER_PACKAGES      = $(foreach part,$(filter-out unit,$(PARTS)),$(PACKAGES_$(part)))
NOT_UNIT            = $(or $(shell go list $(OTHER_PACKAGES)),$(error the packages of the tests are not found))
PACKAGES_unit       = $(filter-out $(NOT_UNIT),$(shell go list ./...))

# Tests with the race detector; coverage counts for what users run. vet is lint's.
RACE     := CGO_ENABLED=1 go test -race -vet=off -timeout 20m
COVERED  := go run ./hack/coverage -min 80 -only '^underlay/(pkg|internal)/'
# What a shell knows of a cloud is not for tests that have a simulated one.
NO_CLOUD := env $(foreach name,$(filter OS_% UNDERLAY_OPENSTACK%,$(.VARIABLES)),-u $(name))
# Those that judge from outside say what they see, and are never taken from the cache.
OUTSIDE  := go test -v -vet=off -count=1 -timeout 30m

# What one part needs by itself; READY says that it is there.
KUBERNETES = $(if $(READY),,kubernetes)

IMAGE    ?= registry.example.org/underlay/openstack-cloud-controller-manager:latest
DRIVER_IMAGE ?= registry.example.org/underlay/cinder-csi-plugin:latest

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the binaries into bin/
	go build -ldflags "$(LDFLAGS)" -o $(BIN)/ ./cmd/...

.PHONY: image
image: build ## Write both container images as bin/*.tar, without an engine or a registry
	go run ./hack/image -ref "$(IMAGE)" -out $(BIN)/openstack-cloud-controller-manager.tar
	go run ./hack/image -driver -binary $(BIN)/cinder-csi-plugin -ref "$(DRIVER_IMAGE)" -out $(BIN)/cinder-csi-plugin.tar

.PHONY: demo
demo: build ## Three nodes, their pod routes and a live page, on a real Kubernetes and a simulated OpenStack
	$(BIN)/underlay demo $(DEMO_FLAGS)

.PHONY: kubernetes
kubernetes: build ## Build the real Kubernetes for demo and tests (once; cached by version)
	$(BIN)/underlay demo --build-only

.PHONY: nodes-build
nodes-build: $(KUBERNETES) ## Build what real nodes run beside the product: kubelets, CSI sidecars, flannel (once; cached)
	go build -o $(BIN)/nodesctl ./test/nodes/nodesctl
	$(BIN)/nodesctl build

.PHONY: nodes-up
nodes-up: ## Three real kubelets, their pods and a simulated OpenStack, in namespaces of their own (root; NODES_FLAGS=-volumes adds volumes)
	go build -o $(BIN)/nodesctl ./test/nodes/nodesctl
	$(BIN)/nodesctl up $(NODES_FLAGS)

.PHONY: nodes-down
nodes-down: ## End what nodes-up started and remove all of it
	go build -o $(BIN)/nodesctl ./test/nodes/nodesctl
	$(BIN)/nodesctl down

.PHONY: test
test: ## Run every part of the tests that this machine can, and say what it cannot
	@without=$$(go run ./test/requirements); case ",$$without," in *,nodes,*) ;; *) last=nodes-build ;; esac; \
	UNDERLAY_WITHOUT=$$without MAKE="$(MAKE)" hack/parts "kubernetes $(WORKING:%=test-%) $${last:-}" "$(WAITING:%=test-%)" "$(ALONE:%=test-%)"

.PHONY: test-unit
test-unit: ## Packages by themselves; fails below 80 % coverage
	@$(NO_CLOUD) $(RACE) -cover $(PACKAGES_unit) | $(COVERED)

.PHONY: test-simulator
test-simulator: ## The simulated OpenStack: its own tests, the openstack command, its page in a browser
	$(NO_CLOUD) $(RACE) -cover $(PACKAGES_simulator) | $(COVERED)

.PHONY: test-sanity
test-sanity: ## The CSI driver by csi-sanity, on the simulator, real block devices and mounts (root)
	$(NO_CLOUD) $(OUTSIDE) $(PACKAGES_sanity)

.PHONY: test-e2e
test-e2e: $(KUBERNETES) ## The product between a real Kubernetes and the simulator
	$(NO_CLOUD) $(RACE) -count=1 $(PACKAGES_e2e)

.PHONY: test-contract
test-contract: ## What we rely on of OpenStack: the simulator, and the real one that openstack.env names
	$(RACE) -count=1 $(PACKAGES_contract)

.PHONY: test-openstack
test-openstack: $(KUBERNETES) ## The product with 30 nodes on the real OpenStack that openstack.env names
	$(OUTSIDE) $(PACKAGES_openstack)

.PHONY: test-nodes
test-nodes: $(KUBERNETES) ## Real kubelets, real pods, real packets (root)
	$(OUTSIDE) -skip TestMoveFromFlannel $(PACKAGES_nodes)

.PHONY: test-dataplane
test-dataplane: $(KUBERNETES) ## A cluster that moves from flannel to routes, pods reachable throughout (root)
	$(OUTSIDE) -run TestMoveFromFlannel $(PACKAGES_dataplane)

.PHONY: cover
cover: ## Unit tests alone, with coverage: quicker than test
	go test -cover ./pkg/... ./internal/... | go run ./hack/coverage -min 80

.PHONY: bench
bench: ## Run the benchmarks
	go test -run '^$$' -bench . -benchmem ./pkg/... ./internal/...

.PHONY: bench-scale
bench-scale: kubernetes ## Measure 500 Services on 50 nodes: calls, memory, processor time (25 minutes)
	go run ./test/scale $(BENCH_FLAGS)

.PHONY: bench-dataplane
bench-dataplane: ## Measure pod routes against flannel's tunnel on real nodes (root; 5 minutes)
	go build -o $(BIN)/bench-dataplane ./test/dataplane/bench
	$(BIN)/bench-dataplane $(BENCH_FLAGS)

.PHONY: bench-volumes
bench-volumes: build ## Measure the CSI driver: memory and CPU at rest, calls and time of what it does (7 minutes)
	go run ./test/volumecost $(BENCH_FLAGS)

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

.PHONY: openstack-fetch
openstack-fetch: ## Only download and install its packages, which openstack-up does otherwise
	go run ./test/openstack/cmd $(OPENSTACK_FLAGS) fetch

.PHONY: openstack-down
openstack-down: ## End that OpenStack and remove its state; its packages stay for the next time
	go run ./test/openstack/cmd $(OPENSTACK_FLAGS) down

.PHONY: clean
clean: ## Remove what was built here (not the Kubernetes cache)
	rm -rf $(BIN) coverage.out
