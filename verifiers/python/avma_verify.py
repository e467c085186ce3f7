"""Asks, offline, whether a machine is licensed: the avma verifier in one file.

Copy this file into your product. It needs Python 3.9 or newer and the package "cryptography"; it reads no file, opens no
socket and asks no clock. The same vectors as for the TypeScript and Go verifiers hold it (test/vectors/evidence).

    result = verify_license(
        evidence,                       # the member "evidence" of a product in /run/avma/license.json
        roots=[ROOT],                   # your root's public key, or the text of root.pub.json, in your program
        vm_id=vm_id,                    # the UUID that the hypervisor gives this machine
        product=ACTIVATION_ID,
        now=datetime.now(timezone.utc),
        features=["vpn", "throughput>=10"],
    )
    if not result.valid:
        sys.exit(f"not licensed: {result.reason}")

The rules, V4 to V17, are those of docs/protocol.md, section 7.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

__all__ = ["Claims", "Feature", "Host", "License", "Result", "verify_license"]

Json = Union[str, bytes, Dict[str, Any]]


@dataclass(frozen=True)
class Feature:
    """A feature of a license: a name, with a whole number or without (None)."""

    name: str
    value: Optional[int]


@dataclass(frozen=True)
class License:
    """What the vendor signed for the customer. Times are milliseconds since 1970 UTC."""

    license_id: str
    customer: str
    product_name: str
    features: Tuple[Feature, ...]
    #: How many guests may use it; None: any number.
    guests: Optional[int]
    overage: str
    not_before: int
    not_after: int
    #: Until when the host still approves after not_after.
    grace_until: int


@dataclass(frozen=True)
class Host:
    """The host that answered, as the vendor certified it."""

    name: str
    hardware_id: str
    serial: str
    customer: Optional[str]
    site: Optional[str]
    not_after: int
    grace_until: int


@dataclass(frozen=True)
class Claims:
    """What the signatures say, whether or not it is enough. Times are milliseconds since 1970 UTC."""

    vm_id: str
    product: str
    nonce: Optional[str]
    #: The host's clock.
    issued_at: int
    #: The guest's clock at the same moment.
    guest_clock: int
    expires_at: int
    conditions: Tuple[str, ...]
    host: Host
    license: Optional[License]
    #: The key ID of the root that signed the host's certificate.
    root: str
    #: The version of the vendor's trust that was reached by trust updates.
    trust_version: int
    #: The sequence number of the revocation list that was used.
    revocations: Optional[int]


@dataclass(frozen=True)
class Result:
    """Valid, or the reason why not (docs/verifiers.md lists them). Claims are there once all signatures hold."""

    valid: bool
    reason: Optional[str]
    claims: Optional[Claims]


def verify_license(
    evidence: Json,
    *,
    roots: Sequence[Json],
    vm_id: str,
    product: str,
    now: Union[int, datetime],
    features: Sequence[str] = (),
    trust_updates: Sequence[Json] = (),
    revocations: Sequence[Json] = (),
    nonce: Optional[str] = None,
    require_license: bool = True,
) -> Result:
    """Whether the evidence shows that this machine is licensed for the product. Raises nothing for bad data.

    evidence: license.json's member, or what `avma guest attest` prints: an object, or its JSON.
    roots: your roots, each a public key in base64url, or root.pub.json as an object or its text.
    now: milliseconds since 1970 UTC, or a datetime with a time zone.
    features: all that the program needs, "vpn" or "throughput>=10".
    trust_updates, revocations: the members of license.json's vendors; what is not of your roots counts for nothing.
    nonce: what the program gave to `avma guest attest`: 32 to 64 lower-case hex digits.
    require_license: False where the product is activated without a customer license too.
    """
    try:
        options = _read_options(
            roots, vm_id, product, now, features, trust_updates, revocations, nonce, require_license
        )
    except _Reason as reason:
        return Result(False, reason.code, None)
    try:
        signed = _parse_object(evidence, _EVIDENCE, "response-malformed")
    except _Reason as reason:
        return Result(False, reason.code, None)
    trust = _follow_updates(options.trust, options.trust_updates)
    listed = _newest_revocations(trust, options.revocations)
    claims: Optional[Claims] = None
    try:
        claims = _claims(signed, trust, listed)
    except _Reason:
        pass
    try:
        _decide(signed, options, trust, listed)
    except _Reason as reason:
        return Result(False, reason.code, claims)
    return Result(True, None, claims)


class _Reason(Exception):
    """Why it is not valid; never leaves this file."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


