import { CODES } from '../../src/errors/codes.ts';
import type { RefusalCode } from '../../src/protocol/answer.ts';
import { type Envelope, PAYLOAD_TYPES } from '../../src/protocol/envelope.ts';
import type { Difference } from './exchange-scene.ts';

const DAY = 24 * 3_600_000;
const THEN = Date.UTC(2026, 5, 1, 12);
/** Within the certificate that every vector begins with. */
const NOT_BEFORE = THEN - DAY;
const NOT_AFTER = THEN + 365 * DAY;
const GRACE_UNTIL = NOT_AFTER + 14 * DAY;

const windows = (edition: string) => ({ edition, osVersion: '10.0.26100', licensing: 'MAK' });

const leaseFrom = (issuedAt: number) => ({
  issuedAt,
  expiresAt: issuedAt + 7 * DAY,
  renewAfter: issuedAt + 3.5 * DAY,
});

const leaseUntil = (expiresAt: number) => ({
  issuedAt: NOT_AFTER + 10 * DAY,
  expiresAt,
  renewAfter: NOT_AFTER + 11 * DAY,
});

/** A refusal has a reason and no lease. */
const refused = (code: RefusalCode, hresult: number = CODES[code].hresult) => ({
  decision: 'refused',
  hresult,
  refusal: { code, message: 'why, in a sentence', retryAfter: null },
  expiresAt: THEN,
  renewAfter: THEN,
});

/** A product that is not Windows, on a host that says nothing of Windows. */
const OTHER = { windows: false, certificate: { windows: null } } as const;
const OTHER_PRODUCT = { activationId: '99999999-8888-4777-8666-000000000003', name: 'Another' };

const ANNOUNCEMENT = { kind: 'license', digest: '00'.repeat(32), size: 1000, version: 0 };

const SIGNED_REFUSAL = (code: RefusalCode): Difference => ({
  name: 'signed refusal',
  step: 'V12',
  answer: refused(code),
});

