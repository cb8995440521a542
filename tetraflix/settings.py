"""Every setting of the service, and the only code that reads the environment.

The comment above a setting documents its variable. Without any variable, the service uses the embedded PostgreSQL and
SQS of `make run`, whose addresses are in `var/run/stack.json` while that stack runs.
"""

import os
from pathlib import Path

from tetraflix.backoffice.frame import theme
from tetraflix.configuration import environment, secret_key, stack_addresses
from tetraflix.observability import logs

BASE_DIR = Path(__file__).resolve().parent.parent

environment.bypass_proxy_on_loopback(os.environ)
env = environment.Environment()  # seal() below reports all bad variables at once

# TETRAFLIX_VAR: folder of the embedded servers' data, of logs and of the generated secret key.
VAR_DIR = env.path("TETRAFLIX_VAR", BASE_DIR / "var")
# The metrics of each process, which a scrape adds up; `make run` empties the folder.
METRICS_DIR = str(VAR_DIR / "run" / "metrics")
# prometheus_client reads this variable once, when it is imported.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = METRICS_DIR
# numpy reads this variable once, when it is imported. The recommender's products are small: two threads would spend
# their time waiting for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
stack = stack_addresses.read(VAR_DIR) or {}

# -- Django ------------------------------------------------------------------------------------
# DEBUG: shows Django's debug pages; never enable it where strangers can reach the service.
DEBUG = env.switch("DEBUG", False)

# ENVIRONMENT: what this installation is: demo, development or production. In a demo the page at / explains to
# everybody what a user watched. Default: development with DEBUG, else production; `make demo` sets demo.
ENVIRONMENT = env.choice(
    "ENVIRONMENT",
    "development" if DEBUG else "production",
    among=["demo", "development", "production"],
)

# SECRET_KEY: signs sessions; at least 50 characters, the same on every machine. Default: generated once in var/.
try:
    SECRET_KEY = env.str("SECRET_KEY", "") or secret_key.load_or_create(VAR_DIR)
    os.makedirs(METRICS_DIR, exist_ok=True)
except OSError as error:
    SECRET_KEY = ""
    env.refuse(
        "TETRAFLIX_VAR",
        f"leads to {VAR_DIR}, which cannot be used ({error.strerror or error}): name a writable folder.",
    )
# ALLOWED_HOSTS: comma-separated host names that requests may be addressed to.
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
# PORT: the port on which the web server listens, and which commands use to reach it.
PORT = env.whole("PORT", 8000)
# The web server that commands use: that of the running stack, unless PORT is set.
WEB_URL = stack.get("web") if stack and not env.str("PORT", "") else f"http://127.0.0.1:{PORT}"
# WEB_WORKERS: number of web processes that `make run` starts; each holds the inventory in memory.
WEB_WORKERS = env.whole("WEB_WORKERS", 2)
# WEB_THREADS: threads of each web process for all requests but reads of lists and genres, and as many for these while
# the database is slow; each may have a database connection, and when all are busy a request is answered 503.
WEB_THREADS = env.whole("WEB_THREADS", 4)

INSTALLED_APPS = [
    "tetraflix",
    "sessions_ingest",
    "recommendations",
    "movies",
    "unfold.apps.BasicAppConfig",
    "tetraflix.apps.AdminConfig",  # django.contrib.admin with our admin site
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
    "tetraflix.web.api_shortcut.ApiShortcut",  # calls of the API pass none of those below but CommonMiddleware
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
FORMAT_MODULE_PATH = ["tetraflix.backoffice.formats"]
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
            ],
            "builtins": ["movies.templatetags.staff_pages"],
        },
    }
]
UNFOLD = theme.UNFOLD
CSRF_FAILURE_VIEW = "tetraflix.web.error_responses.csrf_failure"
AUTHENTICATION_BACKENDS = ["tetraflix.backoffice.access.permissions.StaffBackend"]
LOGIN_REDIRECT_URL = "admin:index"  # after a login at /admin/login/ without `next`
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
# DATABASE_URL: a PostgreSQL >= 16, postgresql://user:password@host:port/name. Default: the embedded one.
DATABASE_URL = env.str("DATABASE_URL", "") or stack.get(
    "database", "postgresql://tetraflix@127.0.0.1:54329/tetraflix"
)
DATABASES = {"default": env.database_url("DATABASE_URL", DATABASE_URL)}
# WEB_STATEMENT_TIMEOUT_MS: longest time of a statement of a web process (0: no limit); beyond it the database aborts
# the statement and the request is answered 503. The worker and commands have no such limit.
WEB_STATEMENT_TIMEOUT_MS = env.whole("WEB_STATEMENT_TIMEOUT_MS", 15_000)
# WEB_LOCK_TIMEOUT_MS: the same for the time that a statement waits for a lock, for example of a bulk job.
WEB_LOCK_TIMEOUT_MS = env.whole("WEB_LOCK_TIMEOUT_MS", 2_000)
# WEB_IDLE_IN_TRANSACTION_TIMEOUT_MS: the database ends a transaction of a web process that is idle for so long,
# because it keeps its locks.
WEB_IDLE_IN_TRANSACTION_TIMEOUT_MS = env.whole("WEB_IDLE_IN_TRANSACTION_TIMEOUT_MS", 30_000)
EMBEDDED_POSTGRES = not env.str("DATABASE_URL", "")

