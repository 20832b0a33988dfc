# Build: docker build -t intercom-scim-bridge --build-arg COMMIT=$(git rev-parse --short=12 HEAD) .
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
ARG COMMIT=unknown
RUN BUILD_COMMIT=$COMMIT cargo build --release --locked --bin intercom-scim-bridge

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/intercom-scim-bridge --create-home bridge
COPY --from=build /src/target/release/intercom-scim-bridge /usr/local/bin/
# The only directory that the bridge writes to: the SQLite file, and the encryption key that the first start generates. With
# PostgreSQL and access.encryption_key it writes nothing.
WORKDIR /var/lib/intercom-scim-bridge
VOLUME /var/lib/intercom-scim-bridge
USER 10001
ENV BRIDGE_SERVER__BIND=0.0.0.0:8080 BRIDGE_TELEMETRY__LOG_FORMAT=json
EXPOSE 8080
# This check works only without TLS in the container. If the bridge terminates TLS itself, check its health from outside.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q ' 200 ' <&3"]
ENTRYPOINT ["intercom-scim-bridge"]
CMD ["serve"]
