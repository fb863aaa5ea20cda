"""Amazon SNS: messages are believed for their signature and their topic, both looked at before anything is done.

The certificate comes from Amazon's own address for the region of the topic, and from nowhere else; a subscription is
confirmed by an address made here out of topic and token, never by the one that was sent.
After docs.aws.amazon.com/sns, "Verifying the signatures of Amazon SNS messages".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from api.errors import Forbidden, Unauthenticated
from engine.clock import parse_time
from engine.errors import InvalidInput
from engine.lazy import lazy

if TYPE_CHECKING:  # half a second of imports that most services never need
    from cryptography import exceptions, x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
else:
    exceptions, x509 = lazy("cryptography.exceptions"), lazy("cryptography.x509")
    hashes = lazy("cryptography.hazmat.primitives.hashes")
    padding = lazy("cryptography.hazmat.primitives.asymmetric.padding")
    rsa = lazy("cryptography.hazmat.primitives.asymmetric.rsa")

_HOST = re.compile(r"sns\.([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com(?:\.cn)?\Z")
_PATH = re.compile(r"/SimpleNotificationService-[0-9a-zA-Z]{8,64}\.pem\Z")
_TOPIC = re.compile(r"arn:aws(?:-cn|-us-gov)?:sns:([a-z0-9-]{5,25}):\d{6,20}:[\w.-]{1,256}\Z")
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_HASHES = {"1": "SHA1", "2": "SHA256"}
_OLDEST = timedelta(hours=1)
_MOST_CERTIFICATES = 20


class Sns:
    """Checks messages of the topics that are allowed, and confirms their subscriptions."""

    def __init__(self, topics: Collection[str], fetch: Callable[[str], bytes]) -> None:
        """Of the ARNs of allowed topics; `fetch` gets what stands at a public https address."""
        self._topics = frozenset(topics)
        self._fetch = fetch
        self._keys: OrderedDict[str, rsa.RSAPublicKey] = OrderedDict()

    def check(self, message: Mapping[str, Any], now: datetime) -> None:
        """Pass if Amazon sent this for one of the topics, not long ago.

        Raises
        ------
        Forbidden
            If the topic is not among the allowed ones.
        Unauthenticated
            If the signature is missing, old or wrong.
        Unavailable
            If the certificate cannot be had now.
        """
        if str(message.get("TopicArn")) not in self._topics:
            raise Forbidden("this SNS topic is not among PATHFINDER_SNS_TOPICS")
        names = _SIGNED.get(str(message.get("Type")))
        name = _HASHES.get(str(message.get("SignatureVersion")))
        if names is None or name is None or not self._is_fresh(message, now):
            raise Unauthenticated("the SNS message is old, or not signed as SNS does")
        text = "".join(f"{key}\n{message[key]}\n" for key in names if message.get(key) is not None)
        try:
            signature = base64.b64decode(str(message.get("Signature", "")), validate=True)
            self._key(message).verify(signature, text.encode(), padding.PKCS1v15(), getattr(hashes, name)())
        except (exceptions.InvalidSignature, binascii.Error, UnicodeError):
            raise Unauthenticated("the signature of the SNS message is wrong") from None

    def confirm(self, message: Mapping[str, Any]) -> None:
        """Confirm the subscription of a message that was checked. Raises Unavailable, InvalidInput."""
        found = _TOPIC.match(str(message["TopicArn"]))
        if found is None:
            raise InvalidInput("the SNS topic cannot be read")
        ending = ".cn" if ":aws-cn:" in str(message["TopicArn"]) else ""
        topic, token = quote(str(message["TopicArn"]), safe=""), quote(str(message.get("Token", "")), safe="")
        host = f"sns.{found[1]}.amazonaws.com{ending}"
        self._fetch(f"https://{host}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}&Version=2010-03-31")

    @staticmethod
    def _is_fresh(message: Mapping[str, Any], now: datetime) -> bool:
        try:
            return abs(now - parse_time(str(message.get("Timestamp", "")), "Timestamp")) <= _OLDEST
        except InvalidInput:
            return False

    def _key(self, message: Mapping[str, Any]) -> rsa.RSAPublicKey:
        url = str(message.get("SigningCertURL", message.get("SigningCertUrl", "")))
        if url not in self._keys:
            self._keys[url] = _public_key(self._fetch(_certificate_address(url, str(message["TopicArn"]))))
            if len(self._keys) > _MOST_CERTIFICATES:
                self._keys.popitem(last=False)
        return self._keys[url]


def _certificate_address(url: str, topic: str) -> str:
    """`url`, if it is where Amazon keeps certificates for the topic's region. Raises Unauthenticated."""
    try:
        parts = urlsplit(url)
        host, region = _HOST.match(parts.netloc), _TOPIC.match(topic)
        plain = parts.scheme == "https" and not parts.query and not parts.fragment
    except ValueError:
        plain, host, region, parts = False, None, None, urlsplit("")
    if not plain or host is None or region is None or host[1] != region[1] or not _PATH.match(parts.path):
        raise Unauthenticated("the SNS message names a certificate that is not Amazon's")
    return url


def _public_key(pem: bytes) -> rsa.RSAPublicKey:
    try:
        key = x509.load_pem_x509_certificate(pem).public_key()
    except ValueError:
        key = None
    if not isinstance(key, rsa.RSAPublicKey):
        raise Unauthenticated("the certificate of the SNS message cannot be used")
    return key
