import type { Catalog } from '../../catalog/catalog.ts';
import { toAvmaError } from '../../errors/avma-error.ts';
import { type AvmaErrorCode, CODES } from '../../errors/codes.ts';
import { formatHresult } from '../../errors/hresult.ts';
import type { EventSink } from '../../events/event-sink.ts';
import type { HostEvent } from '../../events/host-event.ts';
import { type Answer, MAX_LEASE, refusalReason } from '../../protocol/answer.ts';
import { PAYLOAD_TYPES, parseJson, signEnvelope } from '../../protocol/envelope.ts';
import { encodeFrame, type Frame } from '../../protocol/frame.ts';
import { encodeJson, type Fault, fault, packetDigest, Request } from '../../protocol/messages.ts';
import { type BoxKey, boxKey, open, seal, splitRequestPacket } from '../../protocol/sealed-packet.ts';
import type { GuestChannel } from '../channel.ts';
import { digitalPid2, type HostIdentity, type InstalledCertificate } from '../host-store.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { admit, type Decision } from './admission.ts';
import { RecentExchanges } from './recent-exchanges.ts';
import type { Throttle } from './throttle.ts';

export interface ResponderDeps {
  readonly host: HostIdentity;
  readonly catalog: Catalog;
  readonly ledger: Ledger;
  readonly throttle: Throttle;
  readonly events: EventSink<HostEvent>;
  /** How long a lease the host grants, in milliseconds; never more than {@link MAX_LEASE}. */
  readonly lease: number;
  certificate(): InstalledCertificate | undefined;
  /** Wall clock, milliseconds since 1970 UTC. */
  now(): number;
  /** Milliseconds of a clock that does not run backwards, for the throttle. */
  elapsed(): number;
}

/**
 * The host's side of an exchange: a frame in, the encoded frame that answers it out; null for a frame that wants no
 * answer. Knows nothing of sockets. Never throws: what goes wrong inside is a fault for the guest and an event here.
 */
export type Responder = (frame: Frame, channel: GuestChannel) => Promise<Uint8Array | null>;

