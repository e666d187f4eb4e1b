"""The CDN: what the template's distribution serves, from the embedded S3, to who has a signed URL.

It has no cache. Requests go on to S3 as CloudFront sends them: the path as it came, the query strings of the
cache policy alone, signed with an access key that may get objects and list nothing.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from tavus_callbacks_cli.local_stack.account import REGION
from tavus_callbacks_cli.local_stack.cdn.signed_url import Refused, read_target, verify
from tavus_callbacks_cli.local_stack.http.payload import Answer, Request
from tavus_callbacks_cli.local_stack.services.access_keys import authorization
from tavus_callbacks_cli.local_stack.services.cors import HEADERS, METHOD, ORIGIN, is_among
from tavus_callbacks_cli.local_stack.template.intrinsics import cdn_domain, fill_in, uninterpretable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    from tavus_callbacks_cli.local_stack.template.template import Resource, Template

_PASSED_ON = ("range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since")
_PASSED_BACK = (
    "accept-ranges",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "etag",
    "last-modified",
    "x-amz-version-id",
)
_SECONDS = 30
# One part, which CloudFront and S3 can read; they answer any other Range with the whole.
_RANGE = re.compile(r"bytes=(\d{0,40})-(\d{0,40})", re.ASCII)
# What a distribution may say; members with a reason behind them change nothing on this machine.
_DISTRIBUTION = {
    "Aliases",
    "Comment",
    "DefaultCacheBehavior",
    "Enabled",
    "HttpVersion",  # what CloudFront itself speaks
    "IPV6Enabled",
    "Origins",
    "PriceClass",  # where on earth it is cached
    "ViewerCertificate",  # no TLS on loopback
}
_BEHAVIOR = {
    "AllowedMethods",
    "CachePolicyId",
    "CachedMethods",  # no cache
    "Compress",
    "OriginRequestPolicyId",
    "ResponseHeadersPolicyId",
    "TargetOriginId",
    "TrustedKeyGroups",
    "ViewerProtocolPolicy",  # no TLS on loopback
}
# AWS's own policies, by their ids: what goes on to S3 beside what CloudFront itself asks for.
_MANAGED = {"88a5eaf4-2fd4-4709-b370-b4c650ea3fcf": (ORIGIN, METHOD, HEADERS)}
_HEADERS_POLICY = {"CorsConfig", "Name", "SecurityHeadersConfig"}
_REMEDY = "let infra/tavus_callbacks_cli/local_stack/cdn/cdn.py interpret it"

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Distribution:
    """What the template says of its distribution; key groups hold the ids of public keys."""

    domains: tuple[str, ...]
    bucket: str
    methods: frozenset[str]
    query_strings: frozenset[str]
    passed_on: frozenset[str]
    is_signed: bool
    trusted_keys: tuple[str, ...]
    cors: Mapping[str, Any]
    fixed_headers: Mapping[str, str]


@dataclass(frozen=True)
class Cdn:
    """A distribution in service; `public_keys` are all there are, by id."""

    distribution: Distribution
    base_url: str
    endpoint_url: str
    key_id: str
    public_keys: "Mapping[str, EllipticCurvePublicKey]"
    clock: Callable[[], float] = field(default=time.time)

    def handle(self, request: Request) -> Answer:
        """Answer a request; callable from any thread."""
        answer = self._answer(request)
        added = [*self.distribution.fixed_headers.items(), *_cors(self.distribution.cors, request)]
        return Answer(answer.status, (*answer.headers, *added), answer.body)

    def _answer(self, request: Request) -> Answer:
        if request.method not in self.distribution.methods:
            return _refusal("AccessDenied", "This distribution does not allow the HTTP request method")
        path, query = request.path.decode("latin-1"), request.query.decode("latin-1")
        asked = read_target(self.base_url, path, query)
        if self.distribution.is_signed:
            try:
                verify(asked, self._trusted(), self.clock())
            except Refused as refused:
                return _refusal(refused.code, str(refused))
        return self._from_origin(request, path, asked.query)

    def _trusted(self) -> "dict[str, EllipticCurvePublicKey]":
        return {name: self.public_keys[name] for name in self.distribution.trusted_keys}

    def _from_origin(self, request: Request, path: str, query: str) -> Answer:
        known = self.distribution.query_strings
        passed = "&".join(part for part in query.split("&") if part.partition("=")[0] in known)
        target = f"/{self.distribution.bucket}{path}{'?' if passed else ''}{passed}"
        with closing(HTTPConnection(self.endpoint_url.removeprefix("http://"), timeout=_SECONDS)) as origin:
            # Moto overrides no header of the answer to a HEAD, S3 does.
            method = "GET" if request.method == "HEAD" else request.method
            headers_sent = _signed_headers(request, self.distribution.passed_on, self.key_id)
            origin.request(method, target, headers=headers_sent)
            answer = origin.getresponse()
            body = answer.read()
        headers = [(name.lower(), value) for name, value in answer.getheaders()]
        passed_back = tuple(each for each in headers if each[0] in _PASSED_BACK)
        return Answer(answer.status, passed_back, b"" if request.method == "HEAD" else body)


def distribution_of(template: "Template") -> Distribution | None:
    """Read the template's distribution; raises click.ClickException for what is not understood."""
    found = template.of_type("AWS::CloudFront::Distribution")
    if not found:
        return None
    if len(found) > 1:
        raise uninterpretable(found[1].logical_id, "a second distribution", _REMEDY)
    [resource] = found
    settings = _known(resource, resource.properties["DistributionConfig"], _DISTRIBUTION)
    behavior = _known(resource, settings["DefaultCacheBehavior"], _BEHAVIOR)
    headers = _headers_policy(template, behavior.get("ResponseHeadersPolicyId"))
    groups = behavior.get("TrustedKeyGroups", [])
    return Distribution(
        domains=(cdn_domain(resource.name), *settings.get("Aliases", [])),
        bucket=_bucket(resource, template, settings["Origins"]),
        methods=frozenset(behavior.get("AllowedMethods", ["GET", "HEAD"])),
        query_strings=frozenset(_query_strings(template, behavior["CachePolicyId"])),
        passed_on=frozenset(_PASSED_ON + _managed(resource, behavior.get("OriginRequestPolicyId"))),
        is_signed=bool(groups),
        trusted_keys=tuple(_key_ids(template, groups)),
        cors=headers.get("CorsConfig", {}),
        fixed_headers=_security_headers(headers.get("SecurityHeadersConfig", {})),
    )


