import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import type { Pipe } from '../pipe/pipe.ts';
import type { Response } from '../protocol/answer.ts';
import { type Announcement, documentDigest } from '../protocol/documents.ts';
import { type DocumentEnvelope, type Envelope, parseJson } from '../protocol/envelope.ts';
import {
  type ExpectedEvidence,
  type LicenseEvidence,
  type VerifiedEvidence,
  verifyNamedLicense,
} from '../protocol/evidence.ts';
import { decodeUnverifiedCertificate, verifyHostCertificate } from '../protocol/host-certificate.ts';
import { encodeJson, type Hello, MAX_ANCHORS, Offer, type Request } from '../protocol/messages.ts';
import type { TrustAnchor } from '../protocol/trust-anchor.ts';
import { areOfOneVendor, rootKey, rootsOf, type VendorTrust } from '../protocol/vendor-trust.ts';
import { verifyStatement } from '../protocol/verify-answer.ts';
import { type AskedExchange, openResponse, verifyAnswerTo } from '../protocol/verify-response.ts';
import { debug } from '../system/debug.ts';
import { type DocumentSource, FetchBudget, fetchDocument } from './document-fetch.ts';
import { exchangeFrames, newExchangeId, sendSealed } from './host-frames.ts';
import type { GuestTrust } from './trust/guest-trust.ts';
import { TrustNews, type TrustNewsReport } from './trust/trust-news.ts';

/** What the guest says of itself in a request. Each request gets an exchange ID and the trusted keys of its own. */
type RequestFacts = Omit<Request, 'exchangeId' | 'anchors'>;

/** One activation over a pipe. */
export interface Exchange {
  readonly pipe: Pipe;
  readonly facts: RequestFacts;
  /** Certificate of the host that answered last; null where none has answered yet. */
  readonly knownHost: Envelope | null;
  readonly trust: GuestTrust;
  /** Whether trust updates that the host hands on are followed. */
  readonly followTrustUpdates: boolean;
  /** What the evidence must be for. */
  readonly product: ExpectedEvidence;
  /** Customer licenses that are here already, so that they need not be fetched. */
  readonly licenses: readonly DocumentEnvelope[];
  /** Aborts at the deadline. */
  readonly signal: AbortSignal;
  /** Puts the deadline off by so many milliseconds. */
  extend(milliseconds: number): void;
}

/** What an approved exchange gives the guest. */
export interface ActivationResult extends VerifiedEvidence {
  /** What the guest keeps. */
  readonly evidence: LicenseEvidence;
  readonly exchangeId: string;
}

/**
 * How an exchange ended, and what it has changed in whom the guest trusts. A failure says which request it was and
 * which host it was sealed to, as far as it came to that: events and the record of the last attempt show both.
 */
export type ExchangeOutcome = { readonly news: TrustNewsReport } & (
  | { readonly kind: 'activated'; readonly result: ActivationResult }
  | {
      readonly kind: 'failed';
      readonly error: AvmaError;
      readonly exchangeId: string | null;
      readonly hostName: string | null;
    }
);

/** What the steps of one exchange share. */
interface Conversation extends Exchange {
  readonly news: TrustNews;
  readonly budget: FetchBudget;
}

/** A host to seal the request to. */
interface AskedHost {
  readonly hostName: string;
  readonly boxKey: string;
}

/**
 * One activation over a pipe (docs/protocol.md, section 6): `hello` if the host is not known yet, then the sealed
 * request, then what the host announces and the guest does not have. A known host that cannot open the request has
 * changed, as after a live migration: then `hello` asks who it is, once. Throws nothing: what the pipe, the host or a
 * verification step fails with is in the outcome.
 */
export async function exchangeActivation(exchange: Exchange): Promise<ExchangeOutcome> {
  const news = new TrustNews(exchange.trust, { follow: exchange.followTrustUpdates });
  const budget = new FetchBudget((milliseconds) => exchange.extend(milliseconds));
  const conversation: Conversation = { ...exchange, news, budget };
  const known = knownHost(exchange);
  if (known !== undefined) {
    const outcome = await requestActivation(conversation, known);
    if (outcome.kind === 'activated' || outcome.error.code !== 'request-unopened') return outcome;
    debug('wire', () => `host ${known.hostName} cannot open the request: asking who the host is now`);
  }
  let host: AskedHost;
  try {
    host = await introducedHost(conversation);
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot ask who the host is');
    return { kind: 'failed', error, exchangeId: null, hostName: null, news };
  }
  return requestActivation(conversation, host);
}

/** The host that answered last, if it is still trusted. */
function knownHost({ knownHost: envelope, trust }: Exchange): AskedHost | undefined {
  if (envelope === null) return undefined;
  try {
    return verifyHostCertificate(envelope, trust).certificate;
  } catch (thrown) {
    if (!(thrown instanceof AvmaError)) throw thrown;
    debug('trust', () => `the host that answered last is not trusted any more: ${thrown.message}`);
    return undefined;
  }
}

/**
 * Who the host is, by `hello`. A certificate that is not trusted may be by what the host hands on: a trust update is
 * fetched from it all the same, since nothing secret is sent for that.
 */
