# mailferry in a container: docker build -t mailferry .
#
# It needs no root, no capability and no writable file but its state:
#   docker run --read-only --cap-drop ALL -p 110:1110 -v mailferry:/var/lib/mailferry \
#       -v ./mailferry.json:/etc/mailferry.json:ro mailferry
FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
        gcc libc6-dev cmake ninja-build pkg-config libuv1-dev libssl-dev libcurl4-openssl-dev libqrencode-dev libjansson-dev zlib1g-dev \
        libgmime-3.0-dev libgsasl-dev \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
WORKDIR /src
COPY CMakeLists.txt ./
COPY translate translate
COPY proxy proxy
RUN cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF \
        -DCMAKE_INSTALL_PREFIX=/usr/local \
    && cmake --build build \
    && DESTDIR=/out cmake --install build --strip

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="mailferry" \
      org.opencontainers.image.description="POP3 clients on IMAP mailboxes, IMAP clients on POP3 maildrops"
RUN apt-get update && apt-get install -y --no-install-recommends \
        libuv1 libssl3 libcurl4 libqrencode4 libjansson4 zlib1g libgmime-3.0-0 libgsasl18 ca-certificates \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
    && useradd --system --uid 10110 --home-dir /var/lib/mailferry --shell /usr/sbin/nologin mailferry \
    && install -d -o mailferry -g mailferry -m 0700 /var/lib/mailferry
COPY --from=build /out/usr/local/bin/mailferry /usr/local/bin/mailferry
COPY config/examples/container.json /etc/mailferry.json
USER mailferry
ENV STATE_DIRECTORY=/var/lib/mailferry
VOLUME /var/lib/mailferry
# POP3 and IMAP (with STARTTLS where there is a certificate), and both over TLS, as configured.
EXPOSE 1110 1995 1143 1993
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["mailferry", "healthcheck"]
ENTRYPOINT ["mailferry"]
CMD ["serve", "-c", "/etc/mailferry.json"]