def public_keys(
    template: "Template", answers: dict[str, dict[str, Any]]
) -> "dict[str, EllipticCurvePublicKey]":
    """Load the public keys of a template by id; `answers` are those of its custom resources."""
    return {
        key.name: _public_key(key, fill_in(key.properties["PublicKeyConfig"]["EncodedKey"], answers))
        for key in template.of_type("AWS::CloudFront::PublicKey")
    }


def _public_key(resource: "Resource", encoded: str) -> "EllipticCurvePublicKey":
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key = load_pem_public_key(encoded.encode())
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise uninterpretable(resource.logical_id, "a key that is not on P-256", _REMEDY)
    return key


def _known(resource: "Resource", settings: dict[str, Any], members: set[str]) -> dict[str, Any]:
    for name in settings.keys() - members:
        raise uninterpretable(resource.logical_id, name, _REMEDY)
    return settings


def _bucket(resource: "Resource", template: "Template", origins: list[dict[str, Any]]) -> str:
    buckets = template.of_type("AWS::S3::Bucket")
    domains = {f"{bucket.name}.s3.{REGION}.amazonaws.com": bucket.name for bucket in buckets}
    if len(origins) != 1 or origins[0]["DomainName"] not in domains:
        raise uninterpretable(resource.logical_id, "an origin that is not one of its buckets", _REMEDY)
    return domains[origins[0]["DomainName"]]


def _named(template: "Template", resource_type: str, name: str) -> "Resource":
    return next(each for each in template.of_type(resource_type) if each.name == name)


def _query_strings(template: "Template", policy_id: str) -> list[str]:
    policy = _named(template, "AWS::CloudFront::CachePolicy", policy_id)
    settings = policy.properties["CachePolicyConfig"]["ParametersInCacheKeyAndForwardedToOrigin"]
    strings: list[str] = settings["QueryStringsConfig"].get("QueryStrings", [])
    return strings


def _managed(resource: "Resource", policy_id: str | None) -> tuple[str, ...]:
    if policy_id is not None and policy_id not in _MANAGED:
        raise uninterpretable(resource.logical_id, f"the origin request policy {policy_id}", _REMEDY)
    return _MANAGED[policy_id] if policy_id else ()


def _key_ids(template: "Template", groups: list[str]) -> Iterator[str]:
    for group in groups:
        resource = _named(template, "AWS::CloudFront::KeyGroup", group)
        yield from resource.properties["KeyGroupConfig"]["Items"]


def _headers_policy(template: "Template", policy_id: str | None) -> dict[str, Any]:
    if policy_id is None:
        return {}
    policy = _named(template, "AWS::CloudFront::ResponseHeadersPolicy", policy_id)
    return _known(policy, policy.properties["ResponseHeadersPolicyConfig"], _HEADERS_POLICY)


def _security_headers(settings: Mapping[str, Any]) -> dict[str, str]:
    return {"x-content-type-options": "nosniff"} if "ContentTypeOptions" in settings else {}


def _signed_headers(request: Request, names: frozenset[str], key_id: str) -> dict[str, str]:
    sent = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers]
    passed_on = {name: value for name, value in sent if name.lower() in names and _is_readable(name, value)}
    return {**passed_on, "Authorization": authorization(key_id, "s3")}


def _is_readable(name: str, value: str) -> bool:
    if name.lower() != "range":
        return True
    found = _RANGE.fullmatch(value)
    first, last = found.groups() if found else ("", "")
    return bool(first or last) and not (first and last and int(first) > int(last))


def _cors(settings: Mapping[str, Any], request: Request) -> Headers:
    sent = {name.lower(): value.decode("latin-1") for name, value in request.headers}
    origin = sent.get(b"origin")
    origins = _items(settings, "AccessControlAllowOrigins")
    if origin is None or not is_among(origin, origins):
        return []
    is_for_all = "*" in origins
    added = [("access-control-allow-origin", "*" if is_for_all else origin)]
    added += [] if is_for_all else [("vary", "Origin")]
    if request.method == "OPTIONS" and b"access-control-request-method" in sent:
        added += _preflight(settings)
    exposed = ", ".join(_items(settings, "AccessControlExposeHeaders"))
    return [*added, ("access-control-expose-headers", exposed)]


def _preflight(settings: Mapping[str, Any]) -> Headers:
    return [
        ("access-control-allow-methods", ", ".join(_items(settings, "AccessControlAllowMethods"))),
        ("access-control-allow-headers", ", ".join(_items(settings, "AccessControlAllowHeaders"))),
        ("access-control-max-age", str(settings["AccessControlMaxAgeSec"])),
    ]


def _items(settings: Mapping[str, Any], name: str) -> list[str]:
    items: list[str] = settings.get(name, {}).get("Items", [])
    return items


def _refusal(code: str, message: str) -> Answer:
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code>'
        f"<Message>{escape(message)}</Message></Error>"
    )
    return Answer(403, (("content-type", "text/xml"),), body.encode())
