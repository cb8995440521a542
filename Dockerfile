# One image for web, worker, consumer, beat and the SQS server of docker-compose.yml.
FROM python:3.11.13-slim-bookworm AS wheels
WORKDIR /build
COPY requirements.txt .
# Exactly what is locked: a package whose hash differs stops the build.
RUN pip install --no-cache-dir --require-hashes --prefix=/install -r requirements.txt

FROM python:3.11.13-slim-bookworm
# libcurl and its kin are inside pycurl's wheel; nothing is installed with apt
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin tetraflix
COPY --from=wheels /install /usr/local
WORKDIR /app
COPY --chown=tetraflix manage.py LICENSE ./
COPY --chown=tetraflix tetraflix tetraflix
COPY --chown=tetraflix sessions_ingest sessions_ingest
COPY --chown=tetraflix recommendations recommendations
COPY --chown=tetraflix movies movies
COPY --chown=tetraflix docs docs
# /state: a new volume mounted there belongs to whom the folder does
RUN mkdir var /state && chown tetraflix var /state
USER tetraflix
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DJANGO_SETTINGS_MODULE=tetraflix.settings
# The key only lets the settings load; the one that serves comes from the environment.
RUN SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(50))')" python manage.py collectstatic --no-input
EXPOSE 8000
# WEB_THREADS sets the threads of a worker. Half-sent heads, and idle connections, are closed after 10 s.
CMD ["python", "-m", "granian", "--interface", "rsgi", "--http", "1", "--no-ws", "--host", "0.0.0.0", "--port", "8000", \
     "--workers", "2", "--http1-header-read-timeout", "10000", "--no-access-log", "--respawn-failed-workers", \
     "tetraflix.web.rsgi:application"]
