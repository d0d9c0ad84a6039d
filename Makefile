# Underlay: every command that a user or a contributor needs, in one place.
SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BIN      := bin
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X k8s.io/component-base/version.gitVersion=$(VERSION)
GOLANGCI := $(BIN)/golangci-lint
IMAGE    ?= registry.example.org/underlay/openstack-cloud-controller-manager:latest

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build both binaries into bin/
	CGO_ENABLED=0 go build -trimpath -ldflags "$(LDFLAGS)" -o $(BIN)/ ./cmd/...

.PHONY: image
image: build ## Write the controller manager's container image as bin/*.tar, without an engine or a registry
	go run ./hack/image -ref "$(IMAGE)" -out $(BIN)/openstack-cloud-controller-manager.tar

.PHONY: demo
demo: build ## Three nodes, their pod routes and a live page, on a real Kubernetes and a simulated OpenStack
	$(BIN)/underlay demo $(DEMO_FLAGS)

.PHONY: kubernetes
kubernetes: build ## Build the real Kubernetes for demo and tests (once; cached by version)
	$(BIN)/underlay demo --build-only

.PHONY: test
test: kubernetes ## Run every test, with the race detector
	go test -race -timeout 30m ./...

.PHONY: cover
cover: ## Unit tests with coverage; fails when a package is below 80 %
	go test -cover ./pkg/... ./internal/... | go run ./hack/coverage -min 80

.PHONY: bench
bench: ## Run the benchmarks
	go test -run '^$$' -bench . -benchmem ./pkg/... ./internal/...

.PHONY: lint
lint: $(GOLANGCI) ## Check style, size and correctness by linter
	$(GOLANGCI) run ./...

$(GOLANGCI): hack/tools/go.mod hack/tools/go.sum
	cd hack/tools && go build -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: generate
generate: ## Write the generated reference pages anew
	go run ./hack/docs

.PHONY: verify
verify: lint ## Check that the tree is tidy, formatted, generated and linted
	go mod tidy -diff
	cd hack/tools && go mod tidy -diff
	test -z "$$(gofmt -l cmd hack internal pkg test)"
	go run ./hack/docs -check

.PHONY: openstack-up
openstack-up: ## Start a real OpenStack on this machine, as root (OPENSTACK_FLAGS=-h says what can be set)
	go run ./test/openstack/cmd $(OPENSTACK_FLAGS) up

.PHONY: openstack-down
openstack-down: ## End that OpenStack and remove its state; its packages stay for the next time
	go run ./test/openstack/cmd $(OPENSTACK_FLAGS) down

.PHONY: clean
clean: ## Remove what was built here (not the Kubernetes cache)
	rm -rf $(BIN) coverage.out