# --- JSON, as strict as the other verifiers take it -----------------------------------------------------------------


def _pairs(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _no_constant(text: str) -> Any:
    raise ValueError(text)


# The most JSON that is looked at, in bytes: several times what the largest license takes.
_MAX_JSON = 1024 * 1024


def _parse_json(text: Union[str, bytes]) -> Any:
    """JSON in UTF-8 without a BOM, without a member twice. All numbers are floats, as in JavaScript. ValueError."""
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    try:
        return json.loads(
            text, object_pairs_hook=_pairs, parse_int=float, parse_float=float, parse_constant=_no_constant
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _parse_object(value: Any, shape: "_Check", code: str) -> Dict[str, Any]:
    """An object of that shape, from itself or its JSON."""
    try:
        if not isinstance(value, (str, bytes)):
            # By way of its text, so that an object and its JSON are judged alike.
            value = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        size = len(value) if isinstance(value, bytes) else len(value.encode("utf-8", "surrogatepass"))
        parsed = _parse_json(value) if size <= _MAX_JSON else None
    except (ValueError, TypeError, RecursionError):
        raise _Reason(code) from None
    if not shape(parsed):
        raise _Reason(code)
    return parsed  # type: ignore[no-any-return]


# --- Shapes -----------------------------------------------------------------------------------------------------------

_Check = Callable[[Any], bool]

MAX_INSTANT = 9_999_999_999_999


def _text(pattern: str) -> _Check:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _integer(least: int, most: int) -> _Check:
    def check(value: Any) -> bool:
        return isinstance(value, float) and value.is_integer() and least <= value <= most

    return check


def _one_of(*values: str) -> _Check:
    return lambda value: isinstance(value, str) and value in values


def _nullable(check: _Check) -> _Check:
    return lambda value: value is None or check(value)


def _list(check: _Check, least: int, most: int) -> _Check:
    return lambda value: isinstance(value, list) and least <= len(value) <= most and all(map(check, value))


def _object(members: Dict[str, _Check], optional: Optional[Dict[str, _Check]] = None) -> _Check:
    known = {**members, **(optional or {})}

    def check(value: Any) -> bool:
        return (
            isinstance(value, dict)
            and all(name in value for name in members)
            and all(name in known and known[name](member) for name, member in value.items())
        )

    return check


# Control characters, line separators, characters that change the direction of text, invisible ones, and halves of pairs.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_SPACE = "[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]"
_STATUS_LINE = re.compile(f"[Ll][Ii][Cc][Ee][Nn][Ss][Ee]{_SPACE}+[Ss][Tt][Aa][Tt][Uu][Ss]{_SPACE}*:")


def _line(characters: int, most_bytes: int) -> _Check:
    """One printable line. Characters are UTF-16 units, as in JavaScript; bytes are those of its JSON."""

    def check(value: Any) -> bool:
        return (
            isinstance(value, str)
            and 0 < len(value) <= characters
            and _UNPRINTABLE.search(value) is None
            and _STATUS_LINE.search(value) is None
            and sum(2 if ord(character) > 0xFFFF else 1 for character in value) <= characters
            and len(value.encode()) + value.count('"') + value.count("\\") <= most_bytes
        )

    return check


def _decode(text: str) -> Optional[bytes]:
    """Bytes of base64url in its one canonical spelling."""
    if re.fullmatch("[A-Za-z0-9_-]*", text) is None or len(text) % 4 == 1:
        return None
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == text else None


def _base64url(bytes_long: Optional[int], most_characters: int) -> _Check:
    def check(value: Any) -> bool:
        if not isinstance(value, str) or len(value) > most_characters:
            return False
        raw = _decode(value)
        return raw is not None and (bytes_long is None or len(raw) == bytes_long)

    return check


_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_uuid = _text(_UUID)
_instant = _integer(0, MAX_INSTANT)
_sha256 = _text("[0-9a-f]{64}")
_hex8 = _text("[0-9a-f]{16}")
_key = _base64url(32, 43)
_hardware_id = _text("[0-9A-F]{4}(-[0-9A-F]{4}){3}")
_short_label = _line(63, 1000)
_host_name = _line(63, 96)
_customer = _line(63, 96)
_site = _line(32, 48)
_nonce = _text("([0-9a-f]{2}){16,32}")
_feature_name = _text("[a-z][a-z0-9.-]{0,31}")


def _envelope(payload_characters: int, most_signatures: int) -> _Check:
    return _object(
        {
            "payloadType": _short_label,
            "payload": _base64url(None, payload_characters),
            "signatures": _list(_object({"keyid": _hex8, "sig": _base64url(64, 86)}), 1, most_signatures),
        }
    )


_vendor = _object({"name": _short_label, "publicKey": _key})
_revoked = _object(
    {"digest": _text("[0-9a-f]{32}"), "reason": _one_of("stolen", "unpaid", "replaced", "unspecified")}
)
_sequence = _integer(1, 999_999_999)
_keys = _list(_key, 1, 4)

_SIGNED = _envelope(8192, 1)
_DOCUMENT = _envelope(512 * 1024, 1)
_COSIGNED = _envelope(8192, 8)
_EVIDENCE = _object({"certificate": _SIGNED, "answer": _SIGNED, "license": _nullable(_DOCUMENT)})
_ANCHOR = _object(
    {"schema": _one_of("avma.trust-anchor/1"), "name": _short_label, "publicKey": _key, "createdAt": _instant},
    {"trustVersion": _sequence},
)
_CERTIFICATE = _object(
    {
        "serial": _hex8,
        "vendorKey": _key,
        "hostName": _host_name,
        "hardwareId": _hardware_id,
        "signingKey": _key,
        "boxKey": _key,
        "customer": _nullable(_customer),
        "site": _nullable(_site),
        "windows": _nullable(
            _object(
                {
                    "edition": _line(63, 63),
                    "osVersion": _text("[0-9]{1,5}([.][0-9]{1,6}){1,3}"),
                    "licensing": _one_of("MAK", "OEM", "KMS"),
                }
            )
        ),
        "notBefore": _instant,
        "notAfter": _instant,
        "graceUntil": _instant,
    }
)
_CONDITIONS = ("certificate-in-grace", "license-in-grace", "over-limit")
_ANSWER = _object(
    {
        "exchangeId": _text("[0-9a-f]{32}"),
        "requestDigest": _sha256,
        "vmId": _text(_UUID),
        "activationId": _text(_UUID),
        "decision": _one_of("approved", "refused"),
        "hresult": _integer(0, 0xFFFFFFFF),
        "refusal": _nullable(
            _object(
                {
                    "code": _text("[a-z][a-z-]{0,39}"),
                    "message": _line(200, 400),
                    "retryAfter": _nullable(_integer(0, 86400)),
                }
            )
        ),
        "hostName": _host_name,
        "hardwareId": _hardware_id,
        "digitalPid2": _line(32, 32),
        "guestClock": _instant,
        "issuedAt": _instant,
        "expiresAt": _instant,
        "renewAfter": _instant,
        "nonce": _nullable(_nonce),
        "license": _nullable(_sha256),
        "conditions": _list(_one_of(*_CONDITIONS), 0, len(_CONDITIONS)),
    }
)
_LICENSE = _object(
    {
        "licenseId": _hex8,
        "vendor": _vendor,
        "customer": _customer,
        "product": _object({"activationId": _text(_UUID), "name": _line(200, 1000)}),
        "hosts": _list(_hardware_id, 0, 1000),
        "sites": _list(_site, 0, 100),
        "features": _list(
            _object({"name": _feature_name, "value": _nullable(_integer(0, 10**12))}), 0, 256
        ),
        "guests": _nullable(_integer(1, 10**9)),
        "overage": _one_of("report", "refuse-new"),
        "notBefore": _instant,
        "notAfter": _instant,
        "graceUntil": _instant,
        "issuedAt": _instant,
    }
)
_REVOCATIONS = _object(
    {
        "vendor": _vendor,
        "sequence": _sequence,
        "issuedAt": _instant,
        "hosts": _list(_revoked, 0, 2500),
        "licenses": _list(_revoked, 0, 2500),
    }
)
_TRUST_UPDATE = _object(
    {
        "vendorName": _short_label,
        "version": _integer(2, 999_999_999),
        "previous": _nullable(_sha256),
        "formerRoots": _keys,
        "roots": _keys,
        "issuedAt": _instant,
    }
)


def _distinct(values: Sequence[Any]) -> bool:
    return len(set(values)) == len(values)


# --- Signatures -------------------------------------------------------------------------------------------------------

# Encodings of the Ed25519 points whose order divides 8, the sign bit cleared: under such a key anybody can sign.
_SMALL_ORDER = {
    bytes.fromhex(point)
    for point in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
}

_TYPE = "application/vnd.avma.{}.v1+json"


def _is_small_order(key: bytes) -> bool:
    return key[:31] + bytes([key[31] & 0x7F]) in _SMALL_ORDER


def _key_id(key: str) -> str:
    return hashlib.sha256(_decode(key) or b"").hexdigest()[:16]


def _holds(envelope: Dict[str, Any], signature: Dict[str, Any], payload_type: str, key: str) -> bool:
    """Whether the key signed the envelope's payload as that type."""
    raw, payload, sig = _decode(key), _decode(envelope["payload"]), _decode(signature["sig"])
    named = _TYPE.format(payload_type)
    if raw is None or payload is None or sig is None or _is_small_order(raw) or envelope["payloadType"] != named:
        return False
    message = b"DSSEv1 %d %b %d %b" % (len(named), named.encode(), len(payload), payload)
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(sig, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _payload(envelope: Dict[str, Any]) -> Any:
    """What the payload says; None for what is no JSON."""
    try:
        return _parse_json(_decode(envelope["payload"]) or b"")
    except ValueError:
        return None


def _digest(envelope: Dict[str, Any]) -> str:
    return hashlib.sha256(_decode(envelope["payload"]) or b"").hexdigest()


def _open_vendor_signed(envelope: Dict[str, Any], payload_type: str, shape: _Check) -> Optional[Dict[str, Any]]:
    """A document that the key in it has signed; None otherwise."""
    document = _payload(envelope)
    if not shape(document):
        return None
    held = _holds(envelope, envelope["signatures"][0], payload_type, document["vendor"]["publicKey"])
    return document if held else None  # type: ignore[no-any-return]


# --- Options, trust updates, revocations ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Trust:
    """The vendor, as far as its trust updates were followed: public keys in base64url."""

    roots: Tuple[str, ...]
    version: int
    last_update: Optional[str]


@dataclass(frozen=True)
class _Options:
    trust: _Trust
    vm_id: str
    product: str
    now: int
    features: Tuple[Tuple[str, Optional[int]], ...]
    trust_updates: Sequence[Any]
    revocations: Sequence[Any]
    nonce: Optional[str]
    require_license: bool


_WRONG = "options-invalid"
_MAX_ROOTS = 16
# Room for those of every vendor that the machine trusts: a guest follows 32 of each.
_MAX_TRUST_UPDATES = 256
_MAX_REVOCATION_LISTS = 64


def _check(held: bool, code: str = _WRONG) -> None:
    if not held:
        raise _Reason(code)


def _read_options(
    roots: Any,
    vm_id: Any,
    product: Any,
    now: Any,
    features: Any,
    trust_updates: Any,
    revocations: Any,
    nonce: Any,
    require_license: Any,
) -> _Options:
    for given, most in (
        (roots, _MAX_ROOTS),
        (features, 256),
        (trust_updates, _MAX_TRUST_UPDATES),
        (revocations, _MAX_REVOCATION_LISTS),
    ):
        _check(isinstance(given, (list, tuple)) and len(given) <= most)
    _check(len(roots) > 0 and isinstance(require_license, bool))
    pinned = [_read_root(root) for root in roots]
    for identifier in (vm_id, product):
        _check(isinstance(identifier, str) and re.fullmatch(_UUID, identifier, re.ASCII | re.IGNORECASE) is not None)
    _check(nonce is None or _nonce(nonce))
    return _Options(
        _Trust(
            tuple(dict.fromkeys(key for key, _ in pinned)), max(version for _, version in pinned), None
        ),
        vm_id.lower(),
        product.lower(),
        _read_now(now),
        tuple(_read_feature(feature) for feature in features),
        trust_updates,
        revocations,
        nonce,
        require_license,
    )


def _read_root(root: Any) -> Tuple[str, int]:
    """A root's public key, and the version of the vendor's trust at which it came in."""
    version = 1
    if not isinstance(root, str) or root.startswith("{"):
        anchor = _parse_object(root, _ANCHOR, _WRONG)
        root, version = anchor["publicKey"], int(anchor.get("trustVersion", 1))
    _check(_key(root) and not _is_small_order(_decode(root) or b""))
    return root, version


def _read_now(now: Any) -> int:
    if isinstance(now, datetime):
        _check(now.tzinfo is not None)
        now = int(now.timestamp() * 1000)
    _check(isinstance(now, int) and not isinstance(now, bool) and 0 <= now <= MAX_INSTANT)
    return now  # type: ignore[no-any-return]


def _read_feature(feature: Any) -> Tuple[str, Optional[int]]:
    match = (
        re.fullmatch("([a-z][a-z0-9.-]{0,31})(?:(?:>=|:)([0-9]{1,13}))?", feature) if isinstance(feature, str) else None
    )
    if match is None:
        raise _Reason(_WRONG)
    least = None if match[2] is None else int(match[2])
    _check(least is None or least <= 10**12)
    return match[1], least


def _follow_updates(trust: _Trust, updates: Sequence[Any]) -> _Trust:
    """The trust after all updates that follow on from it, in whatever order they are. All others count for nothing."""
    opened = [update for update in map(_open_trust_update, updates) if update is not None]
    while True:
        for update, digest, signers in opened:
            followed = _follow_update(trust, update, digest, signers)
            if followed is not None:
                trust = followed
                break
        else:
            return trust


def _open_trust_update(value: Any) -> Optional[Tuple[Dict[str, Any], str, List[str]]]:
    """The update, its digest and the keys that signed it; None unless all its signatures hold."""
    try:
        envelope = _parse_object(value, _COSIGNED, "")
    except _Reason:
        return None
    update = _payload(envelope)
    if (
        not _TRUST_UPDATE(update)
        or not _distinct(update["formerRoots"])
        or not _distinct(update["roots"])
        or (update["previous"] is None) != (update["version"] == 2)
    ):
        return None
    named = list(dict.fromkeys(update["formerRoots"] + update["roots"]))
    if any(_is_small_order(_decode(key) or b"") for key in named):
        return None
    signers: List[str] = []
    for signature in envelope["signatures"]:
        signer = next((key for key in named if _holds(envelope, signature, "trust-update", key)), None)
        if signer is None:
            return None
        signers.append(signer)
    if all(key not in update["formerRoots"] for key in update["roots"]):
        return None
    return update, _digest(envelope), signers


def _follow_update(trust: _Trust, update: Dict[str, Any], digest: str, signers: List[str]) -> Optional[_Trust]:
    if (
        update["version"] != trust.version + 1
        or (trust.last_update is not None and update["previous"] != trust.last_update)
        or any(key not in update["formerRoots"] for key in trust.roots)
        or all(key not in signers for key in trust.roots)
        or any(key not in trust.roots and key not in signers for key in update["roots"])
    ):
        return None
    return _Trust(tuple(update["roots"]), int(update["version"]), digest)


def _newest_revocations(trust: _Trust, lists: Sequence[Any]) -> Optional[Dict[str, Any]]:
    """The list with the highest sequence that one of the roots signed."""
    newest: Optional[Dict[str, Any]] = None
    for value in lists:
        try:
            envelope = _parse_object(value, _DOCUMENT, "")
        except _Reason:
            continue
        listed = _open_vendor_signed(envelope, "revocations", _REVOCATIONS)
        if (
            listed is not None
            and len(listed["hosts"]) + len(listed["licenses"]) <= 2500
            and listed["vendor"]["publicKey"] in trust.roots
            and (newest is None or listed["sequence"] > newest["sequence"])
        ):
            newest = listed
    return newest


def _is_revoked(entries: List[Dict[str, Any]], name: str) -> bool:
    digest = hashlib.sha256(name.encode()).hexdigest()[:32]
    return any(entry["digest"] == digest for entry in entries)


# --- The decision -----------------------------------------------------------------------------------------------------

_MAX_LEASE = 7 * 86_400_000
_CLOCK_TOLERANCE = 5 * 60_000

# Why a host refuses, and the HRESULT that it signs with it: a code with another one reads as "refused".
_REFUSALS = {
    "vm-refused": 0xC004FD04,
    "throttled": 0xC004FD00,
    "certificate-not-yet-valid": 0xC004FD02,
    "certificate-expired": 0xC004FD02,
    "host-revoked": 0xC004FD02,
    "product-unknown": 0xC004FD03,
    "product-mismatch": 0xC004FD03,
    "product-not-served": 0xC004FD03,
    "vendor-mismatch": 0xC004FD02,
    "host-not-datacenter": 0xC004FD02,
    "version-too-old": 0xC004FD03,
    "version-too-new": 0xC004FD03,
    "license-missing": 0xC004FD02,
    "license-untrusted": 0xC004FD02,
    "license-revoked": 0xC004FD02,
    "license-product-mismatch": 0xC004FD02,
    "license-customer-mismatch": 0xC004FD02,
    "license-host-mismatch": 0xC004FD02,
    "license-site-mismatch": 0xC004FD02,
    "license-not-yet-valid": 0xC004FD02,
    "license-expired": 0xC004FD02,
    "license-limit-reached": 0xC004FD04,
    "vm-cloned": 0xC004FD04,
    "exchange-reused": 0x8007000D,
    "refused": 0xC004FD04,
}


def _open_certificate(envelope: Dict[str, Any], trust: _Trust) -> Dict[str, Any]:
    """V4: a root signed the certificate, and is the one that it names."""
    for root in trust.roots:
        if envelope["signatures"][0]["keyid"] != _key_id(root):
            continue
        if not _holds(envelope, envelope["signatures"][0], "host-certificate", root):
            continue
        certificate = _payload(envelope)
        if (
            _CERTIFICATE(certificate)
            and certificate["vendorKey"] == root
            and certificate["notBefore"] < certificate["notAfter"] <= certificate["graceUntil"]
        ):
            return certificate  # type: ignore[no-any-return]
    raise _Reason("certificate-untrusted")


def _open_answer(envelope: Dict[str, Any], certificate: Dict[str, Any]) -> Dict[str, Any]:
    """V6: the certified host signed the answer."""
    _check(_holds(envelope, envelope["signatures"][0], "answer", certificate["signingKey"]), "signature-invalid")
    answer = _payload(envelope)
    _check(_ANSWER(answer), "response-malformed")
    _check(answer["conditions"] == [name for name in _CONDITIONS if name in answer["conditions"]], "response-malformed")
    return answer  # type: ignore[no-any-return]


def _open_license(envelope: Dict[str, Any], digest: str, trust: _Trust) -> Dict[str, Any]:
    """The license, if it is the one that the answer names and a root signed it."""
    license_ = _open_vendor_signed(envelope, "license", _LICENSE)
    _check(
        license_ is not None
        and _distinct(license_["hosts"])
        and _distinct(license_["sites"])
        and _distinct([feature["name"] for feature in license_["features"]])
        and license_["notBefore"] < license_["notAfter"] <= license_["graceUntil"],
        "license-invalid",
    )
    assert license_ is not None
    _check(_digest(envelope) == digest, "license-invalid")
    _check(license_["vendor"]["publicKey"] in trust.roots, "license-untrusted")
    return license_


def _decide(
    signed: Dict[str, Any], options: _Options, trust: _Trust, listed: Optional[Dict[str, Any]]
) -> None:
    """The first rule that is broken decides."""
    certificate = _open_certificate(signed["certificate"], trust)  # V4
    if listed is not None:  # V5
        name = f"avma host serial\n{certificate['serial']}\n"
        _check(not _is_revoked(listed["hosts"], name), "host-revoked")
    answer = _open_answer(signed["answer"], certificate)  # V6
    _check(options.nonce is None or answer["nonce"] == options.nonce, "nonce-mismatch")  # V8
    _check(  # V9
        answer["hostName"] == certificate["hostName"] and answer["hardwareId"] == certificate["hardwareId"],
        "host-mismatch",
    )
    _check(answer["vmId"] == options.vm_id, "vm-mismatch")  # V10
    _check(answer["activationId"] == options.product, "edition-mismatch")  # V11
    if answer["decision"] == "refused":  # V12
        code = answer["refusal"]["code"] if answer["refusal"] is not None else "refused"
        raise _Reason(code if _REFUSALS.get(code) == answer["hresult"] else "refused")
    _check(answer["hresult"] == 0 and answer["refusal"] is None, "lease-invalid")
    issued, expires, noted = answer["issuedAt"], answer["expiresAt"], answer["conditions"]
    _check(issued >= certificate["notBefore"], "certificate-not-yet-valid")  # V13
    _check(issued < certificate["graceUntil"], "certificate-expired")
    _check((issued >= certificate["notAfter"]) == ("certificate-in-grace" in noted), "lease-invalid")
    _check(  # V16
        issued < expires <= min(issued + _MAX_LEASE, certificate["graceUntil"])
        and issued <= answer["renewAfter"] <= expires,
        "lease-invalid",
    )
    license_ = _decide_license(signed["license"], answer, certificate, options, trust, listed)  # V17
    _check(issued <= options.now + _CLOCK_TOLERANCE, "clock-behind")
    _check(options.now < expires, "lease-expired")
    features = {feature["name"]: feature["value"] for feature in license_["features"]} if license_ else {}
    for name, least in options.features:
        value = features.get(name)
        _check(name in features and (least is None or (value is not None and value >= least)), "feature-missing")


def _decide_license(
    envelope: Optional[Dict[str, Any]],
    answer: Dict[str, Any],
    certificate: Dict[str, Any],
    options: _Options,
    trust: _Trust,
    listed: Optional[Dict[str, Any]],
) -> Optional[Dict[str, Any]]:
    """V17: the license that the answer names, if it counts for this product on that host at that time."""
    noted, at = answer["conditions"], answer["issuedAt"]
    if answer["license"] is None:
        _check(envelope is None, "license-invalid")
        _check(not options.require_license, "license-missing")
        _check(all(condition == "certificate-in-grace" for condition in noted), "lease-invalid")
        return None
    if envelope is None:
        raise _Reason("license-missing")
    license_ = _open_license(envelope, answer["license"], trust)
    if listed is not None:
        name = f"avma license\n{license_['licenseId']}\n"
        _check(not _is_revoked(listed["licenses"], name), "license-revoked")
    _check(license_["product"]["activationId"] == options.product, "license-product-mismatch")
    _check(certificate["customer"] in (None, license_["customer"]), "license-customer-mismatch")
    _check(not license_["hosts"] or certificate["hardwareId"] in license_["hosts"], "license-host-mismatch")
    _check(not license_["sites"] or certificate["site"] in license_["sites"], "license-site-mismatch")
    _check(at >= license_["notBefore"], "license-not-yet-valid")
    _check(at < license_["graceUntil"], "license-expired")
    _check((at >= license_["notAfter"]) == ("license-in-grace" in noted), "lease-invalid")
    _check(answer["expiresAt"] <= license_["graceUntil"], "lease-invalid")
    return license_


def _claims(signed: Dict[str, Any], trust: _Trust, listed: Optional[Dict[str, Any]]) -> Claims:
    """What the signatures say. _Reason, unless all of them hold."""
    certificate = _open_certificate(signed["certificate"], trust)
    answer = _open_answer(signed["answer"], certificate)
    license_ = None
    if signed["license"] is not None:
        license_ = _open_license(signed["license"], answer["license"], trust)
    return Claims(
        vm_id=answer["vmId"],
        product=answer["activationId"],
        nonce=answer["nonce"],
        issued_at=int(answer["issuedAt"]),
        guest_clock=int(answer["guestClock"]),
        expires_at=int(answer["expiresAt"]),
        conditions=tuple(answer["conditions"]),
        host=Host(
            name=certificate["hostName"],
            hardware_id=certificate["hardwareId"],
            serial=certificate["serial"],
            customer=certificate["customer"],
            site=certificate["site"],
            not_after=int(certificate["notAfter"]),
            grace_until=int(certificate["graceUntil"]),
        ),
        license=None if license_ is None else _claimed_license(license_),
        root=_key_id(certificate["vendorKey"]),
        trust_version=trust.version,
        revocations=None if listed is None else int(listed["sequence"]),
    )


def _claimed_license(license_: Dict[str, Any]) -> License:
    return License(
        license_id=license_["licenseId"],
        customer=license_["customer"],
        product_name=license_["product"]["name"],
        features=tuple(
            Feature(feature["name"], None if feature["value"] is None else int(feature["value"]))
            for feature in license_["features"]
        ),
        guests=None if license_["guests"] is None else int(license_["guests"]),
        overage=license_["overage"],
        not_before=int(license_["notBefore"]),
        not_after=int(license_["notAfter"]),
        grace_until=int(license_["graceUntil"]),
    )
