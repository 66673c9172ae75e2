# rolegate as one static binary on an image that holds nothing else: no shell, no package manager, no libc.
#
#   docker build -t rolegate:0.1.0 .
#   docker buildx build --platform linux/amd64,linux/arm64 -t REGISTRY/rolegate:0.1.0 --push .
#
# `make image-check` builds the same target without docker and runs it.

ARG RUST=1.95

# Each architecture builds its own, under emulation where the machine has another: musl's compiler is then a native one.
FROM rust:${RUST}-bookworm AS build
# aws-lc-rs brings C and assembler: musl's compiler, and cmake where it has no prepared build for the target.
RUN apt-get update \
 && apt-get install -y --no-install-recommends cmake musl-tools \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY scripts/static-build.sh scripts/

# First the dependencies alone, under an empty program: a layer that stays while Cargo.lock does.
COPY Cargo.toml Cargo.lock build.rs ./
COPY proto proto
RUN mkdir src && echo 'fn main() {}' > src/main.rs && touch src/lib.rs \
 && scripts/static-build.sh --release \
 && rm -rf src

COPY src src
# Newer than what the layer before has built, whatever the checkout's times are.
RUN find src -type f -exec touch {} + \
 && install -D -m 755 "$(scripts/static-build.sh --release | tail -n 1)" /out/rolegate

FROM gcr.io/distroless/static-debian12:nonroot
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="rolegate" \
      org.opencontainers.image.description="Vault's Kubernetes roles, enforced at Envoy" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/rolegate /usr/local/bin/rolegate
COPY LICENSE /licenses/rolegate
# `nonroot`, by number, so that runAsNonRoot can see it.
USER 65532:65532
EXPOSE 9191 8200 9192
# Kubernetes asks /readyz itself; this is for docker.
HEALTHCHECK --interval=10s --timeout=6s --start-period=5s --retries=3 CMD ["/usr/local/bin/rolegate", "health"]
ENTRYPOINT ["/usr/local/bin/rolegate"]
CMD ["server", "--config", "/etc/rolegate/rolegate.yaml"]
