import type { LoadedProduct } from '../../catalog/product.ts';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { isWindowsProduct } from '../../policy/windows.ts';
import type { Answer } from '../../protocol/answer.ts';
import type { Frame } from '../../protocol/frame.ts';
import { type Fault, packetDigest, Request } from '../../protocol/messages.ts';
import type { BoxKey } from '../../protocol/sealed-packet.ts';
import { MINUTE_MS } from '../../schema/durations.ts';
import { debug } from '../../system/debug.ts';
import { sha256Hex } from '../../system/sha256.ts';
import type { GuestChannel } from '../channel.ts';
import type { HeldCertificate, HeldLicense, HostHoldings } from '../holdings/holdings.ts';
import type { Appended, Ledger, LedgerEntry } from '../ledger/ledger.ts';
import type { RequestFaulted } from '../observer.ts';
import type { CloneVerdict } from '../presence/clones.ts';
import { admit, type Decision, refuseClone } from './admission.ts';
import { announcementsFor } from './announcements.ts';
import { type Asked, elapsedSince, FAULT_REASONS, faultFrame } from './asked.ts';
import { chooseCertificate } from './choose-certificate.ts';
import { composeAnswer, fitReason, sealJob } from './compose-answer.ts';
import { dropFrame } from './drop-frame.ts';
import { openingBoxes, readContent } from './open-packet.ts';
import type { RecentExchange } from './recent-exchanges.ts';

/** Answering a request is a row of steps: open it, decide, compose the answer, seal it, keep it, send it. */
export function answerRequest(asked: Asked): Promise<Frame> {
  const { recent, frame, channel } = asked;
  const { exchangeId } = frame;
  const packet = new Uint8Array(frame.body);
  const requestDigest = packetDigest(packet);
  return recent.inTurn(channel.name, exchangeId, async () => {
    const earlier = await recent.find(channel.name, exchangeId);
    if (earlier?.requestDigest === requestDigest) return repeatAnswer(asked, earlier);
    return answerAnew(asked, { packet, requestDigest, reused: earlier !== undefined });
  });
}

function repeatAnswer(asked: Asked, { code, body }: RecentExchange): Frame {
  const { environment, frame, channel } = asked;
  const { exchangeId } = frame;
  const moment = { at: environment.now(), channel, exchangeId, code, message: 'answered as before' };
  const nothing = { request: null, answer: null, license: null, productName: null, seq: null };
  environment.observe({ kind: 'request-answered', ...moment, ...nothing, elapsedMs: elapsedSince(asked) });
  return { type: 'response', exchangeId, body };
}

interface FreshRequest {
  readonly packet: Uint8Array;
  readonly requestDigest: string;
  /** Whether this channel has used the exchange ID with other bytes. */
  readonly reused: boolean;
}

/** A request that was opened, and all that it is answered from. */
interface OpenedRequest {
  readonly requestDigest: string;
  readonly reused: boolean;
  readonly content: Request;
  /** The key that the answer is sealed with. */
  readonly key: BoxKey;
  readonly held: HeldCertificate;
  readonly holdings: HostHoldings;
  readonly product: LoadedProduct | undefined;
  readonly now: number;
}

async function answerAnew(asked: Asked, fresh: FreshRequest): Promise<Frame> {
  const { environment, frame, reserved, crypto } = asked;
  const { exchangeId } = frame;
  const holdings = environment.holdings();
  if (holdings.certificates.length === 0) return answerFault(asked, 'host-not-activated');
  const now = environment.now();
  const box = await crypto.open({ packet: fresh.packet, boxes: openingBoxes(holdings, now) });
  if (box === null) return answerFault(asked, 'request-unopened');
  const content = readContent(box.plaintext, exchangeId, Request);
  if (content === undefined) return answerFault(asked, 'request-malformed');
  const { anchors, activationId, vmId } = content;
  const product = environment.catalog().productOfActivationId(activationId);
  const productVendor = product?.vendor?.publicKey ?? null;
  const windows = product !== undefined && isWindowsProduct(product);
  const held = chooseCertificate(holdings, { anchors, productVendor, windows }, now);
  if (held === undefined) return answerFault(asked, 'host-not-activated');
  const { requestDigest, reused } = fresh;
  const opened: OpenedRequest = {
    requestDigest,
    reused,
    content,
    key: box.key,
    held,
    holdings,
    product,
    now,
  };
  const { decision, clone } = decide(asked, opened);
  const recorded = environment.throttle.record(asked.channel, decision.approved, environment.elapsed());
  if (recorded.kind !== 'pass') return dropFrame(asked, recorded);
  const license = decision.approved ? decision.license : null;
  debug('host', () => `${exchangeId}: ${decision.approved ? 'approved' : decision.code}, VM ${vmId}`);
  const release = license === null ? () => {} : reserved.reserve(license.license.licenseId, vmId);
  try {
    return await keepAndSend(asked, opened, { decision, clone });
  } finally {
    release();
  }
}

interface Decided {
  readonly decision: Decision;
  /** What was done about a VM ID that is in use twice; null: it is not. */
  readonly clone: CloneVerdict['clone'];
}