/** What is different in each vector, under the code that it must come to. */
export const VECTORS: Readonly<Record<string, readonly Difference[]>> = {
  ok: [
    { name: 'a lease of 7 days', step: 'V16' },
    { name: 'a lease of one millisecond', step: 'V16', answer: { expiresAt: THEN + 1, renewAfter: THEN } },
    { name: 'renewal only when the lease ends', step: 'V16', answer: { renewAfter: THEN + 7 * DAY } },
    { name: 'issued as the certificate begins', step: 'V16', answer: leaseFrom(NOT_BEFORE) },
    { name: 'issued just before the certificate ends', step: 'V16', answer: leaseFrom(NOT_AFTER - 1) },
    {
      name: 'issued in the renewal grace of the certificate',
      step: 'V16',
      answer: { ...leaseFrom(NOT_AFTER), conditions: ['certificate-in-grace'] },
    },
    { name: 'a Server Core host', step: 'V16', certificate: { windows: windows('ServerDatacenterCore') } },
    { name: 'a second anchor, as while a root is rotated', step: 'V16', anchors: ['root', 'stranger'] },
    {
      name: 'a name in many bytes',
      step: 'V16',
      certificate: { hostName: '主機' },
      answer: { hostName: '主機' },
    },
    { name: 'a guest whose clock is in 1970', step: 'V16', guestClock: 0 },
    { name: 'a nonce of 16 bytes', step: 'V16', nonce: 'ab'.repeat(16) },
    { name: 'a nonce of 32 bytes', step: 'V16', nonce: '01'.repeat(32) },
    { name: 'a host that says nothing of Windows, for another product', step: 'V16', ...OTHER },
    {
      name: 'a host of a lesser edition, for another product',
      step: 'V16',
      windows: false,
      certificate: { windows: windows('ServerStandard') },
    },
    { name: "the vendor's own product", step: 'V16', productVendor: 'root' },
    {
      name: 'a product whose catalog a retired root of the vendor signed',
      step: 'V16',
      productVendor: 'retired',
    },
    { name: 'a revocation list that names others', step: 'V16', license: {}, revoked: 'another' },
    {
      name: 'a lease that ends with the renewal grace',
      step: 'V16',
      answer: { ...leaseUntil(GRACE_UNTIL), conditions: ['certificate-in-grace'] },
    },
    { name: 'a license that the product needs', step: 'V17', requiresLicense: true, license: {} },
    { name: 'a license that the product does not need', step: 'V17', license: {} },
    {
      name: 'a license for many guests more than there are',
      step: 'V17',
      license: {},
      answer: { conditions: ['over-limit'] },
    },
    {
      name: 'a license for this host and site, of this customer',
      step: 'V17',
      certificate: { customer: 'Bank Ltd', site: 'vienna' },
      license: { hosts: ['0123-4567-89AB-CDEF'], sites: ['graz', 'vienna'] },
    },
    { name: 'a license on a host of any customer', step: 'V17', license: { customer: 'Anybody' } },
    { name: 'a license in its first millisecond', step: 'V17', license: { notBefore: THEN } },
    { name: 'a license in its last millisecond', step: 'V17', license: { notAfter: THEN + 1 } },
    {
      name: 'a license in its renewal grace',
      step: 'V17',
      license: { notAfter: THEN },
      answer: { conditions: ['license-in-grace'] },
    },
    {
      name: 'all conditions at once',
      step: 'V17',
      license: { notAfter: THEN },
      certificate: { notAfter: THEN },
      answer: { conditions: ['certificate-in-grace', 'license-in-grace', 'over-limit'] },
    },
    {
      name: 'a lease that ends with the license',
      step: 'V17',
      license: { notAfter: THEN + DAY, graceUntil: THEN + 7 * DAY },
    },
  ],
  'response-unopened': [
    { name: 'sealed to another guest', step: 'V2', sealedTo: 'stranger' },
    { name: 'one bit of the nonce changed', step: 'V2', packet: flip(0) },
    { name: 'one bit of the tag changed', step: 'V2', packet: flip(24) },
    { name: 'one bit of the last byte changed', step: 'V2', packet: flip(-1) },
    { name: 'cut by a byte', step: 'V2', packet: (sealed) => sealed.slice(0, -1) },
    { name: 'longer by a byte', step: 'V2', packet: (sealed) => new Uint8Array([...sealed, 0]) },
    { name: 'shorter than nonce and tag', step: 'V2', packet: (sealed) => sealed.slice(0, 39) },
    { name: 'empty', step: 'V2', packet: () => new Uint8Array() },
  ],
  'response-malformed': [
    { name: 'no JSON', step: 'V3', plaintext: () => Buffer.from('not json') },
    { name: 'nothing', step: 'V3', plaintext: () => new Uint8Array() },
    { name: 'JSON that is no object', step: 'V3', plaintext: () => Buffer.from('[]') },
    {
      name: 'bytes that are no UTF-8',
      step: 'V3',
      plaintext: () => Buffer.from('{"certificate":"\xff"}', 'latin1'),
    },
    {
      name: 'no certificate',
      step: 'V3',
      plaintext: ({ answer }) => Buffer.from(JSON.stringify({ answer })),
    },
    {
      name: 'a field that is not known',
      step: 'V3',
      plaintext: (response) => Buffer.from(JSON.stringify({ ...response, more: 1 })),
    },
    { name: 'no signature', step: 'V3', editAnswer: (envelope) => ({ ...envelope, signatures: [] }) },
    {
      name: 'two signatures',
      step: 'V3',
      editAnswer: (envelope) => ({
        ...envelope,
        signatures: [...envelope.signatures, ...envelope.signatures],
      }),
    },
    {
      name: 'a signature of 63 bytes',
      step: 'V3',
      editAnswer: editSignature((signature) => signature.slice(0, 63)),
    },
    {
      name: 'a payload in another spelling of the same bytes',
      step: 'V3',
      editAnswer: (envelope) => ({ ...envelope, payload: `${envelope.payload}=` }),
    },
    { name: 'a signed answer with a field that is not known', step: 'V6', answer: { unknown: true } },
    { name: 'a signed answer without a decision', step: 'V6', answer: { decision: undefined } },
    {
      name: 'a signed refusal with a code that is none',
      step: 'V6',
      answer: { decision: 'refused', refusal: { code: 'File Not Found', message: 'why', retryAfter: null } },
    },
    {
      name: 'a signed refusal whose sentence moves the cursor',
      step: 'V6',
      answer: {
        decision: 'refused',
        refusal: { code: 'refused', message: 'why\u001b[2J', retryAfter: null },
      },
    },
    {
      name: 'a signed refusal whose sentence is too long for a frame in the worst case',
      step: 'V6',
      answer: {
        decision: 'refused',
        refusal: { code: 'refused', message: '主'.repeat(134), retryAfter: null },
      },
    },
    { name: 'a signed answer issued before 1970', step: 'V6', answer: { issuedAt: -1 } },
    {
      name: 'no announcements',
      step: 'V3',
      plaintext: ({ certificate, answer }) => Buffer.from(JSON.stringify({ certificate, answer })),
    },
    {
      name: 'four announcements',
      step: 'V3',
      plaintext: (response) =>
        Buffer.from(JSON.stringify({ ...response, documents: Array(4).fill(ANNOUNCEMENT) })),
    },
    {
      name: 'an announcement of a document that is too large',
      step: 'V3',
      plaintext: (response) =>
        Buffer.from(JSON.stringify({ ...response, documents: [{ ...ANNOUNCEMENT, size: 262_145 }] })),
    },
    { name: 'a condition that there is not', step: 'V6', answer: { conditions: ['all-is-well'] } },
    { name: 'a condition twice', step: 'V6', answer: { conditions: ['over-limit', 'over-limit'] } },
    {
      name: 'conditions in another order',
      step: 'V6',
      answer: { conditions: ['over-limit', 'certificate-in-grace'] },
    },
    { name: 'a nonce of 33 bytes', step: 'V6', answer: { nonce: 'ab'.repeat(33) } },
    { name: 'a license that is no digest', step: 'V6', answer: { license: '00112233445566aa' } },
    {
      name: 'a signed refusal that puts the guest off for more than a day',
      step: 'V6',
      answer: { decision: 'refused', refusal: { code: 'refused', message: 'why', retryAfter: 86_401 } },
    },
  ],
  'certificate-untrusted': [
    { name: 'no anchor at all', step: 'V4', anchors: [] },
    { name: 'another vendor', step: 'V4', anchors: ['stranger'] },
    { name: 'self-made', step: 'V4', certificateSigner: 'host' },
    { name: 'of another root, in the name of the right one', step: 'V4', certificateSigner: 'stranger' },
    {
      name: 'one byte changed after it was signed',
      step: 'V4',
      editCertificate: editPayload('hv01', 'hv02'),
    },
    { name: 'signed as something else', step: 'V4', certificateType: PAYLOAD_TYPES.hostRequest },
    { name: 'ends when it begins', step: 'V4', certificate: { notAfter: NOT_BEFORE } },
    { name: 'says more than a certificate does', step: 'V4', certificate: { unknown: true } },
    {
      name: 'of a licensing that hosts do not have',
      step: 'V4',
      certificate: { windows: { ...windows('ServerDatacenter'), licensing: 'Retail' } },
    },
    { name: 'its signature in the other form (S + L)', step: 'V4', editCertificate: editSignature(malleate) },
    {
      name: 'an anchor of small order, under which anything is signed',
      step: 'V4',
      anchors: ['small-order'],
      certificateSigner: 'nobody',
    },
    {
      name: "in the name of another root than the signature's",
      step: 'V4',
      certificate: { vendorKey: 'A'.repeat(43) },
    },
    { name: 'of a root that its vendor has retired', step: 'V4', certificateSigner: 'retired' },
    {
      name: 'a renewal grace that ends before the certificate does',
      step: 'V4',
      certificate: { graceUntil: NOT_AFTER - 1 },
    },
    {
      name: 'a name of more bytes than a frame has room for',
      step: 'V4',
      certificate: { hostName: '主'.repeat(33) },
    },
  ],
  'signature-invalid': [
    { name: "signed with another host's key", step: 'V6', answerSigner: 'stranger' },
    {
      name: 'one byte changed after it was signed',
      step: 'V6',
      editAnswer: editPayload('approved', 'refused!'),
    },
    { name: 'signed as a certificate', step: 'V6', answerType: PAYLOAD_TYPES.hostCertificate },
    {
      name: 'signed as a certificate and relabeled',
      step: 'V6',
      answerType: PAYLOAD_TYPES.hostCertificate,
      editAnswer: (envelope) => ({ ...envelope, payloadType: PAYLOAD_TYPES.answer }),
    },
    { name: 'its signature in the other form (S + L)', step: 'V6', editAnswer: editSignature(malleate) },
    { name: 'a signature of zeros', step: 'V6', editAnswer: editSignature(() => new Uint8Array(64)) },
    { name: 'a certified key of small order', step: 'V6', answerSigner: 'nobody' },
  ],
  'request-mismatch': [
    { name: 'answers another request packet', step: 'V7', answer: { requestDigest: '00'.repeat(32) } },
    { name: 'answers another exchange', step: 'V7', answer: { exchangeId: '00'.repeat(16) } },
    {
      name: 'another exchange, of another host',
      step: 'V7',
      answer: { exchangeId: '00'.repeat(16), hostName: 'hv02' },
    },
    { name: "repeats another clock than the request's", step: 'V8', answer: { guestClock: THEN } },
    {
      name: 'repeats a clock that is a millisecond off, in the name of another host',
      step: 'V8',
      guestClock: 0,
      answer: { guestClock: 1, hostName: 'hv02' },
    },
    { name: 'repeats no nonce', step: 'V8', nonce: 'ab'.repeat(16), answer: { nonce: null } },
    { name: 'repeats another nonce', step: 'V8', nonce: 'ab'.repeat(16), answer: { nonce: 'ac'.repeat(16) } },
    { name: 'has a nonce that nobody asked for', step: 'V8', answer: { nonce: 'ab'.repeat(16) } },
  ],
  'host-mismatch': [
    { name: "another host's name", step: 'V9', answer: { hostName: 'hv02' } },
    { name: "another host's hardware ID", step: 'V9', answer: { hardwareId: 'FFFF-FFFF-FFFF-FFFF' } },
    { name: 'another host and another VM', step: 'V9', answer: { hostName: 'hv02', vmId: other(1) } },
  ],
  'vm-mismatch': [
    { name: 'for another VM', step: 'V10', answer: { vmId: other(1) } },
    {
      name: 'another VM and another edition',
      step: 'V10',
      answer: { vmId: other(1), activationId: other(2) },
    },
  ],
  'edition-mismatch': [
    { name: 'for another edition', step: 'V11', answer: { activationId: other(2) } },
    {
      name: 'for another edition, and refused',
      step: 'V11',
      answer: { activationId: other(2), ...refused('throttled') },
    },
  ],
  throttled: [SIGNED_REFUSAL('throttled')],
  'vm-refused': [SIGNED_REFUSAL('vm-refused')],
  'product-unknown': [SIGNED_REFUSAL('product-unknown')],
  'product-mismatch': [SIGNED_REFUSAL('product-mismatch')],
  'product-not-served': [SIGNED_REFUSAL('product-not-served')],
  'version-too-old': [SIGNED_REFUSAL('version-too-old')],
  'version-too-new': [SIGNED_REFUSAL('version-too-new')],
  'host-revoked': [
    SIGNED_REFUSAL('host-revoked'),
    { name: 'on the list of its vendor', step: 'V5', revoked: 'host' },
    {
      name: 'and a product of another vendor',
      step: 'V5',
      revoked: 'host',
      productVendor: 'stranger',
      ...OTHER,
    },
    {
      name: 'whatever it answers',
      step: 'V5',
      revoked: 'host',
      answer: refused('throttled'),
    },
  ],
  'vendor-mismatch': [
    SIGNED_REFUSAL('vendor-mismatch'),
    { name: "another vendor's product", step: 'V14', productVendor: 'stranger', ...OTHER },
    {
      name: "another vendor's product, though he is trusted too",
      step: 'V14',
      anchors: ['root', 'stranger'],
      productVendor: 'stranger',
      ...OTHER,
    },
    {
      name: "another vendor's product, and a lease of 8 days",
      step: 'V14',
      productVendor: 'stranger',
      ...OTHER,
      answer: { expiresAt: THEN + 8 * DAY },
    },
  ],
  'license-missing': [
    SIGNED_REFUSAL('license-missing'),
    { name: 'the product needs one, and the answer names none', step: 'V17', requiresLicense: true },
    { name: 'the one that the answer names is not there', step: 'V17', license: {}, fetched: () => null },
  ],
  'license-untrusted': [
    SIGNED_REFUSAL('license-untrusted'),
    { name: 'signed by another vendor', step: 'V17', license: {}, licenseSigner: 'stranger' },
    {
      name: 'signed by another vendor who is trusted',
      step: 'V17',
      anchors: ['root', 'stranger'],
      license: {},
      licenseSigner: 'stranger',
    },
    {
      name: 'signed by a root that the vendor has retired',
      step: 'V17',
      license: {},
      licenseSigner: 'retired',
    },
  ],
  'license-revoked': [
    SIGNED_REFUSAL('license-revoked'),
    { name: "on the vendor's list", step: 'V17', license: {}, revoked: 'license' },
    {
      name: "on the vendor's list, and for another product",
      step: 'V17',
      license: { product: OTHER_PRODUCT },
      revoked: 'license',
    },
  ],
  'license-product-mismatch': [
    SIGNED_REFUSAL('license-product-mismatch'),
    { name: 'for another product', step: 'V17', license: { product: OTHER_PRODUCT } },
    {
      name: 'for another product and another customer',
      step: 'V17',
      certificate: { customer: 'Bank' },
      license: { product: OTHER_PRODUCT },
    },
  ],
  'license-customer-mismatch': [
    SIGNED_REFUSAL('license-customer-mismatch'),
    { name: 'of another customer', step: 'V17', certificate: { customer: 'Bank' }, license: {} },
    {
      name: 'of a customer in another spelling',
      step: 'V17',
      certificate: { customer: 'bank ltd' },
      license: {},
    },
  ],
  'license-host-mismatch': [
    SIGNED_REFUSAL('license-host-mismatch'),
    { name: 'for another host', step: 'V17', license: { hosts: ['FFFF-FFFF-FFFF-FFFF'] } },
  ],
  'license-site-mismatch': [
    SIGNED_REFUSAL('license-site-mismatch'),
    { name: 'for another site', step: 'V17', certificate: { site: 'vienna' }, license: { sites: ['graz'] } },
    { name: 'for a site, on a host without one', step: 'V17', license: { sites: ['graz'] } },
  ],
  'license-not-yet-valid': [
    SIGNED_REFUSAL('license-not-yet-valid'),
    { name: 'begins a millisecond later', step: 'V17', license: { notBefore: THEN + 1 } },
  ],
  'license-expired': [
    SIGNED_REFUSAL('license-expired'),
    {
      name: 'its renewal grace ends as the host answers',
      step: 'V17',
      license: { notAfter: THEN - 1, graceUntil: THEN },
      answer: { conditions: ['license-in-grace'] },
    },
    { name: 'without a renewal grace', step: 'V17', license: { notAfter: THEN, graceUntil: THEN } },
  ],
  'license-limit-reached': [SIGNED_REFUSAL('license-limit-reached')],
  'vm-cloned': [SIGNED_REFUSAL('vm-cloned')],
  'license-invalid': [
    { name: 'edited', step: 'V17', license: {}, fetched: editedLicense('"guests":50', '"guests":99') },
    {
      name: 'edited to what is no license',
      step: 'V17',
      license: {},
      fetched: editedLicense('"guests":50', '"guests":-1'),
    },
    {
      name: 'its signature is of another key',
      step: 'V17',
      license: {},
      fetched: (license) =>
        license && { ...license, signatures: [{ keyid: '0'.repeat(16), sig: 'A'.repeat(86) }] },
    },
    {
      name: 'relabeled as a revocation list',
      step: 'V17',
      license: {},
      fetched: (license) => license && { ...license, payloadType: PAYLOAD_TYPES.revocations },
    },
    {
      name: 'another one than the answer names',
      step: 'V17',
      license: {},
      answer: { license: '00'.repeat(32) },
    },
    { name: 'one that the answer does not name', step: 'V17', license: {}, answer: { license: null } },
  ],
  'exchange-reused': [SIGNED_REFUSAL('exchange-reused')],
  refused: [
    SIGNED_REFUSAL('refused'),
    { name: 'for a reason that is not known', step: 'V12', answer: refused('refused', 0x8007ffff) },
    { name: 'without a reason', step: 'V12', answer: { ...refused('vm-refused'), refusal: null } },
    {
      name: 'with the HRESULT of another reason',
      step: 'V12',
      answer: refused('product-unknown', CODES['vm-refused'].hresult),
    },
    {
      name: 'with a code that only a later host has',
      step: 'V12',
      answer: { ...refused('refused'), refusal: { code: 'moon-phase', message: 'why', retryAfter: 60 } },
    },
    { name: 'with the code of success', step: 'V12', answer: refused('vm-refused', 0) },
    { name: 'with another code of success', step: 'V12', answer: refused('vm-refused', 1) },
    { name: 'with a lease', step: 'V12', answer: { decision: 'refused', hresult: 0x8007ffff } },
  ],
  'certificate-not-yet-valid': [
    SIGNED_REFUSAL('certificate-not-yet-valid'),
    { name: 'issued a millisecond before', step: 'V13', answer: leaseFrom(NOT_BEFORE - 1) },
  ],
  'certificate-expired': [
    SIGNED_REFUSAL('certificate-expired'),
    {
      name: 'signed refusal of a host whose certificate has expired',
      step: 'V12',
      certificate: { notAfter: THEN - 2, graceUntil: THEN - 1 },
      answer: refused('certificate-expired'),
    },
    {
      name: 'issued as the renewal grace ends',
      step: 'V13',
      answer: { ...leaseFrom(GRACE_UNTIL), conditions: ['certificate-in-grace'] },
    },
    {
      name: 'of a host that is not Datacenter either',
      step: 'V13',
      certificate: { windows: windows('ServerStandard') },
      answer: { ...leaseFrom(GRACE_UNTIL), conditions: ['certificate-in-grace'] },
    },
  ],
  'host-not-datacenter': [
    SIGNED_REFUSAL('host-not-datacenter'),
    { name: 'Standard', step: 'V15', certificate: { windows: windows('ServerStandard') } },
    { name: 'Essentials', step: 'V15', certificate: { windows: windows('ServerSolution') } },
    { name: 'in another spelling', step: 'V15', certificate: { windows: windows('serverdatacenter') } },
    {
      name: 'Standard, with a lease of 8 days',
      step: 'V15',
      certificate: { windows: windows('ServerStandard') },
      answer: { expiresAt: THEN + 8 * DAY },
    },
    { name: 'a host that says nothing of Windows', step: 'V15', certificate: { windows: null } },
  ],
  'lease-invalid': [
    { name: 'approved with the HRESULT of a refusal', step: 'V12', answer: { hresult: 0xc004fd03 } },
    {
      name: 'approved with the reason of a refusal',
      step: 'V12',
      answer: { refusal: { code: 'version-too-new', message: 'why, in a sentence', retryAfter: null } },
    },
    { name: 'a millisecond over 7 days', step: 'V16', answer: { expiresAt: THEN + 7 * DAY + 1 } },
    { name: 'ends as it begins', step: 'V16', answer: { expiresAt: THEN, renewAfter: THEN } },
    { name: 'ends before it begins', step: 'V16', answer: { expiresAt: THEN - 1, renewAfter: THEN } },
    { name: 'renewal before it begins', step: 'V16', answer: { renewAfter: THEN - 1 } },
    { name: 'renewal after it ends', step: 'V16', answer: { renewAfter: THEN + 7 * DAY + 1 } },
    {
      name: 'ends after the renewal grace of the certificate',
      step: 'V16',
      answer: { ...leaseUntil(GRACE_UNTIL + 1), conditions: ['certificate-in-grace'] },
    },
    {
      name: 'a certificate in its renewal grace, and not said so',
      step: 'V13',
      answer: leaseFrom(NOT_AFTER),
    },
    {
      name: 'a certificate in date, and called in its renewal grace',
      step: 'V13',
      answer: { conditions: ['certificate-in-grace'] },
    },
    {
      name: 'something noted about a license, and none named',
      step: 'V17',
      answer: { conditions: ['over-limit'] },
    },
    { name: 'a license in its renewal grace, and not said so', step: 'V17', license: { notAfter: THEN } },
    {
      name: 'a license in date, and called in its renewal grace',
      step: 'V17',
      license: {},
      answer: { conditions: ['license-in-grace'] },
    },
    {
      name: 'ends after the renewal grace of the license',
      step: 'V17',
      license: { notAfter: THEN + DAY, graceUntil: THEN + 7 * DAY - 1 },
    },
  ],
};

