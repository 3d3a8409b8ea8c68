# `pedecg serve` in a container: Debian's Python, the pinned packages of PyPI, nothing else.
#
#   docker build -t pedecg .
#   docker run --rm -p 127.0.0.1:8766:8766 -e PEDECG_SERVE_PASSWORD=… \
#     -v "$PWD:/hospital:ro" --read-only --tmpfs /tmp pedecg --model /hospital/models/resnet1d
#
# Debian's Python 3.11 is that of constraints.txt. PyTorch's builds of PyPI contain CUDA; for a
# smaller image pass --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cpu.
FROM debian:bookworm-slim

ARG TORCH_INDEX=""

RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv libgomp1 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
RUN python3 -m venv /app/venv \
    && PIP_EXTRA_INDEX_URL="$TORCH_INDEX" /app/venv/bin/pip install --no-cache-dir \
       --disable-pip-version-check -c constraints.txt '.[export]'

# Not root; reads the model, writes to /tmp alone.
RUN useradd --system --no-create-home pedecg
USER pedecg
ENV PATH=/app/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    PYTHONHASHSEED=0 GOMP_SPINCOUNT=10000 MPLCONFIGDIR=/tmp/matplotlib

EXPOSE 8766
HEALTHCHECK --start-period=60s --interval=30s --timeout=5s CMD ["python3", "-c", \
    "import urllib.request as u; u.urlopen('http://127.0.0.1:8766/health', timeout=4)"]
# A container's own 127.0.0.1 cannot be reached from outside it: the published port decides who can,
# and the password is required.
ENTRYPOINT ["pedecg", "serve", "--host", "0.0.0.0"]
