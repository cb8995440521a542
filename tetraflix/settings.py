"""Every setting of the service, and the only reader of the environment.

Each variable is documented where it is read. Given none of them, the embedded PostgreSQL and SQS of
`make run` serve: their addresses are found in `var/run/stack.json` while that stack runs.
"""

import os
from pathlib import Path

from tetraflix.backoffice import theme
from tetraflix.configuration import environment, secret_key, stack_addresses
from tetraflix.observability import logs

BASE_DIR = Path(__file__).resolve().parent.parent

environment.bypass_proxy_on_loopback(os.environ)
env = environment.Environment()  # all bad variables are reported at once, by seal() below

# TETRAFLIX_VAR: folder of everything that is kept (databases, queues, logs, the generated secret key).
VAR_DIR = env.path("TETRAFLIX_VAR", BASE_DIR / "var")
# each process's figures, added up at a scrape; emptied by `make run`
METRICS_DIR = str(VAR_DIR / "run" / "metrics")
# prometheus_client reads this variable, once, at its import: processes share figures through the folder.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = METRICS_DIR
stack = stack_addresses.read(VAR_DIR) or {}

# -- Django ------------------------------------------------------------------------------------
# DEBUG: Django's debug pages; never on where strangers can reach the service.
DEBUG = env.switch("DEBUG", False)

# SECRET_KEY: signs sessions; at least 50 characters; the same on every machine. Default: made once, kept in
# var/.
try:
    SECRET_KEY = env.str("SECRET_KEY", "") or secret_key.load_or_create(VAR_DIR)
    os.makedirs(METRICS_DIR, exist_ok=True)
except OSError as error:
    SECRET_KEY = ""
    env.refuse(
        "TETRAFLIX_VAR",
        f"leads to {VAR_DIR}, which cannot be used ({error.strerror or error}): name a folder that can be written.",
    )
# ALLOWED_HOSTS: comma-separated host names that the service answers to.
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
# PORT: where the web server listens (and what links in commands point to).
PORT = env.whole("PORT", 8000)
# where commands find the web server: that of the running stack, unless PORT says otherwise
WEB_URL = stack.get("web") if stack and not env.str("PORT", "") else f"http://127.0.0.1:{PORT}"
# WEB_WORKERS: processes of the web server that `make run` starts; each holds the inventory, and one thread.
WEB_WORKERS = env.whole("WEB_WORKERS", 2)

