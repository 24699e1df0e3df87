"""Settings of the web application. Everything that differs between places comes from the environment.

Without a database URL there is no database: `check`, `makemigrations --check` and `spectacular` still work.
"""

import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from backend.config import environment as env

BASE_DIR = Path(__file__).resolve().parent.parent

try:
    DEBUG = env.flag("LOCKSTEP_DEBUG", False)
    #: Secure cookies, HSTS and redirects to https; the demo on http://127.0.0.1 switches it off.
    HTTPS = env.flag("LOCKSTEP_HTTPS", not DEBUG)
    ALLOWED_HOSTS = env.words("LOCKSTEP_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
    CSRF_TRUSTED_ORIGINS = env.words("LOCKSTEP_CSRF_TRUSTED_ORIGINS", "")
    #: How many proxies of ours stand in front; only then are their X-Forwarded-* headers believed.
    TRUSTED_PROXIES = env.number("LOCKSTEP_TRUSTED_PROXIES", 0)
    #: `owner` migrates; everything else runs as `app`, which cannot change tables.
    DATABASE_ROLE = "OWNER" if env.value("LOCKSTEP_DJANGO_ROLE") == "owner" else "APP"
    DATABASE_VARIABLE = f"LOCKSTEP_{DATABASE_ROLE}_MYSQL_URL"
    DATABASE_URL = env.value(DATABASE_VARIABLE)
    DATABASES = {
        "default": env.mysql_settings(DATABASE_URL, DATABASE_VARIABLE)
        if DATABASE_URL
        else {"ENGINE": "django.db.backends.dummy"}
    }
    #: For pages that show both sides; all else works without it.
    MONGO_URL = env.value("LOCKSTEP_APP_MONGO_URL") or ""
    SECRET_KEY = env.value("LOCKSTEP_SECRET_KEY") or ""
    SMTP_URL = env.value("LOCKSTEP_SMTP_URL")
    MAIL = env.mail_server(SMTP_URL, "LOCKSTEP_SMTP_URL") if SMTP_URL else env.MailServer()
    #: The mapping, as the workers read it.
    LOCKSTEP_CONFIG = Path(env.value("LOCKSTEP_CONFIG") or BASE_DIR.parent / "lockstep.toml")
except env.EnvironmentProblem as problem:
    raise ImproperlyConfigured(str(problem)) from None

if not SECRET_KEY:
    # A key of this process only is enough where no session can outlive it: no database, migrations, development.
    if DATABASE_URL and DATABASE_ROLE == "APP" and not DEBUG:
        raise ImproperlyConfigured("LOCKSTEP_SECRET_KEY (or LOCKSTEP_SECRET_KEY_FILE) is missing")
    SECRET_KEY = secrets.token_urlsafe(50)

INSTALLED_APPS = [
    "backend.accounts",
    "backend.analytics",
    "backend.crossing",
    "backend.replication",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.headless",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "backend.config.urls"
WSGI_APPLICATION = "backend.config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

# Static files are served by the application itself, straight from the packages: no collecting step.
STATIC_URL = "/static/"
#: The pages as `make setup` builds them; index.html is served by `backend.config.spa`.
FRONTEND = BASE_DIR.parent / "frontend" / "dist"
STATICFILES_DIRS = [BASE_DIR / "static", *([("app", FRONTEND)] if FRONTEND.is_dir() else [])]
WHITENOISE_USE_FINDERS = True
#: Vite names them by their content.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/app/assets/"

# Rate limits count in the cache, so every process on every host must share it. The database is what they share
# already; a cache on files would count once per host.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "django_cache",
        # With Django's 300, anybody could have the counts of their own attempts culled by making others.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 3600 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "backend.config.pages.csrf_failure"
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

ACCOUNT_ADAPTER = "backend.accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
# The headless sign-up drops keys that are not form fields; only this form's fields reach it (not ACCOUNT_FORMS).
ACCOUNT_SIGNUP_FORM_CLASS = "backend.accounts.forms.RequestedRoleForm"
# One may log in at once; a customer's data opens only to a verified address (backend.accounts.permissions).
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Lockstep] "
HEADLESS_CLIENTS = ("browser",)
# Verification mails go to the log until a mail server is named.
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if SMTP_URL else 'console'}.EmailBackend"
EMAIL_HOST, EMAIL_PORT = MAIL.host, MAIL.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = MAIL.user, MAIL.password
EMAIL_USE_SSL, EMAIL_USE_TLS = MAIL.tls_at_once, MAIL.starttls
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.value("LOCKSTEP_MAIL_FROM") or "lockstep@localhost"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "rest_framework.renderers.BrowsableAPIRenderer",
    ],
    # Documents are nested: a form cannot carry them.
    "DEFAULT_PARSER_CLASSES": ["backend.config.parsers.FlatJSONParser"],
    "EXCEPTION_HANDLER": "backend.config.answers.answer",
    "DEFAULT_FILTER_BACKENDS": ["backend.config.filters.KnownFilters"],
    "DEFAULT_PAGINATION_CLASS": "backend.config.pagination.Pages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_RATES": {"role_decisions": "30/min"},
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Lockstep",
    "DESCRIPTION": "Customers, accounts and transactions that stand in MySQL and MongoDB alike, and how they are kept so.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "ConflictKind": "backend.replication.serializers.KINDS",
        "ConflictState": "backend.replication.models.Conflict.State",
        "EditField": "backend.crossing.edits.FIELDS",
        "EditSide": "backend.crossing.serializers.EDIT_SIDES",
        "Policy": "backend.replication.serializers.POLICIES",
        "RoleRequestState": "backend.accounts.models.RoleRequest.State",
        "RulingState": "backend.replication.serializers.RULING_STATES",
        "Side": "backend.replication.serializers.SIDES",
        "Take": "backend.replication.serializers.TAKES",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

SILENCED_SYSTEM_CHECKS = [
    "models.W036",  # django-allauth's conditional constraint, which MySQL cannot hold; allauth checks it itself too
]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
