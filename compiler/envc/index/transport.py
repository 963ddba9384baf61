"""The HTTP client as envc sets it up. Imports httpx: only `client` opens it, when it must.

HTTP/1.1 on a dozen kept connections, shared by as many threads. HTTP/2 was tried, on an event loop
too; docs/decisions/0004-http-client.md has why it was left.
"""

import logging
import os
import ssl
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.request import getproxies

import httpx
from httpx_retries import Retry, RetryTransport

from envc import __version__
from envc.errors import UsageError
from envc.index.paced import PacedTransport

# More of them gain nothing, and bursts of name look-ups are what some resolvers drop.
CONNECTIONS = 12
CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
ATTEMPTS = 4
RETRIED_STATUSES = (429, 500, 502, 503, 504)
LONGEST_WAIT_SECONDS = 20.0

_AUTHORITY_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR")


def open_client(environ: Mapping[str, str], *, backoff_seconds: float) -> httpx.Client:
    """A client that honours the environment's proxies and certificates and tries again.

    Raises:
        UsageError: the environment names certificates or a proxy that cannot be used.
    """
    # It warns of headers as they came; with nobody to hear it, Python writes them to stderr.
    logging.getLogger("httpx_retries").addHandler(logging.NullHandler())
    verify = _authorities(environ)
    retry = Retry(
        total=ATTEMPTS - 1,
        status_forcelist=RETRIED_STATUSES,
        backoff_factor=backoff_seconds,
        max_backoff_wait=LONGEST_WAIT_SECONDS,
        total_timeout=2 * LONGEST_WAIT_SECONDS,
    )
    try:
        return httpx.Client(
            transport=_transport(verify, retry, None),
            mounts=_mounts(verify, retry),
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS, pool=None),
            headers={"User-Agent": f"envc/{__version__}"},
            # None is kept: it would go to other ports of its host, whosever they are.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,  # httpx reads what comes with one, however much
            trust_env=False,  # a given transport switches httpx's own reading off: it is done here
        )
    except (ValueError, httpx.InvalidURL, ImportError) as error:
        raise UsageError(
            "a proxy of the environment cannot be used",
            where="HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY",
            mend="give it as http://host:port",
        ) from error


def _transport(verify: ssl.SSLContext, retry: Retry, proxy: str | None) -> httpx.BaseTransport:
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    return RetryTransport(PacedTransport(verify=verify, limits=limits, proxy=proxy), retry)


def _mounts(verify: ssl.SSLContext, retry: Retry) -> dict[str, httpx.BaseTransport | None]:
    """URL pattern → the transport for it; None: the direct one."""
    proxies = getproxies()
    exempt = [host.strip() for host in proxies.get("no", "").split(",") if host.strip()]
    if "*" in exempt:
        return {}
    mounts: dict[str, httpx.BaseTransport | None] = {
        f"{scheme}://": _transport(verify, retry, url if "://" in url else f"http://{url}")
        for scheme, url in proxies.items()
        if scheme in ("http", "https", "all")
    }
    if mounts:
        mounts.update((_pattern(host), None) for host in exempt)
    return mounts


def _pattern(host: str) -> str:
    """The hosts that an entry of NO_PROXY stands for: a domain covers what is below it."""
    if host.count(":") > 1:
        return f"all://[{host.strip('[]')}]"
    if host.replace(".", "").replace(":", "").isdigit():
        return f"all://{host}"
    return f"all://*{host.lstrip('*.')}"


def _authorities(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Whom to trust: what the first variable names, else httpx's list and the machine's own."""
    for variable in _AUTHORITY_VARIABLES:
        path = environ.get(variable)
        if not path:
            continue
        try:
            if os.path.isdir(path):
                return ssl.create_default_context(capath=path)
            return ssl.create_default_context(cafile=path)
        except OSError as error:
            raise UsageError(
                f"no certificates can be read: {error.strerror or error}",
                where=f"{variable}={path}",
                mend=f"let {variable} name a bundle of certificates, or unset it",
            ) from error
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context