export function createResponder(deps: ResponderDeps): Responder {
  const recent = new RecentExchanges(deps.ledger.recent);

  return async (frame, channel) => {
    if (frame.type !== 'hello' && frame.type !== 'request') return null;
    try {
      return frame.type === 'hello' ? answerHello(frame) : await answerRequest(frame, channel);
    } catch (thrown) {
      const error = toAvmaError(thrown, 'the host failed');
      writeEvent(channel, frame, error.code, error.message, {});
      return encodeFault(frame.exchangeId, 'io-error');
    }
  };

  function answerHello({ exchangeId }: Frame): Uint8Array {
    const installed = deps.certificate();
    return installed === undefined
      ? encodeFault(exchangeId, 'host-not-activated')
      : encodeFrame({ type: 'offer', exchangeId, body: encodeJson(installed.envelope) });
  }

  async function answerRequest(frame: Frame, channel: GuestChannel): Promise<Uint8Array> {
    const { exchangeId } = frame;
    const packet = new Uint8Array(frame.body);
    const requestDigest = packetDigest(packet);
    const verdict = deps.throttle.take(channel.name, deps.elapsed());
    if (verdict === 'drop') return refuseUnopened(frame, channel, 'throttled');
    // One event is enough: a guest must not be able to fill the host's disk with them.
    if (verdict === 'drop again') return encodeFault(exchangeId, 'throttled');
    const earlier = recent.find(channel.name, exchangeId);
    if (earlier !== undefined && earlier.requestDigest === requestDigest) {
      const response = await earlier.response;
      const repeated = { repeated: true };
      if (response === null) {
        writeEvent(channel, frame, 'io-error', 'the ledger could not be written', repeated);
        return encodeFault(exchangeId, 'io-error');
      }
      writeEvent(channel, frame, earlier.code, 'answered as before', repeated);
      return response;
    }
    const installed = deps.certificate();
    if (installed === undefined) return refuseUnopened(frame, channel, 'host-not-activated');
    const opened = openRequest(packet);
    if (opened === null) return refuseUnopened(frame, channel, 'request-unopened');
    const { key, request } = opened;
    if (request === null || request.exchangeId !== exchangeId) {
      return refuseUnopened(frame, channel, 'request-malformed');
    }
    const now = deps.now();
    const decision: Decision =
      earlier === undefined
        ? admit(request, channel, verdict === 'refuse', installed.certificate, deps.catalog, now)
        : { approved: false, code: 'exchange-reused', why: 'the exchange ID came before, with other bytes' };
    const answer = composeAnswer(request, requestDigest, decision, installed, now);
    const body = seal(
      key,
      encodeJson({
        certificate: installed.envelope,
        answer: signEnvelope(PAYLOAD_TYPES.answer, answer, deps.host.signing),
      }),
    );
    const response = encodeFrame({ type: 'response', exchangeId, body });
    const kept = keep(answer, channel, requestDigest, body, now).then(
      () => response,
      () => null,
    );
    const code = decision.approved ? 'success' : decision.code;
    if (earlier === undefined) recent.add(channel.name, exchangeId, { requestDigest, code, response: kept });
    // The guest may hear of it only when it cannot be forgotten any more.
    const durable = await kept;
    if (durable === null) {
      if (earlier === undefined) recent.remove(channel.name, exchangeId);
      writeEvent(channel, frame, 'io-error', 'the ledger could not be written', { request });
      return encodeFault(exchangeId, 'io-error');
    }
    writeEvent(
      channel,
      frame,
      code,
      decision.approved ? `approved for ${(answer.expiresAt - now) / 60_000} minutes` : decision.why,
      { request, answer },
    );
    return durable;
  }

  function refuseUnopened(frame: Frame, channel: GuestChannel, code: Fault['code']): Uint8Array {
    const why: Record<Fault['code'], string> = {
      'protocol-unsupported': 'a version or type that this host does not know',
      'request-unopened': "the request does not open with this host's key",
      'request-malformed': 'the request opens, but is not shaped like one',
      'exchange-reused': 'the exchange ID came before, with other bytes',
      'host-not-activated': 'no host certificate is installed',
      throttled: 'too many requests over this channel: those that follow are not listed until it calms down',
      'io-error': 'the ledger could not be written',
    };
    writeEvent(channel, frame, code, why[code], {});
    return encodeFault(frame.exchangeId, code);
  }

  function openRequest(packet: Uint8Array): { key: BoxKey; request: Request | null } | null {
    const parts = splitRequestPacket(packet);
    const key = parts && boxKey(deps.host.box, parts.publicKey);
    const plaintext = key && open(key, parts.sealed);
    if (!plaintext) return null;
    return { key, request: Request.safeParse(parseJson(plaintext)).data ?? null };
  }

  function composeAnswer(
    request: Request,
    requestDigest: string,
    decision: Decision,
    { certificate }: InstalledCertificate,
    now: number,
  ): Answer {
    const lease = decision.approved ? Math.min(deps.lease, MAX_LEASE) : 0;
    return {
      exchangeId: request.exchangeId,
      requestDigest,
      vmId: request.vmId,
      activationId: request.activationId,
      decision: decision.approved ? 'approved' : 'refused',
      hresult: decision.approved ? 0 : CODES[decision.code].hresult,
      refusal: decision.approved ? null : { code: decision.code, message: refusalReason(decision.why) },
      hostName: certificate.hostName,
      hardwareId: certificate.hardwareId,
      digitalPid2: digitalPid2(certificate),
      guestClock: request.guestClock,
      issuedAt: now,
      expiresAt: now + lease,
      renewAfter: now + Math.floor(lease / 2),
    };
  }

  async function keep(
    answer: Answer,
    channel: GuestChannel,
    requestDigest: string,
    body: Uint8Array,
    time: number,
  ): Promise<void> {
    await deps.ledger.append({
      time,
      channel: channel.name,
      exchangeId: answer.exchangeId,
      requestDigest,
      vmId: answer.vmId,
      activationId: answer.activationId,
      decision: answer.decision,
      hresult: answer.hresult,
      expiresAt: answer.expiresAt,
      response: Buffer.from(body).toString('base64url'),
    });
  }

  function writeEvent(
    channel: GuestChannel,
    frame: Frame,
    code: AvmaErrorCode | 'success',
    message: string,
    about: { request?: Request; answer?: Answer; repeated?: boolean },
  ): void {
    const { request, answer } = about;
    deps.events.write(
      {
        eventId: 12310,
        decision: answer?.decision ?? unsignedDecision(code, about.repeated ?? false),
        code,
        hresult: formatHresult(code === 'success' ? 0 : CODES[code].hresult),
        message,
        channel: channel.name,
        vmId: channel.vmId ?? request?.vmId ?? null,
        vmIdFrom: channel.vmId !== null ? 'channel' : request === undefined ? null : 'label',
        activationId: request?.activationId ?? null,
        edition: request?.edition ?? null,
        exchangeId: frame.exchangeId,
        repeated: about.repeated ?? false,
        guest: request === undefined ? null : { ...request.log, license: request.license },
      },
      deps.now(),
    );
  }
}

/** Of an event without an answer of its own: a repeated one had it before, and what had none was a fault. */
function unsignedDecision(code: AvmaErrorCode | 'success', repeated: boolean): HostEvent['decision'] {
  if (code === 'success') return 'approved';
  return repeated && code !== 'io-error' ? 'refused' : 'fault';
}

/** The frame that says that a request cannot be answered under seal, and why. */
export function encodeFault(exchangeId: string, code: Fault['code']): Uint8Array {
  return encodeFrame({ type: 'fault', exchangeId, body: encodeJson(fault(code)) });
}
