# SPDX-License-Identifier: Apache-2.0
# Thin: CMakeLists.txt and CMakePresets.json do the work. `make help` lists the targets.
.DEFAULT_GOAL := help
SLUICE := build/release/sluice

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: run demo build
run: build ## build, start the default pipeline, show a sample trace, keep serving
	@tools/demo.sh $(SLUICE) --keep

demo: build ## the same, and end by itself
	@tools/demo.sh $(SLUICE)

build: ## build build/release/sluice
	@tools/packages.sh build
	@tools/build.sh release sluice

.PHONY: test test-interop test-deep
test: ## everything in at most 15 minutes: unit, golden, scenario, fuzz replay, style; also under ASan+UBSan
	@tools/packages.sh test
	@tools/test.sh

test-interop: ## Go and Java clients, h2spec, grpcurl
	@tools/packages.sh interop
	@tests/interop/run.sh

test-deep: ## clang-tidy, TSan, valgrind over units with their allocation sweeps, soak, fuzzing
	@tools/packages.sh deep
	@tools/test-deep.sh

.PHONY: asan fuzz bench format generate
asan: ## build everything with ASan+UBSan in build/asan
	@tools/packages.sh test
	@tools/build.sh asan all

fuzz: ## run each fuzz target for FUZZ_SECONDS (60)
	@tools/packages.sh deep
	@tools/fuzz.sh

bench: ## micro-benchmarks and end-to-end cost
	@tools/packages.sh test
	@bench/run.sh

format: ## clang-format all sources
	@tools/packages.sh test
	@tools/sources.sh | xargs clang-format-14 -i

generate: ## regenerate otlp/generated and docs/reference
	@tools/packages.sh test
	@tools/generate.sh
	@tools/build.sh dev sluice
	@tools/reference.sh build/dev/sluice
