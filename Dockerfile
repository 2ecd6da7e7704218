# The command line in an image of its own:
#
#     docker build -t tessera .
#     docker run --rm tessera compare --model resnet50
#     docker run --rm -v "$PWD":/data tessera run /data/model.onnx --output-dir /data/out
FROM debian:12-slim AS build
WORKDIR /src
# What it is built with first: that changes less often than the sources.
COPY scripts/package scripts/package
COPY scripts/lib/setup.sh scripts/lib/setup.sh
RUN scripts/package requirements && rm -rf /var/lib/apt/lists/*
COPY . .
ARG SOURCE_DATE_EPOCH=0
RUN scripts/package tarball \
    && mkdir /tessera && tar --extract --strip-components=1 --directory /tessera --file build/packages/tessera-*.tar.xz

# Needs nothing but the C library.
FROM debian:12-slim
COPY --from=build /tessera /opt/tessera
RUN ln -s /opt/tessera/bin/tessera /usr/local/bin/tessera && useradd --uid 1000 --create-home tessera
USER 1000
WORKDIR /home/tessera
ENTRYPOINT ["tessera"]
CMD ["--help"]