function other(n: number): string {
  return `99999999-8888-4777-8666-00000000000${n}`;
}

function flip(at: number): (sealed: Uint8Array) => Uint8Array {
  return (sealed) =>
    sealed.map((byte, index) => (index === (at + sealed.length) % sealed.length ? byte ^ 1 : byte));
}

function editedLicense(from: string, to: string): NonNullable<Difference['fetched']> {
  return (license) => license && editPayload(from, to)(license);
}

function editPayload(from: string, to: string): (envelope: Envelope) => Envelope {
  return (envelope) => {
    const payload = Buffer.from(envelope.payload, 'base64url').toString('utf8').replace(from, to);
    return { ...envelope, payload: Buffer.from(payload, 'utf8').toString('base64url') };
  };
}

function editSignature(edit: (signature: Uint8Array) => Uint8Array): (envelope: Envelope) => Envelope {
  return (envelope) => ({
    ...envelope,
    signatures: envelope.signatures.map(({ keyid, sig }) => ({
      keyid,
      sig: Buffer.from(edit(Buffer.from(sig, 'base64url'))).toString('base64url'),
    })),
  });
}

/** Adds the group's order to S: the same equation holds, so a lenient verifier takes it for a second signature. */
function malleate(signature: Uint8Array): Uint8Array {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const s = BigInt(`0x${Buffer.from(signature.slice(32)).reverse().toString('hex')}`) + order;
  const bytes = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse();
  return new Uint8Array([...signature.slice(0, 32), ...bytes]);
}
