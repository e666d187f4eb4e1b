"""The template's CloudFront distribution and the resources that it names; other members are errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tavus_callbacks_cli.local_stack.account import REGION
from tavus_callbacks_cli.local_stack.services.cors import HEADERS, METHOD, ORIGIN
from tavus_callbacks_cli.local_stack.template.intrinsics import cdn_domain, fill_in, uninterpretable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    from tavus_callbacks_cli.local_stack.template.template import Resource, Template

_DEFAULT_REQUEST_HEADERS = (
    "range",
    "if-range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
)
# The supported members of a distribution; those with a comment have no effect on this machine.
_DISTRIBUTION = {
    "Aliases",
    "Comment",
    "DefaultCacheBehavior",
    "Enabled",
    "HttpVersion",  # the versions that CloudFront speaks
    "IPV6Enabled",
    "Origins",
    "PriceClass",  # the regions of its caches
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
# The headers that AWS's managed policies, by id, send to S3 besides CloudFront's own.
_MANAGED_POLICIES = {"88a5eaf4-2fd4-4709-b370-b4c650ea3fcf": (ORIGIN, METHOD, HEADERS)}
_HEADERS_POLICY = {"CorsConfig", "Name", "SecurityHeadersConfig"}
_REMEDY = "let infra/tavus_callbacks_cli/local_stack/cdn/distribution.py interpret it"


@dataclass(frozen=True)
class Distribution:
    """The settings of a distribution; `request_headers` go to the origin, `trusted_keys` are key ids."""

    domains: tuple[str, ...]
    bucket: str
    methods: frozenset[str]
    query_strings: frozenset[str]
    request_headers: frozenset[str]
    is_signed: bool
    trusted_keys: tuple[str, ...]
    cors: Mapping[str, Any]
    fixed_headers: Mapping[str, str]


def distribution_of(template: "Template") -> Distribution | None:
    """Return the template's distribution, if any; raises click.ClickException for an unsupported one."""
    distributions = template.of_type("AWS::CloudFront::Distribution")
    if not distributions:
        return None
    if len(distributions) > 1:
        raise uninterpretable(distributions[1].logical_id, "a second distribution", _REMEDY)
    [resource] = distributions
    settings = _checked_members(resource, resource.properties["DistributionConfig"], _DISTRIBUTION)
    behavior = _checked_members(resource, settings["DefaultCacheBehavior"], _BEHAVIOR)
    headers: dict[str, Any] = {}
    if "ResponseHeadersPolicyId" in behavior:
        policy_id = behavior["ResponseHeadersPolicyId"]
        headers_policy = _named(template, "AWS::CloudFront::ResponseHeadersPolicy", policy_id)
        config = headers_policy.properties["ResponseHeadersPolicyConfig"]
        headers = _checked_members(headers_policy, config, _HEADERS_POLICY)
    groups = [
        _named(template, "AWS::CloudFront::KeyGroup", group) for group in behavior.get("TrustedKeyGroups", [])
    ]
    policy = _named(template, "AWS::CloudFront::CachePolicy", behavior["CachePolicyId"])
    cache_key = policy.properties["CachePolicyConfig"]["ParametersInCacheKeyAndForwardedToOrigin"]
    return Distribution(
        domains=(cdn_domain(resource.name), *settings.get("Aliases", [])),
        bucket=_bucket(resource, template, settings["Origins"]),
        methods=frozenset(behavior.get("AllowedMethods", ["GET", "HEAD"])),
        query_strings=frozenset(cache_key["QueryStringsConfig"].get("QueryStrings", [])),
        request_headers=frozenset(_request_headers(resource, behavior.get("OriginRequestPolicyId"))),
        is_signed=bool(groups),
        trusted_keys=tuple(key for group in groups for key in group.properties["KeyGroupConfig"]["Items"]),
        cors=headers.get("CorsConfig", {}),
        fixed_headers=(
            {"x-content-type-options": "nosniff"}
            if "ContentTypeOptions" in headers.get("SecurityHeadersConfig", {})
            else {}
        ),
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


def _checked_members(resource: "Resource", settings: dict[str, Any], supported: set[str]) -> dict[str, Any]:
    for name in settings.keys() - supported:
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


def _request_headers(resource: "Resource", policy_id: str | None) -> tuple[str, ...]:
    if policy_id is None:
        return _DEFAULT_REQUEST_HEADERS
    if policy_id not in _MANAGED_POLICIES:
        raise uninterpretable(resource.logical_id, f"the origin request policy {policy_id}", _REMEDY)
    return (*_DEFAULT_REQUEST_HEADERS, *_MANAGED_POLICIES[policy_id])
