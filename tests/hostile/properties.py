"""What must hold of every run of a module, whatever its options and whatever the server answers.

Written from the API pages, for a strict reader, and not from the modules: nothing of the collection is imported.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.hostile.servers import SHOWN_SECRET, Reply, below_organisation
from tests.hostile.wire import Sent
from tests.simulator import schema

LONGEST_MESSAGE = 5000
LARGEST_FAILURE = 100_000
"""Characters of a failed result without the options that Ansible repeats in it."""

HIDDEN = "H1DD3N-"
"""What the text of every secret option begins with."""

_UUID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_ORG = "/api/v2/orgs/[1-9][0-9]*"
_ID = "[1-9][0-9]{0,18}"
_PATHS = {
    rf"{_ORG}/label_dimensions": ("GET",),
    rf"{_ORG}/(?:pairing_profiles|labels)": ("GET", "POST"),
    rf"{_ORG}/(?:workloads|vens)": ("GET",),
    rf"{_ORG}/(?:pairing_profiles|labels)/{_ID}": ("GET", "PUT", "DELETE"),
    rf"{_ORG}/workloads/{_UUID}": ("GET", "PUT"),
    rf"{_ORG}/vens/{_UUID}": ("GET", "PUT"),
    rf"{_ORG}/vens/(?:unpair|upgrade)": ("PUT",),
    rf"{_ORG}/vens/{_UUID}/compatibility_report": ("GET",),
    rf"{_ORG}/workloads/bulk_update": ("PUT",),
    rf"{_ORG}/(?:settings(?:/workloads)?|software/ven/releases)": ("GET",),
    "/api/v2/(?:product_version|health)": ("GET",),
    rf"{_ORG}/pairing_profiles/{_ID}/pairing_key": ("POST",),
    rf"{_ORG}/pairing_profiles/{_ID}/pairing_keys": ("DELETE",),
    rf"{_ORG}/(?:jobs|datafiles)/[A-Za-z0-9][A-Za-z0-9_-]*": ("GET",),
    r"/api/v[1-9][0-9]{0,2}/software/ven/image": ("GET",),
}
_CONNECTOR_PATHS = {
    "": ("GET",),
    "/instances": ("GET", "POST"),
    r"/instances/[A-Za-z0-9][A-Za-z0-9._~-]{0,127}": ("GET", "PUT", "DELETE"),
}
_SCHEMAS = {
    ("POST", "pairing_profiles"): "pairing_profile_create",
    ("PUT", "pairing_profiles"): "pairing_profile_update",
    ("POST", "labels"): "label_create",
    ("PUT", "labels"): "label_update",
    ("POST", "pairing_key"): "pairing_key",
    ("PUT", "workloads"): "workload",
    ("PUT", "vens"): "ven_update",
    ("PUT", "unpair"): "ven_unpair",
    ("PUT", "upgrade"): "ven_upgrade",
    ("PUT", "bulk_update"): "workload_references",
}
_OPTION = re.compile(r"([a-z_]+)(?:\[[0-9]+\])?(?:\.[^ ]+)?: ")


@dataclass(frozen=True)
class Exchange:
    """A request and its answer."""

    sent: Sent
    reply: Reply

    @property
    def path(self) -> str:
        return self.sent.target.partition("?")[0]

    @property
    def is_mutating(self) -> bool:
        return self.sent.method != "GET"

    @property
    def is_good(self) -> bool:
        return 200 <= self.reply.status < 300

    @cached_property
    def shown(self) -> list[dict[str, Any]] | None:
        """The objects that a strict reader finds in the answer: of 200, and of a body that is a list of them."""
        try:
            value = json.loads(self.reply.body().decode("utf-8-sig"))
        except (ValueError, RecursionError):
            return None
        if self.reply.status != 200 or not isinstance(value, list):
            return None
        return value if all(isinstance(item, dict) for item in value) else None

    @cached_property
    def one(self) -> dict[str, Any] | None:
        """The object that the answer is."""
        try:
            value = json.loads(self.reply.body().decode("utf-8-sig"))
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) and self.is_good else None


@dataclass(frozen=True)
class Ended:
    """A module's run. ``is_misled`` says that the server's answers were not all right, ``entered`` that Ansible
    itself had nothing against the options."""

    module: str
    options: Mapping[str, Any]
    is_misled: bool
    entered: bool
    stdout: str
    stderr: str
    traceback: str
    status: Any
    log: list[str]
    exchanges: list[Exchange]

    def result(self) -> dict[str, Any]:
        try:
            found = json.loads(self.stdout)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def mutating(self) -> list[Exchange]:
        return [item for item in self.exchanges if item.is_mutating]


def connector_base(options: Mapping[str, Any], default: str) -> str:
    """Return the path of the API of a connector server: what the option says, or the documented one."""
    try:
        return urlsplit(str(options.get("connector_url", "")).strip()).path.rstrip("/") or default
    except ValueError:
        return default


def broken(ended: Ended) -> list[str]:
    """Return what does not hold, a sentence each; empty where all does."""
    return [*_of_output(ended), *of_requests(ended), *_of_objects(ended), *of_secrets(ended)]


def _of_output(ended: Ended) -> Iterator[str]:
    if _is_of_ansible(ended):
        return
    if ended.traceback:
        yield f"a traceback: {ended.traceback.strip().splitlines()[-1][:300]}"
        return
    try:
        result = json.loads(ended.stdout)
        # Options are repeated as they were given, infinite numbers too.
        json.dumps({**result, "invocation": None}, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        yield f"standard output is not one JSON object: {str(error)[:200]}"
        return
    if "Traceback" in ended.stderr or "exception" in result:
        yield f"a traceback beside the result: {ended.stderr[-300:]}"
    if "please report this bug" in ended.stdout:
        yield f"an unexpected exception: {result.get('msg')}"
    if bool(result.get("failed")) != (ended.status == 1):
        yield f"exit status {ended.status} and failed {result.get('failed')}"
    if result.get("failed"):
        yield from _of_failure(ended, result)
    elif "changed" not in result:
        yield "a result without changed"
    for warning in result.get("warnings") or ():
        yield from (f"warning: {problem}" for problem in of_line(str(warning)))


def _is_of_ansible(ended: Ended) -> bool:
    """Say whether Ansible itself has fallen over the options, before the module had them.

    Its conversions do, over infinite and endless numbers, its log does, over halves of characters, and its check of
    suboptions, over a list of other values where one dictionary is wanted.
    """
    last = ended.traceback.strip().rpartition("\n")[2]
    of_number = last.startswith("OverflowError") and "check_type_" in ended.traceback
    of_text = last.startswith("UnicodeEncodeError") and "in _log_invocation" in ended.traceback
    of_entry = last.startswith("TypeError: argument of type") and "in set_fallbacks" in ended.traceback
    return not ended.entered and (of_number or of_text or of_entry)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _of_failure(ended: Ended, result: Mapping[str, Any]) -> Iterator[str]:
    message = result.get("msg")
    if not isinstance(message, str) or not message.strip():
        yield f"a failure without a message: {str(message)[:200]!r}"
    elif ended.entered:  # what Ansible says of options is not the collection's
        yield from (f"msg: {problem}" for problem in of_line(message))
        rest = len(json.dumps({name: value for name, value in result.items() if name != "invocation"}))
        if rest > LARGEST_FAILURE:
            yield f"a failed result of {rest} characters"


def of_line(text: str) -> Iterator[str]:
    strange = sorted({char for char in text if not char.isprintable()})
    if strange:
        yield f"has {strange[:5]!r}"
    if len(text) > LONGEST_MESSAGE:
        yield f"has {len(text)} characters"


def of_requests(ended: Ended) -> Iterator[str]:
    if not ended.entered and ended.exchanges:
        yield "requests, although Ansible refused the options"
    if ended.mutating and (ended.options.get("_ansible_check_mode") or ended.module.endswith("_info")):
        yield f"a mutating request in check mode or of an info module: {_line(ended.mutating[0])}"
    message = str(ended.result().get("msg", "")) if ended.result().get("failed") else ""
    named = _OPTION.match(message)
    if named and named.group(1) in ended.options and ended.mutating:
        yield f"{_line(ended.mutating[0])}, although an option is wrong: {message[:200]}"
    for exchange in ended.exchanges:
        yield from (f"{_line(exchange)}: {problem}" for problem in _of_request(ended, exchange))


def _line(exchange: Exchange) -> str:
    return f"{exchange.sent.method} {exchange.sent.target[:300]}"


def _of_request(ended: Ended, exchange: Exchange) -> Iterator[str]:
    sent, is_connector = exchange.sent, ended.module.startswith("pe_")
    base = connector_base(ended.options, "/api/v2/connector") if is_connector else ""
    path, mark, query = sent.target.partition("?")
    known = _CONNECTOR_PATHS if is_connector else _PATHS
    own = path[len(base) :] if path.startswith(base) else None
    allowed = next((item for form, item in known.items() if own is not None and re.fullmatch(form, own)), None)
    if not re.fullmatch(r"[!-~]+", sent.target) or "#" in sent.target:
        yield "a character that a URL must not have"
    if allowed is None:
        yield "a path that the API does not have, or that _PATHS in tests/hostile/properties.py lacks"
    elif sent.method not in allowed:
        yield "a method that the path does not have"
    server = str(ended.options.get("connector_url" if is_connector else "pce_host", "")).lower()
    if sent.host.lower().strip("[]") not in server:
        yield f"sent to {sent.host}"
    if mark:
        yield from _of_query(ended, query)
    yield from _of_headers(ended, exchange)
    if sent.body:
        yield from _of_body(ended, exchange)


def _of_query(ended: Ended, query: str) -> Iterator[str]:
    if not re.fullmatch(r"(?:[A-Za-z0-9_.~*+=&-]|%[0-9A-F]{2})+", query):
        yield "a query that is not encoded"
        return
    # A VEN that was asked for by its HREF is looked for again by the hostname that the PCE has shown.
    objects = [item for exchange in ended.exchanges for item in [*(exchange.shown or []), exchange.one or {}]]
    given = [*_texts(ended.options), *(str(item.get("hostname", "")) for item in objects)]
    for key, value in parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict"):
        if not re.fullmatch(r"[a-z_]+|last_heartbeat_at\[[lg]te\]", key):
            yield f"a query parameter {key!r}"
        fixed = value in ("true", "false") or re.fullmatch("[0-9]+", value) or value in ("pair.sh", "pair.ps1")
        # The check of a PCE tries filters that it chooses itself; hours become the time before which a VEN was silent.
        fixed = fixed or ended.module == "pce_check_info" or key.startswith("last_heartbeat_at")
        if not fixed and not any(text.startswith(value) for text in given) and not _are_hrefs(value):
            yield f"a query that nobody gave: {value[:100]!r}"


def _are_hrefs(value: str) -> bool:
    try:
        groups = json.loads(value)
    except ValueError:
        return False
    return all(re.fullmatch(rf"/orgs/[0-9]+/labels/{_ID}", str(href)) for group in groups for href in group)


def _texts(value: Any) -> Iterator[str]:
    yield str(value)
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _of_headers(ended: Ended, exchange: Exchange) -> Iterator[str]:
    headers = {name.lower(): value for name, value in exchange.sent.headers}
    known = {"accept", "accept-encoding", "authorization", "connection", "content-length", "content-type", "host"}
    if set(headers) - known - {"user-agent", "prefer", "cookie"}:
        yield f"unknown headers {sorted(headers)}"
    if exchange.path.endswith("/software/ven/image"):
        if "authorization" in headers:
            yield "credentials for what needs none"
        return
    user = ended.options.get("connector_user" if ended.module.startswith("pe_") else "api_key")
    password = ended.options.get("connector_password" if ended.module.startswith("pe_") else "api_secret")
    if user and password:
        scheme, _space, code = headers.get("authorization", "").partition(" ")
        decoded = base64.b64decode(code).decode()
        if scheme != "Basic" or decoded.partition(":")[::2] != (str(user), str(password)):
            yield "credentials that a server reads otherwise"


def _of_body(ended: Ended, exchange: Exchange) -> Iterator[str]:
    try:
        body = json.loads(exchange.sent.body, parse_constant=_refuse)
    except ValueError as error:
        yield f"a body that is no JSON: {error}"
        return
    parts = exchange.path.rsplit("/", 2)
    called = next((part for part in reversed(parts) if re.fullmatch("[a-z_]+", part)), "")
    if ended.module.startswith("pe_") and ended.is_misled and exchange.sent.method == "PUT":
        return  # it carries what the server shows, be it what it may
    name = "connector_instance" if ended.module.startswith("pe_") else _SCHEMAS.get((exchange.sent.method, called))
    if name is None:
        yield f"a body that nothing is known of: {called}; _SCHEMAS in tests/hostile/properties.py has no schema for it"
        return
    try:
        schema.check(name, body)
    except schema.Invalid as error:
        yield f"a body that the API page does not allow: {str(error)[:300]}"


def _of_objects(ended: Ended) -> Iterator[str]:
    """What a strict reader says of each request that changes something."""
    for number, exchange in enumerate(ended.exchanges):
        if exchange.is_mutating:
            before = ended.exchanges[:number]
            yield from (f"{_line(exchange)}: {problem}" for problem in _unjustified(ended, exchange, before))
    done = [item for item in ended.mutating if item.is_good and b'"dry_run": true' not in item.sent.body]
    result = ended.result()
    if done and result and not result.get("changed"):
        yield f"{_line(done[0])} was done, and the result says changed: false"


def _unjustified(ended: Ended, exchange: Exchange, before: list[Exchange]) -> Iterator[str]:
    collection = "instances" if ended.module.startswith("pe_") else below_organisation(exchange.path)[1]
    if exchange.sent.method == "POST" and not exchange.path.endswith("/pairing_key"):
        yield from _unjustified_creation(ended, exchange, collection, before)
        return
    if exchange.path.endswith(("/unpair", "/upgrade")):
        body = json.loads(exchange.sent.body)
        targets = [item.get("href") for item in body["vens"]]
    elif exchange.path.endswith("/bulk_update"):
        targets = [item.get("href") for item in json.loads(exchange.sent.body)]
    else:
        targets = [re.sub(r"/pairing_keys?$", "", exchange.path.partition("/api/v2")[2])]
    if ended.module.startswith("pe_"):
        targets = [exchange.path.rpartition("/")[2]]
    for target in targets:
        # Each answer that shows the collection has to show the target, and as what the task declared.
        shown = _shown_as(target, collection, before, ended.module.startswith("pe_"))
        if not shown:
            yield f"{target} was not shown by the server"
        elif not any(all(_is_declared(ended, raw, collection) for raw in raws) for raws in shown):
            yield f"{target} was not declared, but {json.dumps(_identity(shown[0][0], collection))[:300]}"


def _unjustified_creation(ended: Ended, exchange: Exchange, collection: str, before: list[Exchange]) -> Iterator[str]:
    body = json.loads(exchange.sent.body)
    names = _identity(body, collection)
    listed = [item for item in before if item.sent.method == "GET" and _lists(item, collection)]
    if not listed:
        yield "created, and the collection was never asked for"
        return
    # What keeps many objects looks once, at the beginning.
    looks = listed if ended.module.endswith("s") else listed[-1:]
    against = [_against_creation(look, names, collection) for look in looks]
    if all(against):
        yield f"created, and {against[-1]}"
    if not any(_identity(entry, collection) == names for entry in _declared(ended, collection)):
        yield f"created, and not declared: {names}"


def _against_creation(look: Exchange, names: Any, collection: str) -> str:
    """Return what in a look at the collection speaks against creating an object of these names; empty for nothing."""
    if look.shown is None:
        return f"no list was shown: {look.reply.status} {look.reply.body()[:60]!r}"
    if any(_identity(raw, collection) == names and raw.get("deleted") is not True for raw in look.shown):
        return f"the server shows one: {names}"
    return "" if _is_whole(look) else "the list was not whole"


def _is_whole(look: Exchange) -> bool:
    """Fewer objects than were asked for are the whole; without a filter they must reach the count."""
    if "/datafiles/" in look.path:
        return True
    query = dict(parse_qsl(look.sent.target.partition("?")[2]))
    limit = int(query.pop("max_results", 500))
    total = {name.lower(): value for name, value in look.reply.headers}.get("x-total-count", "").strip()
    count = len(look.shown or ())
    is_counted = not query and re.fullmatch("[0-9]{1,12}", total) is not None
    return count < limit and not (is_counted and count < int(total))


def _lists(exchange: Exchange, collection: str) -> bool:
    if exchange.path.endswith(f"/{collection}"):
        return exchange.reply.status != 202
    return "/datafiles/" in exchange.path and exchange.path.endswith(f"-{collection}")


def _identity(raw: Mapping[str, Any], collection: str) -> Any:
    if collection == "instances":
        controller, space = raw.get("controller"), raw.get("endpointAddressSpace")
        address = controller.get("ipAddress") if isinstance(controller, dict) else None
        name = space.get("name") if isinstance(space, dict) else None
        return [address, str(name) if isinstance(name, int) and not isinstance(name, bool) else name or None]
    if collection == "labels":
        return [raw.get("key"), raw.get("value")]
    return [raw.get("hostname" if collection in ("vens", "workloads") else "name")]


def _shown_as(target: str, collection: str, before: list[Exchange], is_connector: bool) -> list[list[dict[str, Any]]]:
    """Return what each of the answers so far that shows the target shows of it."""
    found = []
    for exchange in before:
        raws = list(exchange.shown or ()) if _lists(exchange, collection) else []
        if not raws and exchange.one is not None and not exchange.path.endswith(f"/{collection}"):
            raws = [exchange.one]
        key = "id" if is_connector else "href"
        found.append([raw for raw in raws if str(raw.get(key)) == target and raw.get("deleted") is not True])
    return [raws for raws in found if raws]


def _declared(ended: Ended, collection: str) -> list[dict[str, Any]]:
    """Return what a task declares, in the JSON of the API."""
    options = ended.options
    entries = [entry for name in ("pairing_profiles", "connector_instances") for entry in options.get(name) or ()]
    found = []
    for entry in entries or [options]:
        if not isinstance(entry, Mapping):
            continue
        if collection == "instances":
            address = _address(str(entry.get("controller", "")).strip())
            space = entry.get("address_space_name")
            found.append(
                {
                    "id": entry.get("instance_id"),
                    "controller": {"ipAddress": address},
                    "endpointAddressSpace": {"name": None if space is None else str(space)},
                }
            )
        elif collection == "labels" and ended.module != "pce_label":
            # What create_labels makes for a profile.
            for label in entry.get("labels") or ():
                pair = label if "key" in label else dict(zip(("key", "value"), next(iter(label.items()), ())))
                found.append({"key": str(pair.get("key")), "value": str(pair.get("value"))})
        else:
            named = {name: _text(entry.get(name)) for name in ("name", "key", "value", "href")}
            found.append(named)
            for new in ("new_name", "new_value"):
                if entry.get(new) is not None:
                    found.append({**named, new.partition("_")[2]: _text(entry[new])})
    if ended.module == "pce_workload":
        found = [{name: _text(options.get(name)) for name in ("hostname", "href")}]
    if ended.module in ("pce_workloads", "pce_roll_out"):
        found = list(_declared_of_fleet(options))
    if ended.module in ("pce_ven", "pce_ven_upgrade"):
        found = [{"hostname": _text(item)} for item in options.get("hostnames") or ()]
        found += [{"href": item} for item in options.get("hrefs") or ()]
    if ended.module == "pce_pairing_key":
        found = [{"name": _text(options.get("profile")), "href": options.get("profile_href")}]
    return found


def _declared_of_fleet(options: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the workloads that a task for many names, or selects by hostname or HREF."""
    entries = [entry for name in ("workloads", "waves") for entry in options.get(name) or () if isinstance(entry, dict)]
    selection = options.get("selection")
    for entry in [*entries, *([selection] if isinstance(selection, dict) else [])]:
        yield {name: _text(entry.get(name)) for name in ("hostname", "href")}
        yield from ({"hostname": _text(item)} for item in entry.get("hostnames") or ())
        yield from ({"href": item} for item in entry.get("hrefs") or ())