INSTALLED_APPS = [
    "tetraflix",
    "sessions_ingest",
    "recommendations",
    "movies",
    "unfold.apps.BasicAppConfig",
    "tetraflix.apps.AdminConfig",  # django.contrib.admin, with the theme's site and our mends of it
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "tetraflix.web.request_instrumentation.observe",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "tetraflix.urls"
WSGI_APPLICATION = "tetraflix.wsgi.application"
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
UNFOLD = theme.UNFOLD
LOGIN_REDIRECT_URL = "admin:index"  # for who opens /admin/login/ itself
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# -- The system of record ----------------------------------------------------------------------
# DATABASE_URL: any PostgreSQL >= 16, postgresql://user:password@host:port/name. Default: the embedded one.
DATABASE_URL = env.str("DATABASE_URL", "") or stack.get(
    "database", "postgresql://tetraflix@127.0.0.1:54329/tetraflix"
)
DATABASES = {"default": env.database_url("DATABASE_URL", DATABASE_URL)}
# WEB_STATEMENT_TIMEOUT_MS: the database stops a statement of a web process that takes longer (0: never), and the
# request is answered 503: its thread serves others too. The worker and commands have no such limit.
WEB_STATEMENT_TIMEOUT_MS = env.whole("WEB_STATEMENT_TIMEOUT_MS", 15_000)
# WEB_LOCK_TIMEOUT_MS: the same for a statement that waits for a lock, while a bulk job changes movies.
WEB_LOCK_TIMEOUT_MS = env.whole("WEB_LOCK_TIMEOUT_MS", 2_000)
# WEB_IDLE_IN_TRANSACTION_TIMEOUT_MS: the database ends a transaction in which a web process asks nothing for so
# long: one that hangs keeps its locks.
WEB_IDLE_IN_TRANSACTION_TIMEOUT_MS = env.whole("WEB_IDLE_IN_TRANSACTION_TIMEOUT_MS", 30_000)
EMBEDDED_POSTGRES = not env.str("DATABASE_URL", "")

# -- User lists ----------------------------------------------------------------------------------
# MONGODB_URL: a MongoDB replica set or sharded cluster (6.0 or newer) that keeps the user lists instead of
# PostgreSQL, mongodb://user:password@host1,host2/name?replicaSet=rs0; database `tetraflix` when it names none.
MONGODB_URL = env.mongodb("MONGODB_URL", stack.get("mongodb", ""))

# -- Elasticsearch: search and activity ---------------------------------------------------------------
# ELASTICSEARCH_URL: one or more addresses, comma-separated, http://user:password@host:9200. Then movies are
# searched there (PostgreSQL steps in while it is away) and activity is recorded there. Unset, nothing of it is
# even imported.
ELASTICSEARCH_URL = env.addresses(
    "ELASTICSEARCH_URL",
    stack.get("elasticsearch", ""),
    schemes=("http", "https"),
    example="http://user:password@host:9200",
)
# ACTIVITY_KEPT_DAYS: daily indices of activity older than this are dropped.
ACTIVITY_KEPT_DAYS = env.whole("ACTIVITY_KEPT_DAYS", 90)
# How the words of `GET /tetraflix/movies?q=` are looked up: a function like movies.search.postgres_search.find.
SEARCH_FUNCTION = "movies.search.postgres_search.find"
if ELASTICSEARCH_URL:
    INSTALLED_APPS += ["django_elasticsearch_dsl", "movies.search.elastic", "tetraflix.analytics"]
    ELASTICSEARCH_DSL = {"default": {"hosts": ELASTICSEARCH_URL.split(",")}}
    ELASTICSEARCH_DSL_AUTOSYNC = False  # the change feed keeps the index; nothing of it on a request's path
    SEARCH_FUNCTION = "movies.search.elastic.search.find"

# -- SQS -----------------------------------------------------------------------------------------
# AWS_ENDPOINT_URL_SQS, AWS_REGION and the credentials are AWS's own variables, read by boto3 itself;
# without an endpoint and a region, the embedded server's are used.
SQS_ENDPOINT = env.address(
    "AWS_ENDPOINT_URL_SQS", "", schemes=("http", "https"), example="http://host:port", user=False
)
EMBEDDED_SQS = not SQS_ENDPOINT and not env.str("AWS_REGION", "")
if EMBEDDED_SQS:
    # Never empty: with the stack down, boto3 would go to Amazon with whatever credentials it finds.
    SQS_ENDPOINT = stack.get("sqs", "http://127.0.0.1:4566")
SQS_REGION = env.str("AWS_REGION", "") or env.str("AWS_DEFAULT_REGION", stack.get("region", "us-east-1"))
# The embedded server takes any key; Amazon's credentials are found by boto3 (variables, profile, role).
SQS_DUMMY_CREDENTIALS = bool(SQS_ENDPOINT) and not env.str("AWS_ACCESS_KEY_ID", "")
# SESSION_QUEUE, RECS_QUEUE: what the sister services write to. A name ending in .fifo makes a FIFO queue.
SESSION_QUEUE = env.str("SESSION_QUEUE", "sessionData")
RECS_QUEUE = env.str("RECS_QUEUE", "userRecs")
# CHANGES_QUEUE: where every change of inventory is announced.
CHANGES_QUEUE = env.str("CHANGES_QUEUE", "movieChanges")
# CELERY_QUEUE: the service's own background work.
CELERY_QUEUE = env.str("CELERY_QUEUE", "celery")
# QUEUE_VISIBILITY_SECONDS: how long a received message stays hidden; a batch takes far less.
QUEUE_VISIBILITY_SECONDS = env.whole("QUEUE_VISIBILITY_SECONDS", 60)
# QUEUE_MAX_RECEIVES: after so many failed tries SQS itself puts a message aside.
QUEUE_MAX_RECEIVES = env.whole("QUEUE_MAX_RECEIVES", 20)

# -- Rules of the domain -------------------------------------------------------------------------
# FEED_SWEEP_SECONDS: how often changes of inventory are sent whose own wake was lost (a commit sends one).
FEED_SWEEP_SECONDS = env.whole("FEED_SWEEP_SECONDS", 5)
# FINISHED_MARK: the progress (0 < mark <= 1) from which a movie counts as watched to the end.
FINISHED_MARK = env.fraction("FINISHED_MARK", 1.0)
# POPULARITY_SECONDS: how often the popularity lists are computed anew.
POPULARITY_SECONDS = env.whole("POPULARITY_SECONDS", 3600)
# CHANGES_KEPT_DAYS: how long the history of inventory changes is kept.
CHANGES_KEPT_DAYS = env.whole("CHANGES_KEPT_DAYS", 730)
# VIEWS_KEPT_MONTHS: full months that single views are kept for (view counts stay); 0: for ever. An event from
# before the kept months is not counted: whether it was counted already, nobody knows any more.
VIEWS_KEPT_MONTHS = env.whole("VIEWS_KEPT_MONTHS", 0)
# READS_NEED_KEY: clients' reads need an API key too (by default a gateway in front does that).
READS_NEED_KEY = env.switch("READS_NEED_KEY", False)
# WRITES_PER_MINUTE: calls that change something, a key and minute, over all processes; more are answered 429.
WRITES_PER_MINUTE = env.whole("WRITES_PER_MINUTE", 1200)
# INVENTORY_LOCK_TIMEOUT_MS: how long a change of the inventory waits for another one (milliseconds) before it is
# answered 503. Beside a bulk change it does not wait at all. A waiting web process answers nobody.
INVENTORY_LOCK_TIMEOUT_MS = env.whole("INVENTORY_LOCK_TIMEOUT_MS", 1000)
# MAX_BODY_BYTES: the largest request body; 1,000 movies in one call take less than 1 MB.
DATA_UPLOAD_MAX_MEMORY_SIZE = env.whole("MAX_BODY_BYTES", 4 * 1024 * 1024)

# -- Ingest --------------------------------------------------------------------------------------
# CONSUME_IN_WORKER: the Celery worker reads sessionData and userRecs too; off where `manage.py consume` does.
CONSUME_IN_WORKER = env.switch("CONSUME_IN_WORKER", True)
# CONSUMER_THREADS: receivers of each queue in one process. What they receive at once is applied in one
# transaction, by one thread with one database connection: more of them, and each message costs less, up to 12.
CONSUMER_THREADS = env.whole("CONSUMER_THREADS", 12)

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "movies.api.bodies.OneFormat",
    "DEFAULT_PARSER_CLASSES": ["movies.api.bodies.StrictJSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["tetraflix.access.authentication.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["tetraflix.access.authentication.RolePermission"],
    "DEFAULT_THROTTLE_CLASSES": ["tetraflix.access.authentication.WritesPerKey"],
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "tetraflix.web.error_responses.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Tetraflix AppServer",
    "DESCRIPTION": "What clients read, distributors write and sister services report.",
    "VERSION": "1.0.0",
    "TAGS": [{"name": name} for name in ("For clients", "For distributors", "For sister services")],
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": ["tetraflix.openapi.components.add"],
    # the scripts and styles of the page are ours: it asks no other host
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "persistAuthorization": False,
        "displayRequestDuration": True,
    },
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

# -- Reached over https ----------------------------------------------------------------------------
# BEHIND_HTTPS: a proxy in front takes https, sets X-Forwarded-Proto (dropping what a client sent under that
# name) and is the only way in. Cookies then travel over https alone; browsers use nothing else for a year.
# Off by default: `make run` serves http on this machine.
BEHIND_HTTPS = env.switch("BEHIND_HTTPS", False)
# CSRF_TRUSTED_ORIGINS: comma-separated origins (scheme://host:port) whose forms are taken besides those of the
# host that the request names, e.g. https://t.example:8443 where the proxy listens on another port.
CSRF_TRUSTED_ORIGINS = env.items("CSRF_TRUSTED_ORIGINS", [])
# USE_FORWARDED_HOST: the host is what the proxy in front says in X-Forwarded-Host. Only behind a proxy that sets
# this header itself and drops what a client sent under that name.
USE_X_FORWARDED_HOST = env.switch("USE_FORWARDED_HOST", False)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_HTTPS else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if BEHIND_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = BEHIND_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# -- Watching it run -------------------------------------------------------------------------------
# METRICS_TOKEN: who reads /metrics sends it as `Authorization: Bearer ...`. Without it, /metrics answers only
# what runs on the same machine and comes through no proxy.
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
# SENTRY_DSN: errors are sent there. Nothing is sent, and nothing of Sentry started, without it.
SENTRY_DSN = env.address("SENTRY_DSN", "", schemes=("https", "http"), example="https://key@host/project")
# SLOW_REQUEST_MS: a request that takes longer is logged.
SLOW_REQUEST_MS = env.whole("SLOW_REQUEST_MS", 1000)
# REQUEST_LOG_SAMPLE: the part (0 to 1) of other requests that is logged; a line costs as much as a read.
REQUEST_LOG_SAMPLE = env.fraction("REQUEST_LOG_SAMPLE", 0.0)
# LOG_FORMAT: json (for machines), console (for people), auto (console on a terminal and in DEBUG, else json).
LOG_FORMAT = env.choice("LOG_FORMAT", "auto", among=["auto", "json", "console"])
# LOG_LEVEL: DEBUG, INFO, WARNING or ERROR.
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", among=["DEBUG", "INFO", "WARNING", "ERROR"])
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": logs.formatter, "style": logs.style(LOG_FORMAT, debug=DEBUG)}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL},  # Django's own would print a second line
        "django.request": {"level": "ERROR"},  # 4xx are the caller's affair, and counted in /metrics
        "botocore": {"level": "WARNING"},
        "elastic_transport": {"level": "WARNING"},
        # A line for each task received and done; beat sends one every few seconds.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}

env.seal()
