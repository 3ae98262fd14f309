"""One MQTT session: paho in its own thread, reconnecting for ever, never a promise.

A PUBACK only opens the window for the next message; what must not be lost is kept by the caller until the other program (not the broker)
says it has committed it. Callbacks run in paho's thread: they must be quick; whatever they raise is logged and swallowed, since paho's
thread would otherwise die silently. MQTT 3.1.1 only, so that Mosquitto, EMQX and NATS all serve.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from firmware_config.base import log
from firmware_config.base.paho_client import BufferedClient

logger = log.get(__name__)


@dataclass(frozen=True)
class Broker:
    """Where the broker is and how to prove who we are. Secrets come from files or the environment, never from here."""

    host: str = "127.0.0.1"
    port: int = 1883
    username: str | None = None
    password_file: Path | None = None
    password_env: str = "HAITAN_MQTT_PASSWORD"
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def password(self) -> str | None:
        if self.password_file is not None:
            return self.password_file.read_text(encoding="utf-8").strip()
        return os.environ.get(self.password_env)


@dataclass(frozen=True)
class Message:
    """What arrived; ``mid`` is only needed by `MqttSession.acknowledge`."""

    topic: str
    payload: bytes
    retain: bool
    mid: int = 0
    qos: int = 0


@dataclass(frozen=True)
class Will:
    topic: str
    payload: bytes


def _nobody(ok: bool) -> None:
    """Waits for a message that nobody waits for."""


@dataclass
class MqttSession:
    """A persistent session under a fixed client id.

    ``subscriptions`` are renewed at every connect, and the session is up (``connected``, ``on_up``) once the broker has confirmed them:
    what others send in answer to what is said then is not missed, also with a broker that has forgotten everything. A broker may send
    what it kept before it confirms; that is handed on after ``on_up``, as everything of a connection is. ``on_message``, ``on_up`` and
    ``on_down`` are called in paho's thread.
    With ``manual_ack`` the broker's QoS 1 deliveries are acknowledged only by `acknowledge`.
    """

    broker: Broker
    client_id: str
    subscriptions: Sequence[tuple[str, int]] = ()
    on_message: Callable[[Message], None] = lambda message: None
    on_up: Callable[[], None] = lambda: None
    on_down: Callable[[], None] = lambda: None
    will: Will | None = None
    manual_ack: bool = False
    keepalive_s: int = 30
    _client: BufferedClient = field(init=False, repr=False)
    _waiting: dict[int, Callable[[bool], None]] = field(init=False, default_factory=dict, repr=False)
    _early: set[int] = field(init=False, default_factory=set, repr=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock, repr=False)
    _subscribing: int | None = field(init=False, default=None, repr=False)
    """number of the subscription that is still to be confirmed"""
    _before_up: list[Message] = field(init=False, default_factory=list, repr=False)
    connected: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        client = BufferedClient(
            CallbackAPIVersion.VERSION2, client_id=self.client_id, clean_session=False, protocol=paho.MQTTv311, manual_ack=self.manual_ack
        )
        client.suppress_exceptions = True
        client.reconnect_delay_set(min_delay=1, max_delay=30)
        client.max_inflight_messages_set(200)
        if self.broker.username is not None:
            client.username_pw_set(self.broker.username, self.broker.password())
        if self.broker.ca is not None:
            context = ssl.create_default_context(cafile=str(self.broker.ca))
            if self.broker.certificate is not None:
                context.load_cert_chain(str(self.broker.certificate), str(self.broker.key) if self.broker.key else None)
            client.tls_set_context(context)
        if self.will is not None:
            client.will_set(self.will.topic, self.will.payload, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        self._client = client

    def start(self) -> None:
        """Begin connecting, for ever; returns at once, also when the broker is away."""
        self._client.connect_async(self.broker.host, self.broker.port, keepalive=self.keepalive_s)
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect cleanly (the broker does not send the will)."""
        self._client.disconnect()
        self._client.loop_stop()
        self._fail_waiting()

    @property
    def alive(self) -> bool:
        """Whether paho's thread still runs: a watchdog may restart the session when it does not."""
        thread = getattr(self._client, "_thread", None)
        return thread is not None and thread.is_alive()

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, done: Callable[[bool], None] | None = None
    ) -> bool:
        """Hand a message to the client if it is connected; False (and nothing kept) otherwise.

        ``done(True)`` follows at the PUBACK, ``done(False)`` when the connection broke first; in paho's thread.
        """
        if not self.connected:
            return False
        info = self._client.publish(topic, payload, qos=qos, retain=retain)
        if info.rc not in (paho.MQTT_ERR_SUCCESS, paho.MQTT_ERR_NO_CONN):
            return False
        waiter = done or _nobody  # also then: a number that stayed in ``_early`` would pass for a later message of the same number
        with self._lock:
            early = info.mid in self._early
            self._early.discard(info.mid)
            if not early:
                self._waiting[info.mid] = waiter
        if early:
            waiter(True)
        return True

    async def publish_and_wait(self, topic: str, payload: bytes, *, retain: bool = False, timeout_s: float = 30.0) -> bool:
        """Publish at QoS 1 and wait for the PUBACK; False when it did not come."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()

        def settle(ok: bool) -> None:
            if not future.done():
                future.set_result(ok)

        def done(ok: bool) -> None:
            loop.call_soon_threadsafe(settle, ok)

        if not self.publish(topic, payload, retain=retain, done=done):
            return False
        try:
            return await asyncio.wait_for(future, timeout_s)
        except TimeoutError:
            return False

    def acknowledge(self, message: Message) -> None:
        """Acknowledge one QoS 1 delivery to the broker (manual_ack sessions); harmless after a reconnect."""
        if self.manual_ack and message.qos:
            self._client.ack(message.mid, message.qos)

    def acknowledge_all(self, messages: Iterable[Message]) -> None:
        """`acknowledge` for many at once, with one write to the network."""
        if self.manual_ack:
            self._client.acknowledge(message.mid for message in messages if message.qos == 1)

    def _fail_waiting(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, {}
            self._early.clear()
        for done in waiting.values():
            done(False)

    def _guard(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:
            logger.exception("mqtt callback failed", client_id=self.client_id)

    def _on_connect(self, client: paho.Client, userdata: object, flags: object, reason: ReasonCode, properties: object) -> None:
        if reason.is_failure:
            logger.warning("broker refused the connection", client_id=self.client_id, reason=str(reason))
            return
        if self.subscriptions:
            self._subscribing = client.subscribe(list(self.subscriptions))[1]
        else:
            self._up()

    def _on_subscribe(self, client: paho.Client, userdata: object, mid: int, reasons: list[ReasonCode], properties: object) -> None:
        if mid != self._subscribing:
            return
        self._subscribing = None
        refused = [topic for (topic, _), reason in zip(self.subscriptions, reasons, strict=False) if reason.is_failure]
        if refused:
            logger.warning("broker refuses subscriptions; see its access rules", client_id=self.client_id, topics=refused)
        self._up()

    def _up(self) -> None:
        self.connected = True
        logger.info("broker connected", client_id=self.client_id, host=self.broker.host, port=self.broker.port)
        self._guard(self.on_up)
        early, self._before_up = self._before_up, []
        for message in early:
            self._hand_on(message)

    def _on_disconnect(self, client: paho.Client, userdata: object, flags: object, reason: ReasonCode, properties: object) -> None:
        was, self.connected, self._subscribing = self.connected, False, None
        self._before_up.clear()
        self._fail_waiting()
        if was:
            logger.info("broker lost", client_id=self.client_id, reason=str(reason))
            self._guard(self.on_down)

    def _on_message(self, client: paho.Client, userdata: object, message: paho.MQTTMessage) -> None:
        found = Message(message.topic, bytes(message.payload), bool(message.retain), message.mid, message.qos)
        if self._subscribing is not None:
            self._before_up.append(found)
        else:
            self._hand_on(found)

    def _hand_on(self, message: Message) -> None:
        self._guard(lambda: self.on_message(message))

    def _on_publish(self, client: paho.Client, userdata: object, mid: int, reason: object, properties: object) -> None:
        with self._lock:
            done = self._waiting.pop(mid, None)
            if done is None:
                self._early.add(mid)
                if len(self._early) > 1000:
                    self._early.clear()
        if done is not None:
            self._guard(lambda: done(True))
