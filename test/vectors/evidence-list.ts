import { keyId, PAYLOAD_TYPES } from '../../src/protocol/envelope.ts';
import { DOCUMENTS_ASIDE, UPDATES_ASIDE } from './evidence-asides.ts';
import {
  anchorFile,
  BEGUN_LONG_AGO,
  CORNERS,
  edit,
  editSignature,
  endedBefore,
  MINUTE,
  malleate,
  nested,
  OTHER,
  refused,
  relabel,
  retirement,
  spell,
  withBom,
  wrongUpdate,
} from './evidence-edits.ts';
import {
  base64,
  DAY,
  type EvidenceDifference,
  entryOf,
  HOUR,
  type Keys,
  LICENSE_ID,
  NONCE,
  PRODUCT,
  publicKeyOf,
  revocations,
  SERIAL,
  type Statement,
  THEN,
  trustUpdate,
  VM,
} from './evidence-scene.ts';
import { SPELLINGS_OF_AN_ANSWER, SPELLINGS_OF_NO_ANSWER } from './evidence-spellings.ts';

/** What is different in each vector, under the reason that every verifier gives; `ok` where there is none. */
export const EVIDENCE_VECTORS: Readonly<Record<string, readonly EvidenceDifference[]>> = {
  ok: [
    {
      name: 'a license with features',
      options: () => ({ features: ['vpn', 'throughput>=10', 'throughput'] }),
    },
    { name: 'a feature asked for with a colon', options: () => ({ features: ['throughput:0'] }) },
    { name: 'without features', license: { features: [] } },
    {
      name: '256 features',
      license: { features: Array.from({ length: 256 }, (_, at) => ({ name: `f${at}`, value: at })) },
      options: () => ({ features: ['f255>=255'] }),
    },
    {
      name: 'the largest number',
      license: { features: [{ name: 'x', value: 1e12 }] },
      options: () => ({ features: ['x>=1000000000000'] }),
    },
    { name: 'no limit of guests', license: { guests: null } },
    { name: 'a root as the object of root.pub.json', options: (keys) => ({ roots: [anchorFile(keys)] }) },
    {
      name: 'a root as the text of root.pub.json',
      options: (keys) => ({ roots: [JSON.stringify(anchorFile(keys), null, 2)] }),
    },
    { name: 'a root twice', options: (keys) => ({ roots: [anchorFile(keys), publicKeyOf(keys, 'root')] }) },
    {
      name: 'a second pinned root, which signed both',
      certificateSigner: 'next',
      licenseSigner: 'next',
      options: (keys) => ({ roots: [publicKeyOf(keys, 'root'), publicKeyOf(keys, 'next')] }),
    },
    {
      name: 'a certificate and a license of two pinned roots',
      certificateSigner: 'next',
      options: (keys) => ({ roots: [publicKeyOf(keys, 'next'), publicKeyOf(keys, 'root')] }),
    },
    {
      name: 'a root that a trust update brought',
      certificateSigner: 'next',
      licenseSigner: 'next',
      options: (keys) => ({ trustUpdates: [trustUpdate(keys)] }),
    },
    {
      name: 'a root that two trust updates brought, the later one first',
      certificateSigner: 'next',
      licenseSigner: 'next',
      options: (keys) => ({ trustUpdates: [retirement(keys), trustUpdate(keys)] }),
    },
    {
      name: 'a trust update as text, and one that was followed before',
      certificateSigner: 'next',
      licenseSigner: 'next',
      options: (keys) => ({
        roots: [
          publicKeyOf(keys, 'root'),
          anchorFile(keys, { publicKey: publicKeyOf(keys, 'next'), trustVersion: 2 }),
        ],
        trustUpdates: [trustUpdate(keys), JSON.stringify(retirement(keys))],
      }),
    },
    {
      name: 'a root of a trust update in which a root that stays has not signed',
      certificateSigner: 'third',
      licenseSigner: 'root',
      options: (keys) => ({
        roots: [anchorFile(keys, { trustVersion: 2 }), publicKeyOf(keys, 'next')],
        trustUpdates: [
          trustUpdate(
            keys,
            {
              version: 3,
              previous: '0'.repeat(64),
              formerRoots: [publicKeyOf(keys, 'root'), publicKeyOf(keys, 'next')],
              roots: [publicKeyOf(keys, 'root'), publicKeyOf(keys, 'next'), publicKeyOf(keys, 'third')],
            },
            ['next', 'third'],
          ),
        ],
      }),
    },
    { name: 'upper-case UUIDs', options: () => ({ vmId: VM.toUpperCase(), product: PRODUCT.toUpperCase() }) },
    { name: 'fresh, with the nonce', answer: { nonce: NONCE }, options: () => ({ nonce: NONCE }) },
    { name: 'with a nonce that nobody asks for', answer: { nonce: NONCE } },
    {
      name: 'a nonce of 32 bytes',
      answer: { nonce: NONCE + NONCE },
      options: () => ({ nonce: NONCE + NONCE }),
    },
    {
      name: 'a certificate in its renewal grace',
      certificate: { ...BEGUN_LONG_AGO, ...endedBefore(DAY) },
      answer: { conditions: ['certificate-in-grace'] },
    },
    {
      name: 'a license in its renewal grace',
      license: { ...BEGUN_LONG_AGO, ...endedBefore(DAY) },
      answer: { conditions: ['license-in-grace'] },
    },
    {
      name: 'both in their renewal grace, and over the limit',
      certificate: { ...BEGUN_LONG_AGO, ...endedBefore(0) },
      license: { ...BEGUN_LONG_AGO, ...endedBefore(0) },
      answer: { conditions: ['certificate-in-grace', 'license-in-grace', 'over-limit'] },
    },
    { name: 'a host without a customer', certificate: { customer: null } },
    { name: 'a license for that site', license: { sites: ['graz', 'vienna'] } },
    { name: 'a license for that host', license: { hosts: ['FFFF-0000-0000-0000', '0123-4567-89AB-CDEF'] } },
    {
      name: 'a host with Windows',
      certificate: { windows: { edition: 'ServerDatacenter', osVersion: '10.0.26100', licensing: 'MAK' } },
    },
    { name: 'no license, where none is needed', license: null, options: () => ({ requireLicense: false }) },
    {
      name: 'no license in grace, where none is needed',
      license: null,
      certificate: { ...BEGUN_LONG_AGO, ...endedBefore(DAY) },
      answer: { conditions: ['certificate-in-grace'] },
      options: () => ({ requireLicense: false }),
    },
    { name: 'a clock that is five minutes behind', options: () => ({ now: THEN - 5 * MINUTE }) },
    { name: 'the last millisecond of the lease', options: () => ({ now: THEN + 7 * DAY - 1 }) },
    {
      name: 'issued as certificate and license begin',
      certificate: { notBefore: THEN },
      license: { notBefore: THEN },
    },
    { name: 'the text of the evidence', evidence: (evidence) => ` ${JSON.stringify(evidence, null, 2)}\n` },
    {
      name: 'another hint in which key signed the answer',
      editAnswer: (envelope) => ({
        ...envelope,
        signatures: envelope.signatures.map(({ sig }) => ({ keyid: 'ffffffffffffffff', sig })),
      }),
    },
    {
      name: 'a lease of one millisecond',
      answer: { expiresAt: THEN + 1, renewAfter: THEN },
      options: () => ({ now: THEN }),
    },
    ...SPELLINGS_OF_AN_ANSWER,
    ...DOCUMENTS_ASIDE,
    ...UPDATES_ASIDE,
  ],
  'options-invalid': [
    { name: 'no roots', options: () => ({ roots: [] }) },
    { name: 'a root that is no key', options: () => ({ roots: ['root'] }) },
    { name: 'a root of 31 bytes', options: () => ({ roots: [base64(new Uint8Array(31))] }) },
    { name: 'a root with padding', options: (keys) => ({ roots: [`${publicKeyOf(keys, 'root')}=`] }) },
    { name: 'a root in base64', options: () => ({ roots: ['+'.repeat(43)] }) },
    { name: 'a root in another spelling', options: () => ({ roots: [`${'A'.repeat(42)}B`] }) },
    { name: 'a root with a line end', options: (keys) => ({ roots: [`${publicKeyOf(keys, 'root')}\n`] }) },
    { name: 'a root of small order', options: (keys) => ({ roots: [publicKeyOf(keys, 'nobody')] }) },
    {
      name: 'a root of small order beside a good one',
      options: (keys) => ({ roots: [publicKeyOf(keys, 'root'), publicKeyOf(keys, 'nobody')] }),
    },
    {
      name: 'a root as something else',
      options: (keys) => ({ roots: [anchorFile(keys, { schema: 'avma.trust-anchor/2' })] }),
    },
    {
      name: 'a root with a member that nobody knows',
      options: (keys) => ({ roots: [anchorFile(keys, { more: 1 })] }),
    },
    {
      name: 'a root whose file has a member twice',
      options: (keys) => ({ roots: [JSON.stringify(anchorFile(keys)).replace('{', '{"name":"x",')] }),
    },
    { name: '17 roots', options: (keys) => ({ roots: Array(17).fill(publicKeyOf(keys, 'root')) }) },
    { name: 'no VM ID', options: () => ({ vmId: '' }) },
    { name: 'a VM ID in braces', options: () => ({ vmId: `{${VM}}` }) },
    { name: 'a VM ID with a line end', options: () => ({ vmId: `${VM}\n` }) },
    { name: 'a product that is no activation ID', options: () => ({ product: 'acme-gateway' }) },
    { name: 'a time before 1970', options: () => ({ now: -1 }) },
    { name: 'a time after 2286', options: () => ({ now: 10_000_000_000_000 }) },
    { name: 'a feature in capital letters', options: () => ({ features: ['VPN'] }) },
    { name: 'a feature without a name', options: () => ({ features: [''] }) },
    { name: 'a feature with a number that is none', options: () => ({ features: ['throughput>=ten'] }) },
    { name: 'a feature with a negative number', options: () => ({ features: ['throughput>=-1'] }) },
    {
      name: 'a feature with a number that is too large',
      options: () => ({ features: ['throughput>=1000000000001'] }),
    },
    { name: 'a feature with another comparison', options: () => ({ features: ['throughput>10'] }) },
    { name: 'a feature with a line end', options: () => ({ features: ['vpn\n'] }) },
    { name: 'a nonce of 15 bytes', options: () => ({ nonce: NONCE.slice(2) }) },
    { name: 'a nonce of half a byte', options: () => ({ nonce: `${NONCE}0` }) },
    { name: 'a nonce in capital letters', options: () => ({ nonce: NONCE.toUpperCase() }) },
    { name: 'a nonce of 33 bytes', options: () => ({ nonce: `${NONCE}${NONCE}00` }) },
    { name: '65 revocation lists', options: () => ({ revocations: Array(65).fill({}) }) },
  ],
  'response-malformed': [
    { name: 'a signed answer with a number where text is', answer: { vmId: 5 } },
    { name: 'a signed answer with text where a list is', answer: { conditions: 'over-limit' } },
    { name: 'a number where the payload is', editAnswer: (envelope) => ({ ...envelope, payload: 5 }) },
    { name: 'a number where the type is', editAnswer: (envelope) => ({ ...envelope, payloadType: 5 }) },
    { name: 'no JSON', evidence: () => 'not json' },
    { name: 'nothing', evidence: () => '' },
    { name: 'a list', evidence: (evidence) => [evidence] },
    { name: 'null', evidence: () => null },
    { name: 'a number', evidence: () => 1 },
    { name: 'no certificate', evidence: ({ answer, license }) => ({ answer, license }) },
    {
      name: 'no license, and not null either',
      evidence: ({ answer, certificate }) => ({ answer, certificate }),
    },
    { name: 'a member that nobody knows', evidence: (evidence) => ({ ...evidence, more: 1 }) },
    {
      name: 'a member twice',
      evidence: (evidence) => JSON.stringify(evidence).replace('{', '{"license":null,'),
    },
    {
      name: 'a member called __proto__',
      evidence: (evidence) => JSON.stringify(evidence).replace('{', '{"__proto__":null,'),
    },
    { name: 'a byte order mark', evidence: (evidence) => `\ufeff${JSON.stringify(evidence)}` },
    { name: 'data behind it', evidence: (evidence) => `${JSON.stringify(evidence)}{}` },
    { name: 'no signature', editAnswer: (envelope) => ({ ...envelope, signatures: [] }) },
    {
      name: 'two signatures',
      editAnswer: (envelope) => ({
        ...envelope,
        signatures: [...envelope.signatures, ...envelope.signatures],
      }),
    },
    { name: 'a signature of 63 bytes', editAnswer: editSignature((signature) => signature.slice(0, 63)) },
    {
      name: 'a signature of 65 bytes',
      editAnswer: editSignature((signature) => new Uint8Array([...signature, 0])),
    },
    {
      name: 'a payload with padding',
      editAnswer: (envelope) => ({ ...envelope, payload: `${envelope.payload}=` }),
    },
    {
      name: 'a payload with a line end',
      editAnswer: (envelope) => ({ ...envelope, payload: `${envelope.payload}\n` }),
    },
    {
      name: 'a payload whose last bits are not zero',
      editAnswer: (envelope) => ({ ...envelope, payload: 'AB' }),
    },
    { name: 'a payload of one character', editAnswer: (envelope) => ({ ...envelope, payload: 'A' }) },
    { name: 'a payload in base64', editAnswer: (envelope) => ({ ...envelope, payload: '++//' }) },
    {
      name: 'a payload that is too long',
      editAnswer: (envelope) => ({ ...envelope, payload: 'A'.repeat(8196) }),
    },
    {
      name: 'a key ID in capital letters',
      editAnswer: (envelope) => ({
        ...envelope,
        signatures: [{ keyid: 'FFFFFFFFFFFFFFFF', sig: envelope.signatures[0]?.sig }],
      }),
    },
    {
      name: 'a certificate with a member that nobody knows',
      editCertificate: (envelope) => ({ ...envelope, more: 1 }),
    },
    { name: 'a signed answer with a member that nobody knows', answer: { unknown: true } },
    { name: 'a signed answer without a decision', answer: { decision: undefined } },
    {
      name: 'a signed answer with conditions in another order',
      answer: { conditions: ['license-in-grace', 'certificate-in-grace'] },
    },
    { name: 'a signed answer with a condition twice', answer: { conditions: ['over-limit', 'over-limit'] } },
    { name: 'a signed answer with a condition that nobody knows', answer: { conditions: ['over-there'] } },
    {
      name: 'a signed refusal whose sentence moves the cursor',
      answer: {
        ...refused('refused', 0xc004fd04),
        refusal: { code: 'refused', message: 'why\u001b[2J', retryAfter: null },
      },
    },
    {
      name: 'a signed refusal without retryAfter',
      answer: { ...refused('refused', 0xc004fd04), refusal: { code: 'refused', message: 'why' } },
    },
    {
      name: 'a signed answer with a VM ID in capital letters',
      answer: { vmId: 'AAAAAAAA-2222-4333-8444-555555555555' },
    },
    { name: 'a signed answer with a nonce of half a byte', answer: { nonce: `${NONCE}0` } },
    { name: 'a host name of 64 characters', answer: { hostName: 'x'.repeat(64) } },
    { name: 'a host name of 97 bytes', answer: { hostName: `${'主'.repeat(32)}x` } },
    {
      name: 'a host name of 97 bytes, two of them for a backslash',
      answer: { hostName: `${'主'.repeat(31)}xy\\` },
    },
    { name: 'a PID2 of 33 characters', answer: { digitalPid2: 'x'.repeat(33) } },
    ...SPELLINGS_OF_NO_ANSWER,
  ],
  'certificate-untrusted': [
    { name: 'relabeled after it was signed', editCertificate: relabel },
    { name: 'a certificate without a host name', certificate: { hostName: '' } },
    { name: 'a number where text is', certificate: { serial: 5 } },
    { name: 'a number where a name is', certificate: { hostName: 5 } },
    { name: 'a number where a key is', certificate: { signingKey: 5 } },
    ...['relabeled', 'previous', 'twice', 'small order'].map((what) => ({
      name: `a root of a trust update that is wrong: ${what}`,
      certificateSigner: 'next' as const,
      licenseSigner: 'next' as const,
      options: (keys: Keys) => ({ trustUpdates: [wrongUpdate(keys, what)] }),
    })),
    {
      name: 'a root of a trust update that skips a version',
      certificateSigner: 'next',
      licenseSigner: 'next',
      options: (keys) => ({ trustUpdates: [trustUpdate(keys, { version: 3, previous: '0'.repeat(64) })] }),
    },
    {
      name: 'a root of a trust update of the version that is known',
      certificateSigner: 'next',
      licenseSigner: 'next',
      options: (keys) => ({
        roots: [anchorFile(keys, { trustVersion: 2 })],
        trustUpdates: [trustUpdate(keys)],
      }),
    },
    {
      name: 'a root of a trust update that does not begin with all pinned roots',
      certificateSigner: 'next',
      licenseSigner: 'next',
      options: (keys) => ({
        roots: [publicKeyOf(keys, 'root'), publicKeyOf(keys, 'third')],
        trustUpdates: [trustUpdate(keys)],
      }),
    },
    { name: "another vendor's host", certificateSigner: 'stranger', licenseSigner: 'stranger' },
    {
      name: "the administrator's own anchor and host, in the vendor's name",
      certificateSigner: 'stranger',
      certificate: (keys) => ({ vendorKey: publicKeyOf(keys, 'root') }),
      editCertificate: ({ signatures, ...envelope }, keys) => ({
        ...envelope,
        signatures: signatures.map(({ sig }) => ({ keyid: keyId(keys.root.publicKey), sig })),
      }),
    },
    { name: 'a host that certified itself', certificateSigner: 'host' },
    { name: 'roots of another vendor', options: (keys) => ({ roots: [publicKeyOf(keys, 'stranger')] }) },
    { name: 'one byte changed', editCertificate: edit('hv01', 'hv02') },
    {
      name: 'one bit of the signature changed',
      editCertificate: editSignature((signature) =>
        signature.map((byte, at) => (at === 0 ? byte ^ 1 : byte)),
      ),
    },
    { name: 'the signature in its other form (S + L)', editCertificate: editSignature(malleate) },
    { name: 'a signature of zeros', editCertificate: editSignature((signature) => signature.map(() => 0)) },
    { name: 'signed as something else', certificateType: PAYLOAD_TYPES.hostRequest },
    {
      name: 'signed as something else and relabeled',
      certificateType: PAYLOAD_TYPES.hostRequest,
      editCertificate: (envelope) => ({ ...envelope, payloadType: PAYLOAD_TYPES.hostCertificate }),
    },
    {
      name: 'a hint in another key',
      editCertificate: (envelope) => ({
        ...envelope,
        signatures: envelope.signatures.map(({ sig }) => ({ keyid: 'ffffffffffffffff', sig })),
      }),
    },
    { name: "another root's key in it", certificate: { vendorKey: base64(new Uint8Array(32).fill(7)) } },
    { name: 'ends when it begins', certificate: { notAfter: THEN - DAY } },
    { name: 'a grace that ends before it begins', certificate: { graceUntil: THEN + 364 * DAY } },
    { name: 'a member that nobody knows', certificate: { unknown: true } },
    { name: 'a member twice', spellCertificate: spell('{', '{"customer":null,') },
    { name: 'a byte order mark', spellCertificate: withBom },
    { name: 'a customer of 97 bytes', certificate: { customer: `${'主'.repeat(32)}x` } },
    {
      name: 'a root that a trust update has retired',
      options: (keys) => ({ trustUpdates: [trustUpdate(keys), retirement(keys)] }),
    },
    { name: 'a new root without its trust update', certificateSigner: 'next', licenseSigner: 'next' },
    {
      name: 'a root of a trust update that the pinned root has not signed',
      certificateSigner: 'next',
      licenseSigner: 'next',
      options: (keys) => ({ trustUpdates: [trustUpdate(keys, {}, ['next'])] }),
    },
    {
      name: 'a root that has not signed its trust update',
      certificateSigner: 'next',
      licenseSigner: 'next',
      options: (keys) => ({ trustUpdates: [trustUpdate(keys, {}, ['root'])] }),
    },
    {
      name: 'a root that a trust update claims as a former one',
      certificateSigner: 'stranger',
      licenseSigner: 'stranger',
      options: (keys) => ({
        trustUpdates: [
          trustUpdate(
            keys,
            {
              formerRoots: [publicKeyOf(keys, 'root'), publicKeyOf(keys, 'stranger')],
              roots: [publicKeyOf(keys, 'root'), publicKeyOf(keys, 'stranger')],
            },
            ['root'],
          ),
        ],
      }),
    },
  ],
  'host-revoked': [
    {
      name: 'on the list',
      options: (keys) => ({ revocations: [revocations(keys, { hosts: [entryOf('host serial', SERIAL)] })] }),
    },
    {
      name: 'on the list, given as text',
      options: (keys) => ({
        revocations: [JSON.stringify(revocations(keys, { hosts: [entryOf('host serial', SERIAL)] }))],
      }),
    },
    {
      name: 'on the newer of two lists',
      options: (keys) => ({
        revocations: [
          revocations(keys),
          revocations(keys, { sequence: 9, hosts: [entryOf('host serial', SERIAL)] }),
        ],
      }),
    },
    {
      name: 'on the first of two lists of one number',
      options: (keys) => ({
        revocations: [revocations(keys, { hosts: [entryOf('host serial', SERIAL)] }), revocations(keys)],
      }),
    },
    {
      name: 'on the list of a root that a trust update brought',
      options: (keys) => ({
        trustUpdates: [trustUpdate(keys)],
        revocations: [revocations(keys, { hosts: [entryOf('host serial', SERIAL)] }, 'next')],
      }),
    },
    {
      name: 'whose answer has been changed besides',
      editAnswer: edit('hv01', 'hv02'),
      options: (keys) => ({ revocations: [revocations(keys, { hosts: [entryOf('host serial', SERIAL)] })] }),
    },
  ],
  'signature-invalid': [
    { name: 'relabeled after it was signed', editAnswer: relabel },
    { name: "signed with another host's key", answerSigner: 'stranger' },
    { name: 'one byte changed', editAnswer: edit('approved', 'refused!') },
    { name: 'signed as a certificate', answerType: PAYLOAD_TYPES.hostCertificate },
    {
      name: 'signed as a license and relabeled',
      answerType: PAYLOAD_TYPES.license,
      editAnswer: (envelope) => ({ ...envelope, payloadType: PAYLOAD_TYPES.answer }),
    },
    { name: 'the signature in its other form (S + L)', editAnswer: editSignature(malleate) },
    { name: 'a host key of small order, under which anything is signed', answerSigner: 'nobody' },
    { name: 'no answer at all, signed by nobody', editAnswer: (envelope) => ({ ...envelope, payload: '' }) },
  ],
  'nonce-mismatch': [
    { name: 'another nonce', answer: { nonce: NONCE }, options: () => ({ nonce: NONCE.replace('0', 'f') }) },
    { name: 'no nonce, as in the evidence of a renewal', options: () => ({ nonce: NONCE }) },
    {
      name: 'the beginning of the nonce',
      answer: { nonce: NONCE },
      options: () => ({ nonce: `${NONCE}00` }),
    },
  ],
  'host-mismatch': [
    { name: 'another host name', answer: { hostName: 'hv02' } },
    { name: 'another hardware ID', answer: { hardwareId: '0123-4567-89AB-CDEE' } },
  ],
  'vm-mismatch': [
    { name: 'the evidence of another machine', options: () => ({ vmId: OTHER }) },
    { name: 'another machine in the answer', answer: { vmId: OTHER } },
    {
      name: 'the other byte order of its first three fields',
      options: () => ({ vmId: '11111111-2222-3343-8444-555555555555' }),
    },
  ],
  'edition-mismatch': [{ name: 'the evidence of another product', options: () => ({ product: OTHER }) }],
  throttled: [{ name: 'a refusal', answer: refused('throttled', 0xc004fd00), license: null }],
  'license-limit-reached': [
    { name: 'a refusal', answer: refused('license-limit-reached', 0xc004fd04), license: null },
  ],
  refused: [
    { name: 'a refusal', answer: refused('refused', 0xc004fd04), license: null },
    { name: 'a refusal without a reason', answer: refused(null, 0xc004fd04), license: null },
    { name: 'a reason that nobody knows', answer: refused('too-late-today', 0xc004fd04), license: null },
    { name: 'a reason with the HRESULT of another', answer: refused('throttled', 0xc004fd04), license: null },
    { name: 'a refusal with HRESULT 0', answer: refused('throttled', 0), license: null },
    {
      name: 'a reason by the name of a member of all objects',
      answer: refused('constructor', 0xc004fd04),
      license: null,
    },
    { name: 'with a license all the same', answer: refused('refused', 0xc004fd04) },
  ],
  'certificate-not-yet-valid': [
    { name: 'answered a millisecond too early', certificate: { notBefore: THEN + 1 } },
  ],
  'certificate-expired': [
    {
      name: 'answered as the renewal grace ends',
      certificate: { ...BEGUN_LONG_AGO, ...endedBefore(14 * DAY) },
      answer: { conditions: ['certificate-in-grace'] },
    },
    { name: 'answered long after', certificate: { ...BEGUN_LONG_AGO, ...endedBefore(30 * DAY) } },
  ],
  'lease-invalid': [
    { name: 'a lease of seven days and a millisecond', answer: { expiresAt: THEN + 7 * DAY + 1 } },
    { name: 'a lease that ends when it begins', answer: { expiresAt: THEN, renewAfter: THEN } },
    { name: 'renewal after its end', answer: { renewAfter: THEN + 7 * DAY + 1 } },
    { name: 'renewal before its beginning', answer: { renewAfter: THEN - 1 } },
    {
      name: 'longer than the certificate and its grace',
      certificate: { notAfter: THEN + DAY, graceUntil: THEN + 2 * DAY },
    },
    {
      name: 'longer than the license and its grace',
      license: { notAfter: THEN + DAY, graceUntil: THEN + 2 * DAY },
    },
    { name: 'an approval with an HRESULT', answer: { hresult: 0xc004fd04 } },
    {
      name: 'an approval with a refusal',
      answer: { refusal: { code: 'refused', message: 'why', retryAfter: 60 } },
    },
    {
      name: 'the grace of the certificate is kept quiet',
      certificate: { ...BEGUN_LONG_AGO, ...endedBefore(DAY) },
    },
    { name: 'a grace of the certificate that is not', answer: { conditions: ['certificate-in-grace'] } },
    { name: 'the grace of the license is kept quiet', license: { ...BEGUN_LONG_AGO, ...endedBefore(DAY) } },
    { name: 'a grace of the license that is not', answer: { conditions: ['license-in-grace'] } },
    {
      name: 'over the limit of no license',
      license: null,
      answer: { conditions: ['over-limit'] },
      options: () => ({ requireLicense: false }),
    },
  ],
  'license-missing': [
    { name: 'approved without one', license: null },
    {
      name: 'the one that the answer names is not there',
      evidence: (evidence) => ({ ...evidence, license: null }),
    },
    {
      name: 'the one that the answer names is not there, though none is needed',
      evidence: (evidence) => ({ ...evidence, license: null }),
      options: () => ({ requireLicense: false }),
    },
  ],
  'license-invalid': [
    { name: 'relabeled after it was signed', editLicense: relabel },
    { name: 'text where a list is', license: { hosts: 'x' } },
    { name: 'a number where a list is', license: { features: 1 } },
    { name: 'a list where an object is', license: { product: [] } },
    { name: 'one byte changed', editLicense: edit('"value":10', '"value":99') },
    {
      name: 'a feature twice',
      license: {
        features: [
          { name: 'vpn', value: null },
          { name: 'vpn', value: 1 },
        ],
      },
    },
    {
      name: '10,000 features',
      license: { features: Array.from({ length: 10_000 }, (_, at) => ({ name: `f${at}`, value: null })) },
    },
    {
      name: '257 features',
      license: { features: Array.from({ length: 257 }, (_, at) => ({ name: `f${at}`, value: null })) },
    },
    { name: 'a feature in capital letters', license: { features: [{ name: 'VPN', value: null }] } },
    { name: 'a feature whose number is too large', license: { features: [{ name: 'x', value: 1e12 + 1 }] } },
    {
      name: 'a feature with a number beyond those that doubles hold',
      spellLicense: spell('"value":10', '"value":9007199254740993'),
    },
    { name: 'a feature with a fraction', spellLicense: spell('"value":10', '"value":10.5') },
    { name: 'a limit of no guests', license: { guests: 0 } },
    { name: 'another one than the answer names', answer: { license: '0'.repeat(64) } },
    { name: 'one that the answer does not name', answer: { license: null } },
    { name: 'signed as a certificate', licenseType: PAYLOAD_TYPES.hostCertificate },
    { name: 'the signature in its other form (S + L)', editLicense: editSignature(malleate) },
    { name: 'a member that nobody knows', license: { unknown: 1 } },
    { name: 'a member twice', spellLicense: spell('"guests":50', '"guests":50,"guests":5000') },
    { name: 'a byte order mark', spellLicense: withBom },
    { name: 'a host twice', license: { hosts: ['0123-4567-89AB-CDEF', '0123-4567-89AB-CDEF'] } },
    { name: 'a site twice', license: { sites: ['vienna', 'vienna'] } },
    { name: 'ends when it begins', license: { notAfter: CORNERS.notBefore } },
    { name: 'a grace that ends before it begins', license: { graceUntil: CORNERS.notAfter - 1 } },
    { name: 'a key of small order, under which anything is signed', licenseSigner: 'nobody' },
    {
      name: 'a hint in which key signed it is not the one that did',
      license: { vendor: { name: 'Acme', publicKey: base64(new Uint8Array(32).fill(3)) } },
    },
    { name: 'an overage that nobody knows', license: { overage: 'ignore' } },
    {
      name: 'a product name of 201 characters, of two units each',
      license: { product: { activationId: PRODUCT, name: `${'😀'.repeat(100)}x` } },
    },
  ],
  'license-untrusted': [
    { name: "another vendor's license", licenseSigner: 'stranger' },
    {
      name: 'a license of a root that a trust update has retired',
      certificateSigner: 'next',
      options: (keys) => ({ trustUpdates: [trustUpdate(keys), retirement(keys)] }),
    },
  ],
  'license-revoked': [
    {
      name: 'on the list',
      options: (keys) => ({
        revocations: [revocations(keys, { licenses: [entryOf('license', LICENSE_ID)] })],
      }),
    },
    {
      name: 'on the list, and of another customer',
      license: { customer: 'Shop Ltd' },
      options: (keys) => ({
        revocations: [revocations(keys, { licenses: [entryOf('license', LICENSE_ID)] })],
      }),
    },
  ],
  'license-product-mismatch': [
    { name: 'for another product', license: { product: { activationId: OTHER, name: 'Acme Firewall' } } },
  ],
  'license-customer-mismatch': [
    { name: "another customer's", license: { customer: 'Shop Ltd' } },
    { name: 'in other letters', license: { customer: 'BANK Ltd' } },
    {
      name: 'composed and decomposed',
      certificate: { customer: 'Caf\u00e9' },
      license: { customer: 'Cafe\u0301' },
    },
  ],
  'license-host-mismatch': [{ name: 'for another host', license: { hosts: ['FFFF-0000-0000-0000'] } }],
  'license-site-mismatch': [
    { name: 'for another site', license: { sites: ['graz'] } },
    { name: 'for a site, and the host has none', certificate: { site: null }, license: { sites: ['graz'] } },
  ],
  'license-not-yet-valid': [{ name: 'answered a millisecond too early', license: { notBefore: THEN + 1 } }],
  'license-expired': [
    {
      name: 'answered as the renewal grace ends',
      license: { ...BEGUN_LONG_AGO, ...endedBefore(14 * DAY) },
      answer: { conditions: ['license-in-grace'] },
    },
    { name: 'answered long after', license: { ...BEGUN_LONG_AGO, ...endedBefore(99 * DAY) } },
  ],
  'clock-behind': [
    { name: 'five minutes and a millisecond', options: () => ({ now: THEN - 5 * MINUTE - 1 }) },
    { name: 'a clock in 1970', options: () => ({ now: 0 }) },
  ],
  'lease-expired': [
    { name: 'as the lease ends', options: () => ({ now: THEN + 7 * DAY }) },
    { name: 'long after', options: () => ({ now: 9_999_999_999_999 }) },
    {
      name: 'a lease that was shortened by the end of the license',
      license: { notAfter: THEN + HOUR, graceUntil: THEN + 2 * HOUR },
      answer: { expiresAt: THEN + 2 * HOUR, renewAfter: THEN + HOUR },
      options: () => ({ now: THEN + 2 * HOUR }),
    },
    { name: 'without a feature besides', options: () => ({ now: THEN + 7 * DAY, features: ['missing'] }) },
  ],
  'feature-missing': [
    { name: 'one that the license does not have', options: () => ({ features: ['vpn', 'cluster'] }) },
    { name: 'too small a number', options: () => ({ features: ['throughput>=11'] }) },
    { name: 'a number of a feature without one', options: () => ({ features: ['vpn>=1'] }) },
    { name: 'even none of a feature without a number', options: () => ({ features: ['vpn>=0'] }) },
    { name: 'no license', license: null, options: () => ({ features: ['vpn'], requireLicense: false }) },
    { name: 'the name of a member of all objects', options: () => ({ features: ['constructor'] }) },
  ],
};