async function introducedHost(conversation: Conversation): Promise<AskedHost> {
  const { pipe, signal, news, product } = conversation;
  const { certificate, documents } = await askForCertificate(
    pipe,
    signal,
    anchorsFor(news.trust, product.productVendor),
  );
  return withNews(conversation, certificate, documents, () => {
    return verifyHostCertificate(certificate, news.trust).certificate;
  });
}

/** Codes of steps V4 and V5, which a document may mend. */
const MENDED_BY_NEWS: ReadonlySet<string> = new Set(['certificate-untrusted', 'host-revoked']);

/** Verifies a certificate, and once more if that fails and what was announced with it has changed the trust. */
async function withNews<T>(
  { news, ...conversation }: Conversation,
  certificate: Envelope,
  documents: readonly Announcement[],
  verify: () => T,
): Promise<T> {
  try {
    return verify();
  } catch (thrown) {
    const boxKey = decodeUnverifiedCertificate(certificate)?.boxKey;
    if (!(thrown instanceof AvmaError) || !MENDED_BY_NEWS.has(thrown.code) || boxKey === undefined)
      throw thrown;
    if (!(await news.take(documents, certificate, { ...conversation, boxKey }))) throw thrown;
    return verify();
  }
}

/**
 * `hello`, answered by `offer`: the host's certificate as it came, not verified, and what the host has to hand on.
 *
 * @param anchors - Key IDs of the vendors that the guest trusts, of which the host is to have a certificate.
 * @throws {AvmaError} `host-not-activated` when it has none; what the pipe throws.
 */
export async function askForCertificate(
  pipe: Pipe,
  signal: AbortSignal,
  anchors: readonly string[] = [],
): Promise<Offer> {
  const exchangeId = newExchangeId();
  const hello: Hello = { anchors: [...anchors] };
  const body = anchors.length === 0 ? new Uint8Array() : encodeJson(hello);
  const answer = await exchangeFrames(pipe, { type: 'hello', exchangeId, body }, signal);
  const offer = answer.type === 'offer' ? Offer.safeParse(parseJson(answer.body)) : undefined;
  if (!offer?.success) {
    throw new AvmaError('response-malformed', 'the host did not answer hello with its certificate');
  }
  return offer.data;
}

/** The key IDs of the trusted roots, those of the product's vendor first. Pure. */
function anchorsFor(trust: VendorTrust, productVendor: string | null): string[] {
  const roots = rootsOf(trust);
  const isVendors = (root: TrustAnchor) =>
    productVendor !== null && areOfOneVendor(trust, rootKey(root), productVendor);
  const sorted = [...roots.filter(isVendors), ...roots.filter((root) => !isVendors(root))];
  return [...new Set(sorted.map(({ keyId }) => keyId))].slice(0, MAX_ANCHORS);
}

async function requestActivation(conversation: Conversation, host: AskedHost): Promise<ExchangeOutcome> {
  const { news, facts, product } = conversation;
  const exchangeId = newExchangeId();
  try {
    const anchors = anchorsFor(news.trust, product.productVendor);
    const result = await sendRequest(conversation, host, { exchangeId, ...facts, anchors });
    return { kind: 'activated', result, news };
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot ask the host');
    return { kind: 'failed', error, exchangeId, hostName: host.hostName, news };
  }
}

/** The request, sealed to `host` with a fresh key, its answer, and the documents that come with it: V1 to V17. */
async function sendRequest(
  conversation: Conversation,
  { boxKey }: AskedHost,
  request: Request,
): Promise<ActivationResult> {
  const { news, product } = conversation;
  const source: DocumentSource = { ...conversation, boxKey };
  const { body, key, packet } = await sendSealed(source, 'request', request);
  const response = openResponse(body, key);
  const { certificate, answer, documents } = response;
  const asked: AskedExchange = { requestPacket: packet, request };
  await withNews(conversation, certificate, documents, () => verifyAnswerTo(asked, response, news.trust));
  await news.take(documents, certificate, source);
  // With what is trusted now: the host may have handed on that it is revoked.
  const verified = verifyAnswerTo(asked, response, news.trust);
  verifyStatement(verified, product, news.trust);
  const license = await licenseOf(conversation, response, verified.answer.license, source);
  return {
    ...verified,
    license: verifyNamedLicense(verified, license, product),
    evidence: { certificate, answer, license },
    exchangeId: request.exchangeId,
  };
}

/**
 * The license that the answer names: the one that is here, or that the host hands on.
 *
 * @returns null where the answer names none, and where the host does not announce it.
 * @throws {AvmaError} `license-missing` for one that cannot be had.
 */
async function licenseOf(
  { licenses }: Conversation,
  { documents }: Response,
  digest: string | null,
  source: DocumentSource,
): Promise<DocumentEnvelope | null> {
  if (digest === null) return null;
  const held = licenses.find((license) => documentDigest(license) === digest);
  if (held !== undefined) return held;
  const announced = documents.find((document) => document.kind === 'license' && document.digest === digest);
  if (announced === undefined) return null;
  try {
    return (await fetchDocument(source, announced)) as DocumentEnvelope;
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot fetch the license');
    if (error.code === 'internal') throw error;
    throw new AvmaError(
      'license-missing',
      `the license that the host named cannot be had: ${error.message}`,
      { cause: error },
    );
  }
}
