# syntax=docker/dockerfile:1
# Build: docker build -t intercom-scim-bridge --build-arg COMMIT=$(git rev-parse --short=12 HEAD) .

FROM rust:1.95-bookworm AS tools
RUN cargo install --locked cargo-chef@0.1
WORKDIR /src

# The list of dependencies, which changes more rarely than the sources.
FROM tools AS plan
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM tools AS build
COPY rust-toolchain.toml .
COPY --from=plan /src/recipe.json .
# Docker builds this layer again only if a dependency or a setting of the build changes.
RUN cargo chef cook --release --locked --features jemalloc --bin intercom-scim-bridge --recipe-path recipe.json
COPY . .
ARG COMMIT=unknown
RUN BUILD_COMMIT=$COMMIT cargo build --release --locked --features jemalloc --bin intercom-scim-bridge

FROM debian:bookworm-slim
ARG COMMIT=unknown
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Intercom SCIM bridge" \
      org.opencontainers.image.description="Serves an Intercom workspace's teammates and teams as SCIM 2.0" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT"
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --no-log-init --uid 10001 --home-dir /var/lib/intercom-scim-bridge --create-home bridge
COPY --from=build /src/target/release/intercom-scim-bridge /usr/local/bin/
# The only directory that the bridge writes to: the SQLite file, and the encryption key that the first start generates.
# With PostgreSQL and access.encryption_key it writes nothing.
WORKDIR /var/lib/intercom-scim-bridge
VOLUME /var/lib/intercom-scim-bridge
USER 10001
ENV BRIDGE_SERVER__BIND=0.0.0.0:8080 BRIDGE_TELEMETRY__LOG_FORMAT=json
EXPOSE 8080
# This check works only without TLS in the container. If the bridge terminates TLS, check its health from outside.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q ' 200 ' <&3"]
ENTRYPOINT ["intercom-scim-bridge"]
CMD ["serve"]
