# What can be done here. The build itself is CMakeLists.txt; this only calls it.

.DEFAULT_GOAL := help
.PHONY: help deps build run test test-asan test-slow test-container bench bench-count lint format coverage clean

JOBS := $(shell nproc)
# Most tests of servers wait more than they work.
TESTS_AT_ONCE := $(shell expr 2 \* $(JOBS))
CTEST := ctest --output-on-failure --no-tests=error -j $(TESTS_AT_ONCE) -LE 'container|slow'
SOURCES := git ls-files -co --exclude-standard 'proxy/*.[ch]' 'translate/*.[ch]' 'tests/*.[ch]'

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install the Debian packages that are missing (asks for nothing when none is)
	@tools/deps build run test lint
	@tools/upstreams build-upstreams

build: ## build the release program, build/mailferry
	@tools/deps build
	@$(MAKE) -s --no-print-directory build/build.ninja
	cmake --build build -j $(JOBS)

build/build.ninja:
	cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release

build-asan/build.ninja:
	cmake -S . -B build-asan -G Ninja -DCMAKE_BUILD_TYPE=Debug -DMAILFERRY_SANITIZE=ON

run: ## serve a local Dovecot with some mail, over POP3 and over IMAP, until Ctrl-C
	@tools/deps build run
	@$(MAKE) -s --no-print-directory build/build.ninja
	cmake --build build --target mailferry -j $(JOBS)
	@exec tools/run build/mailferry

test: ## run every test, on the release build and under the sanitizers
	@tools/deps build test
	@tools/upstreams build-upstreams
	@$(MAKE) --no-print-directory build
	$(CTEST) --test-dir build
	@$(MAKE) --no-print-directory test-asan

test-asan: ## run the tests under AddressSanitizer and UndefinedBehaviorSanitizer only
	@tools/deps build test
	@tools/upstreams build-upstreams
	@$(MAKE) -s --no-print-directory build-asan/build.ninja
	cmake --build build-asan -j $(JOBS)
	$(CTEST) --test-dir build-asan

test-slow: ## run the long tests: random commands against a model, agreement with Dovecot, costs
	@tools/deps build test
	@$(MAKE) --no-print-directory build
	ctest --test-dir build --output-on-failure --no-tests=error -L slow

test-container: ## build the container image and run it, with buildah and podman
	@tools/deps build test container
	@$(MAKE) --no-print-directory build
	ctest --test-dir build --output-on-failure --no-tests=error -L container

bench: ## measure against the upstream alone and Dovecot as a gateway: docs/BENCH.md (BENCH=--help)
	@tools/deps build test bench count
	@$(MAKE) -s --no-print-directory build/build.ninja
	cmake --build build --target mailferry bench -j $(JOBS)
	@exec python3 -B -m tests.bench.run $(BENCH)

bench-count: ## count the instructions of the hot paths against tests/bench/counts.json (COUNT=--keep)
	@tools/deps build count
	@$(MAKE) -s --no-print-directory build/build.ninja
	cmake --build build --target count
	python3 -B -m tests.bench.count $(COUNT)

lint: ## check the form of the sources (clang-format) and their sense (clang-tidy)
	@tools/deps build lint
	@$(MAKE) -s --no-print-directory build/build.ninja
	@tools/lint build

format: ## bring the sources into form
	@tools/deps lint
	$(SOURCES) | xargs -r clang-format -i

coverage: ## run the tests and show which lines they reach: build-coverage/index.html
	@tools/deps build test coverage
	@tools/upstreams build-upstreams
	cmake -S . -B build-coverage -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=--coverage
	cmake --build build-coverage -j $(JOBS)
	$(CTEST) --test-dir build-coverage
	gcovr --root . --filter proxy --filter translate --print-summary \
		--html-details build-coverage/index.html build-coverage

clean: ## remove what was built (but not the servers that were fetched for tests)
	rm -rf build build-asan build-coverage
