"""Settings. Everything that differs between machines comes from the environment (docs/operations.md)."""

from __future__ import annotations

import sys
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DEBUG = False
SECRET_KEY = env.str("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Local accounts exist for trying things out on one's own machine; `serve` refuses any other address.
LOCAL_ACCOUNTS = env.bool("LOCAL_ACCOUNTS", default=False)
LOCAL_PASSWORD = env.str("LOCAL_PASSWORD", default="lvyuan-local")
DEMO = env.bool("DEMO", default=False)  # every page says so; invented figures load nowhere else
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / ".data")))
RELEASE = env.str("RELEASE", default="dev")

# What this installation is about.
HOME_DISTRICT = env.str("HOME_DISTRICT", default="220106")
RANK_POOL = env.str("RANK_POOL", default="five-urban-districts")

INSTALLED_APPS = [
    "lvyuan",
    "lvyuan.accounts",
    "lvyuan.audit",
    "lvyuan.ui.apps.UiConfig",
    "lvyuan.imports",
    "procrastinate.contrib.django",
    "lvyuan.notices",
    "indicators",
    "projects",
    "lvyuan.cockpit",
    "lvyuan.ui.apps.DefinitionsAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "django_tables2",
    "django_filters",
    "pgtrigger",
    "axes",
    "csp",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "lvyuan.ui.middleware.CompressionMiddleware",
    "csp.middleware.CSPMiddleware",
    "lvyuan.ui.middleware.CacheMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "lvyuan.ui.language.ChosenLanguageMiddleware",
    "lvyuan.ui.middleware.PlainAddressMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "lvyuan.ui.middleware.UploadLimitMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "lvyuan.ui.middleware.HtmxRedirectMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "lvyuan.audit.middleware.HistoryMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "lvyuan.urls"
WSGI_APPLICATION = "lvyuan.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "lvyuan.ui.context.site",
                "lvyuan.notices.context.unread",
            ],
            "builtins": [
                "lvyuan.ui.templatetags.figures",
                "django.templatetags.static",
                "django.templatetags.i18n",
            ],
        },
    },
]

# --- database -------------------------------------------------------------------------------------
DATABASES = {"default": env.db_url("DATABASE_URL")}
_database = DATABASES["default"]
_database["CONN_HEALTH_CHECKS"] = True
# A black-holed or restarted database must end in an error, not in a hanging page.
_database.setdefault("OPTIONS", {}).update(
    {
        "application_name": "lvyuan",
        "connect_timeout": 5,
        "tcp_user_timeout": 8000,
        "options": "-c statement_timeout=15000 -c idle_in_transaction_session_timeout=30000",
        # The owner's commands (migrate, load_fixtures) may take their time.
        **({"options": ""} if env.bool("DATABASE_PATIENT", default=False) else {}),
    }
)
if not env.bool("DATABASE_PATIENT", default=False):
    _database["OPTIONS"]["pool"] = {
        "min_size": 1,
        "max_size": env.int("DATABASE_POOL", default=8),
        "timeout": 5,
    }
    # Pages ask the same again and again: the server parses and plans it once per connection, which halves its work.
    _database["OPTIONS"] |= {"server_side_binding": True, "prepare_threshold": 3}
# Pages kept in each process under the version of their data (lvyuan.ui.conditional): some 10 MB at most.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "pages": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "pages",
        "TIMEOUT": None,
        "OPTIONS": {"MAX_ENTRIES": 100},
    },
}
# The role the pages connect as; `migrate` takes its rights over history away from it.
APP_ROLE = env.str("APP_ROLE", default="lvyuan_app")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- language and time ----------------------------------------------------------------------------
# The UI texts in the code are Chinese; locale/en translates them (`make messages`). Which of the two is shown, each
# person chooses (lvyuan.ui.language).
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 60 * 60
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = "Asia/Shanghai"
USE_I18N = True
USE_TZ = True

# --- static files, uploads ------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(DATA_DIR / "static")))
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "files"},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "lvyuan.ui.finders.PlotlyFinder",
]
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
MIB = 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440  # 2.5 MiB, for every endpoint that does not say otherwise
EVIDENCE_LIMIT = 20 * MIB
IMPORT_LIMIT = 128 * MIB
FILE_UPLOAD_PERMISSIONS = 0o600

# --- sign-in --------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "lvyuan.accounts.backends.AccountBackend",
]
LOGIN_URL = "accounts:login"
LOGIN_URL_PATH = "/accounts/login/"
LOGIN_REDIRECT_URL = "cockpit:home"
LOGOUT_REDIRECT_URL = "accounts:login"
PASSWORD_HASHERS = [
    "lvyuan.accounts.hashers.Argon2Hasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "accounts/locked_out.html"
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "lvyuan.accounts.views.client_address"
AXES_VERBOSE = False
SESSION_COOKIE_AGE = 4 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "lvyuan.ui.views.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- mail -----------------------------------------------------------------------------------------
# Without a mail server no mail is written; notices then show on the site alone.
EMAIL_HOST = env.str("EMAIL_HOST", default="")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", default=False)  # STARTTLS
EMAIL_USE_SSL = env.bool("EMAIL_USE_SSL", default=False)
EMAIL_PORT = int(env.str("EMAIL_PORT", default="") or (465 if EMAIL_USE_SSL else 587 if EMAIL_USE_TLS else 25))
EMAIL_HOST_USER = env.str("EMAIL_USER", default="")
EMAIL_HOST_PASSWORD = env.str("EMAIL_PASSWORD", default="")
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="")
MAIL_CONFIGURED = bool(EMAIL_HOST)
# How people reach the site; links in mails and posts begin with it.
SITE_URL = env.str("SITE_URL", default="").rstrip("/") or (
    f"http://127.0.0.1:{env.str('PORT', default='8000')}"
    if LOCAL_ACCOUNTS
    else f"https://{next(iter(ALLOWED_HOSTS), '')}"
)
if not SITE_URL.startswith(("http://", "https://")):
    raise ImproperlyConfigured("SITE_URL must be an http or https address")
if MAIL_CONFIGURED and "@" not in DEFAULT_FROM_EMAIL:
    raise ImproperlyConfigured("EMAIL_HOST is set: DEFAULT_FROM_EMAIL must name the sender")
if EMAIL_USE_TLS and EMAIL_USE_SSL:
    raise ImproperlyConfigured("EMAIL_USE_TLS and EMAIL_USE_SSL exclude each other")

# --- transport and content security ---------------------------------------------------------------
# On the own machine there is no TLS; anywhere else there must be.
HTTPS = env.bool("HTTPS", default=not LOCAL_ACCOUNTS)
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_SECURE = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "manifest-src": [SELF],
    },
}

# --- lists ----------------------------------------------------------------------------------------
DJANGO_TABLES2_TEMPLATE = "ui/table.html"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "stream": sys.stderr}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="WARNING")},
}