function padded(length: number) {
  return (evidence: Statement) => JSON.stringify(evidence).padEnd(length);
}

/** As above, and too large for a file, or newer than the frozen ones: the tests make them. */
export const MORE_EVIDENCE_VECTORS: typeof EVIDENCE_VECTORS = {
  'certificate-untrusted': [
    { unknown: 1 },
    { vendorName: '' },
    { version: 2.5 },
    { issuedAt: -1 },
    { previous: '' },
    { roots: 'x' },
  ].map((wrong) => ({
    name: `a root of a trust update with ${JSON.stringify(wrong)}`,
    certificateSigner: 'next',
    licenseSigner: 'next',
    options: (keys) => ({ trustUpdates: [trustUpdate(keys, wrong)] }),
  })),
  ok: [
    { name: 'a mebibyte', evidence: padded(1024 * 1024) },
    {
      name: '256 trust updates, most of them other vendors',
      options: () => ({ trustUpdates: Array(256).fill({}) }),
    },
    {
      name: 'a revocation list of 2,501 entries',
      options: (keys) => ({
        revocations: [
          revocations(keys, {
            hosts: Array(1).fill(entryOf('host serial', SERIAL)),
            licenses: Array(2500).fill(entryOf('license', SERIAL)),
          }),
        ],
      }),
    },
  ],
  'response-malformed': [
    {
      name: 'a license that is too long',
      editLicense: (envelope) => ({ ...envelope, payload: 'A'.repeat(512 * 1024 + 4) }),
    },
    { name: 'a byte more than a mebibyte', evidence: padded(1024 * 1024 + 1) },
    { name: 'a hundred thousand brackets', evidence: () => '['.repeat(100_000) },
    { name: 'nested a hundred thousand deep', evidence: () => nested(100_000) },
    { name: 'nested 2,000 deep', spellAnswer: spell('"refusal":null', `"refusal":${nested(2000)}`) },
  ],
};