def _address(text: str) -> str:
    """Return a controller in its usual spelling; an IPv4 address written as an IPv6 one is the former."""
    if "://" in text:
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            return text
        host = _address(parts.hostname or "")
        where = f"[{host}]" if ":" in host else host
        end = "" if port in (None, {"https": 443, "http": 80}.get(parts.scheme)) else f":{port}"
        return f"{parts.scheme}://{where}{end}{parts.path.rstrip('/')}"
    try:
        found = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return text.lower().removesuffix(".")
    return str(getattr(found, "ipv4_mapped", None) or found)


def _text(value: Any) -> Any:
    return value if value is None else str(value)


def _is_declared(ended: Ended, raw: Mapping[str, Any], collection: str) -> bool:
    if ended.options.get("purge") and raw.get("is_default") is not True:
        return True  # what purging removes is what is not declared; unit and integration cases look at its limits
    key = "id" if collection == "instances" else "href"
    for entry in _declared(ended, collection):
        if entry.get(key) is not None and str(entry[key]) == str(raw.get(key)):
            return True
        if _identity(entry, collection) == _identity(raw, collection) != [None]:
            return True
    return False


def of_secrets(ended: Ended) -> Iterator[str]:
    for where, text in (
        ("the output", ended.stdout),
        ("standard error", ended.stderr),
        ("the log", "".join(ended.log)),
    ):
        # An error's body is shown as it is, but for what was sent as a secret.
        is_error = any(item.reply.status >= 400 for item in ended.exchanges)
        for secret in (HIDDEN, *([] if is_error else [SHOWN_SECRET])):
            if secret in text:
                yield f"a secret in {where}: {text[max(0, text.index(secret) - 100) :][:200]}"