# -- User lists ----------------------------------------------------------------------------------
# MONGODB_URL: a MongoDB replica set or sharded cluster (6.0 or newer) that stores the user lists instead of
# PostgreSQL, mongodb://user:password@host1,host2/name?replicaSet=rs0; without a name the database is `tetraflix`.
MONGODB_URL = env.mongodb("MONGODB_URL", stack.get("mongodb", ""))

# -- Elasticsearch: search and activity ---------------------------------------------------------------
# ELASTICSEARCH_URL: comma-separated addresses, http://user:password@host:9200, of an Elasticsearch that searches
# movies (PostgreSQL does while it is unavailable) and stores activity. Default: PostgreSQL searches, no activity.
ELASTICSEARCH_URL = env.addresses(
    "ELASTICSEARCH_URL",
    stack.get("elasticsearch", ""),
    schemes=("http", "https"),
    example="http://user:password@host:9200",
)
# ACTIVITY_KEPT_DAYS: days after which a daily index of activity is deleted.
ACTIVITY_KEPT_DAYS = env.whole("ACTIVITY_KEPT_DAYS", 90)
# The function that searches for `GET /tetraflix/movies?q=`, with the signature of movies.search.postgres_search.find.
SEARCH_FUNCTION = "movies.search.postgres_search.find"
if ELASTICSEARCH_URL:
    INSTALLED_APPS += ["django_elasticsearch_dsl", "movies.search.elastic", "tetraflix.analytics"]
    ELASTICSEARCH_DSL = {"default": {"hosts": ELASTICSEARCH_URL.split(",")}}
    ELASTICSEARCH_DSL_AUTOSYNC = False  # a task updates the index from the change feed, outside of requests
    SEARCH_FUNCTION = "movies.search.elastic.search.find"

# -- SQS -----------------------------------------------------------------------------------------
# AWS_ENDPOINT_URL_SQS: address of the SQS server, http://host:port. Default: Amazon's with AWS_REGION, else the
# embedded server. boto3 reads the variables of AWS, too, also those of credentials.
SQS_ENDPOINT = env.address(
    "AWS_ENDPOINT_URL_SQS", "", schemes=("http", "https"), example="http://host:port", user=False
)
EMBEDDED_SQS = not SQS_ENDPOINT and not env.str("AWS_REGION", "")
if EMBEDDED_SQS:
    # Never empty, because without an endpoint boto3 would use Amazon, with any credentials that it finds.
    SQS_ENDPOINT = stack.get("sqs", "http://127.0.0.1:4566")
# AWS_REGION: region of SQS; AWS_DEFAULT_REGION where it is unset.
SQS_REGION = env.str("AWS_REGION", "") or env.str("AWS_DEFAULT_REGION", stack.get("region", "us-east-1"))
# The embedded server accepts any key; boto3 finds the credentials for Amazon (variables, profile, role).
SQS_DUMMY_CREDENTIALS = bool(SQS_ENDPOINT) and not env.str("AWS_ACCESS_KEY_ID", "")
# SESSION_QUEUE: name of the queue on which Events reports sessions; a name that ends in .fifo makes a FIFO queue.
SESSION_QUEUE = env.str("SESSION_QUEUE", "sessionData")
# RECS_QUEUE: name of the queue on which Recommendations sends lists; a name that ends in .fifo makes a FIFO queue.
RECS_QUEUE = env.str("RECS_QUEUE", "userRecs")
# CHANGES_QUEUE: name of the queue to which every change of the inventory is sent.
CHANGES_QUEUE = env.str("CHANGES_QUEUE", "movieChanges")
# CELERY_QUEUE: name of the queue of the service's own background tasks.
CELERY_QUEUE = env.str("CELERY_QUEUE", "celery")
# QUEUE_VISIBILITY_SECONDS: visibility timeout of received messages; a batch takes far less.
QUEUE_VISIBILITY_SECONDS = env.whole("QUEUE_VISIBILITY_SECONDS", 60)
# QUEUE_MAX_RECEIVES: number of receives after which SQS itself dead-letters a message.
QUEUE_MAX_RECEIVES = env.whole("QUEUE_MAX_RECEIVES", 20)