function decide({ environment, channel, reserved, retryAfter }: Asked, opened: OpenedRequest): Decided {
  if (opened.reused) return { decision: REUSED, clone: null };
  const { content: request, held, holdings, product, now } = opened;
  const decision = admit({
    request,
    channel,
    throttledFor: retryAfter,
    held,
    holdings,
    product,
    seats: reserved,
    now,
  });
  if (!decision.approved || environment.clones === undefined) return { decision, clone: null };
  const vmId = channel.vmId ?? request.vmId;
  const { clone, places } = environment.clones.check(vmId, channel);
  return { decision: clone === 'refused' ? refuseClone(vmId, places) : decision, clone };
}

const REUSED: Decision = {
  approved: false,
  code: 'exchange-reused',
  message: 'the exchange ID came before, with other bytes',
};

async function keepAndSend(
  asked: Asked,
  opened: OpenedRequest,
  { decision, clone }: Decided,
): Promise<Frame> {
  const { environment, recent, frame, channel } = asked;
  const { exchangeId } = frame;
  const { content: request, key, requestDigest, held, holdings, product, now } = opened;
  const { certificate, envelope, rootKeyId } = held;
  const license = decision.approved ? decision.license : null;
  const { leaseMs } = environment;
  const documents = announcementsFor({ holdings, rootKeyId, anchors: request.anchors, license });
  const composed = composeAnswer({ request, requestDigest, decision, certificate, leaseMs, now });
  const answer = fitReason(composed, { certificate: envelope, documents });
  const { signing } = held.keys;
  const body = await asked.crypto.seal(sealJob(answer, { certificate: envelope, signing, key, documents }));
  const edition = product?.edition;
  const entry = toLedgerEntry({
    answer,
    decision,
    license,
    request,
    channel,
    body,
    edition,
    clone,
  });
  const kept = await keep(environment.ledger, entry, body);
  if (kept instanceof AvmaError) {
    const message = `the ledger could not be written: ${kept.message}`;
    return answerFault(asked, 'io-error', { message, request, retryAfter: kept.retryAfter });
  }
  environment.seats.note(entry);
  const code = decision.approved ? 'success' : decision.code;
  if (!opened.reused) recent.add(channel.name, exchangeId, { requestDigest, code, body });
  environment.observe({
    kind: 'request-answered',
    at: now,
    channel,
    exchangeId,
    code,
    request,
    answer,
    message: decision.approved
      ? `approved for ${Math.floor((answer.expiresAt - now) / MINUTE_MS)} minutes`
      : decision.message,
    license: license?.license ?? null,
    productName: product?.name ?? null,
    seq: kept.seq,
    elapsedMs: elapsedSince(asked),
  });
  return { type: 'response', exchangeId, body };
}

/** Answer only after the ledger entry is on disk. @returns Where it is, or why it is not. */
async function keep(ledger: Ledger, entry: LedgerEntry, body: Uint8Array): Promise<Appended | AvmaError> {
  try {
    return await ledger.append(entry, body);
  } catch (thrown) {
    return toAvmaError(thrown, 'it failed');
  }
}

interface Answered {
  readonly answer: Answer;
  readonly decision: Decision;
  readonly license: HeldLicense | null;
  readonly request: Request;
  readonly channel: GuestChannel;
  readonly body: Uint8Array;
  /** Of the product; undefined where no catalog of the host lists it. */
  readonly edition: string | undefined;
  readonly clone: CloneVerdict['clone'];
}

function toLedgerEntry(answered: Answered): LedgerEntry {
  const { answer, decision, license, request, channel, body, edition, clone } = answered;
  return {
    time: answer.issuedAt,
    channel: channel.name,
    exchangeId: answer.exchangeId,
    requestDigest: answer.requestDigest,
    vmId: answer.vmId,
    activationId: answer.activationId,
    decision: answer.decision,
    hresult: answer.hresult,
    ...(decision.approved ? {} : { refusal: decision.code }),
    expiresAt: answer.expiresAt,
    ...(license !== null && { license: license.license.licenseId }),
    ...(answer.conditions.length > 0 && { conditions: answer.conditions }),
    ...(edition !== undefined && { edition }),
    ...(request.log.trigger === 'attestation' && { purpose: 'attestation' as const }),
    version: request.version,
    trigger: request.log.trigger,
    vmIdFrom: channel.vmId === null ? 'label' : 'channel',
    machineName: request.log.machineName,
    ...(channel.domain != null && { domain: channel.domain }),
    ...(clone !== null && { clone }),
    responseDigest: sha256Hex(body),
  };
}

function answerFault(
  asked: Asked,
  code: Fault['code'],
  {
    message = FAULT_REASONS[code],
    request = null,
    retryAfter = null,
  }: Partial<Pick<RequestFaulted, 'message' | 'request'> & Pick<AvmaError, 'retryAfter'>> = {},
): Frame {
  const { environment, frame, channel } = asked;
  const { exchangeId } = frame;
  const elapsedMs = elapsedSince(asked);
  const moment = { at: environment.now(), channel, exchangeId, code, message, request, elapsedMs };
  environment.observe({ kind: 'request-faulted', ...moment });
  return faultFrame(exchangeId, code, retryAfter);
}