# -- Rules of the domain -------------------------------------------------------------------------
# FEED_SWEEP_SECONDS: seconds between two sweeps that send the changes which were not sent right after their commit.
FEED_SWEEP_SECONDS = env.whole("FEED_SWEEP_SECONDS", 5)
# FINISHED_MARK: the progress (0 < mark <= 1) from which a movie counts as watched to the end.
FINISHED_MARK = env.fraction("FINISHED_MARK", 1.0)
# BUS_LISTS_HOLD_DAYS: days that a list from the userRecs queue is kept before a list of our own replaces it.
BUS_LISTS_HOLD_DAYS = env.whole("BUS_LISTS_HOLD_DAYS", 7)
# POPULARITY_SECONDS: seconds between two refreshes of the popularity lists.
POPULARITY_SECONDS = env.whole("POPULARITY_SECONDS", 3600)
# RECOMMENDER: the strategy that makes this service's own recommendation lists: mixture, euclid or popular; off: it
# makes none, and only the Recommendations service does.
RECOMMENDER = env.choice("RECOMMENDER", "mixture", among=["mixture", "euclid", "popular", "off"])
# RECOMMEND_SECONDS: shortest time between two own lists of one user; a finish meanwhile is in the next one.
RECOMMEND_SECONDS = env.whole("RECOMMEND_SECONDS", 2)
# TASTE_ALPHA: weight (0 < alpha <= 1) of a user's latest finish in the taste; that of earlier ones shrinks by it.
TASTE_ALPHA = env.fraction("TASTE_ALPHA", 0.1)
# TASTE_SHRINKAGE: number of finishes at which a taste is half the user's own and half that of all viewers.
TASTE_SHRINKAGE = env.whole("TASTE_SHRINKAGE", 20)
# POPULARITY_EXPONENT: how much popularity counts in own lists, from 0 (taste alone) to 1 (in full).
POPULARITY_EXPONENT = env.fraction("POPULARITY_EXPONENT", 1.0)
# POPULARITY_HALF_LIFE_DAYS: days after which a view counts half in the popularity of own lists; at least 14. After a
# change, all views are counted again.
POPULARITY_HALF_LIFE_DAYS = env.whole("POPULARITY_HALF_LIFE_DAYS", 90)
# CHANGES_KEPT_DAYS: days that the history of inventory changes is kept.
CHANGES_KEPT_DAYS = env.whole("CHANGES_KEPT_DAYS", 730)
# VIEWS_KEPT_MONTHS: full months that single views are kept (0: for ever); view counts always stay. An event from
# before these months is not counted, because it may have been counted already.
VIEWS_KEPT_MONTHS = env.whole("VIEWS_KEPT_MONTHS", 0)
# EXPOSURES_KEPT_DAYS: days that the log of lists read is kept, by full months (0: nothing is logged). Experiments
# are counted from it, so it must reach back to the start of one.
EXPOSURES_KEPT_DAYS = env.whole("EXPOSURES_KEPT_DAYS", 90)
# READS_NEED_KEY: reads need an API key, too; by default a gateway in front checks clients.
READS_NEED_KEY = env.switch("READS_NEED_KEY", False)
# WRITES_PER_MINUTE: writes that one API key may make in a minute, over all processes; more are answered 429.
WRITES_PER_MINUTE = env.whole("WRITES_PER_MINUTE", 1200)
# INVENTORY_LOCK_TIMEOUT_MS: milliseconds that a change of the inventory waits for another one before it is answered
# 503. It never waits for a bulk change. A thread of a web process that waits serves no other request.
INVENTORY_LOCK_TIMEOUT_MS = env.whole("INVENTORY_LOCK_TIMEOUT_MS", 1000)
# MAX_BODY_BYTES: size of the largest accepted request body; 1,000 movies take less than 1 MB.
DATA_UPLOAD_MAX_MEMORY_SIZE = env.whole("MAX_BODY_BYTES", 4 * 1024 * 1024)

# -- Ingest --------------------------------------------------------------------------------------
# CONSUME_IN_WORKER: the Celery worker consumes sessionData and userRecs, too; off where `manage.py consume` does.
CONSUME_IN_WORKER = env.switch("CONSUME_IN_WORKER", True)
# CONSUMER_THREADS: receiver threads of each queue in one process. One thread commits what all have received in one
# transaction, so more of them make a message cheaper, up to 12.
CONSUMER_THREADS = env.whole("CONSUMER_THREADS", 12)
# MESSAGES_KEPT: messages of each queue that the admin's page Messages shows, with what became of them (0: none is
# recorded).
MESSAGES_KEPT = env.whole("MESSAGES_KEPT", 1000)

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
    "DESCRIPTION": "What clients read, distributors write and sister services report. Addresses are relative to the "
    "service, for example to http://127.0.0.1:8000. A call that needs an API key takes it as `Authorization: Bearer "
    "<key>`. The page `/tetraflix/docs` of the service introduces keys, errors, limits, repeats and the queues.",
    "VERSION": "1.0.0",
    "TAGS": [{"name": name} for name in ("For clients", "For distributors", "For sister services")],
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": [
        "tetraflix.openapi.components.sort",
        "tetraflix.openapi.components.add_keys",
        "tetraflix.openapi.code_samples.add",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

# -- Reached over https ----------------------------------------------------------------------------
# BEHIND_HTTPS: a proxy in front terminates https, sets X-Forwarded-Proto (and drops the client's), and is the only
# way in. Cookies are then sent over https only, and browsers use only https for a year. Default: off, for http.
BEHIND_HTTPS = env.switch("BEHIND_HTTPS", False)
# CSRF_TRUSTED_ORIGINS: comma-separated origins (scheme://host:port) whose forms are accepted besides those of the
# requested host, for example https://t.example:8443 when the proxy listens on another port.
CSRF_TRUSTED_ORIGINS = env.items("CSRF_TRUSTED_ORIGINS", [])
# USE_FORWARDED_HOST: takes the host from X-Forwarded-Host; only for a proxy in front that sets this header itself and
# drops the client's.
USE_X_FORWARDED_HOST = env.switch("USE_FORWARDED_HOST", False)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_HTTPS else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if BEHIND_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = BEHIND_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# -- Monitoring ------------------------------------------------------------------------------------
# METRICS_TOKEN: token for reading /metrics, sent as `Authorization: Bearer ...`. Without it, /metrics answers only
# requests from the same machine that come through no proxy.
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
# SENTRY_DSN: Sentry project to which errors are sent. Default: none, and Sentry is not started.
SENTRY_DSN = env.address("SENTRY_DSN", "", schemes=("https", "http"), example="https://key@host/project")
# SLOW_REQUEST_MS: requests that take longer are logged.
SLOW_REQUEST_MS = env.whole("SLOW_REQUEST_MS", 1000)
# REQUEST_LOG_SAMPLE: fraction (0 to 1) of other requests that is logged; a line costs as much as a read.
REQUEST_LOG_SAMPLE = env.fraction("REQUEST_LOG_SAMPLE", 0.0)
# LOG_FORMAT: json (for machines), console (for people), or auto (console on a terminal and in DEBUG, else json).
LOG_FORMAT = env.choice("LOG_FORMAT", "auto", among=["auto", "json", "console"])
# LOG_LEVEL: least severe level that is logged: DEBUG, INFO, WARNING or ERROR.
LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", among=["DEBUG", "INFO", "WARNING", "ERROR"])
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": logs.formatter, "style": logs.style(LOG_FORMAT, debug=DEBUG)}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL},  # Django's own handlers would print a second line
        "django.request": {"level": "ERROR"},  # 4xx are the caller's errors, and counted in /metrics
        "botocore": {"level": "WARNING"},
        "elastic_transport": {"level": "WARNING"},
        # These log each task, and beat sends one every few seconds.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}

env.seal()
