import { HRESULT } from './hresult.ts';

/**
 * Every failure that has a name. The key is what `--json` and the events carry; `hresult` decides slmgr's text and
 * the exit status (see hresult.ts); `outcome` is what event 12309 says of it; `hint` is the sentence that tells the
 * reader what to do.
 */
export interface CodeEntry {
  readonly hresult: number;
  readonly outcome: ActivationOutcome;
  readonly hint: string;
}

/** The four outcomes that Microsoft documents for event 12309. */
export type ActivationOutcome = 'AVMA Success' | 'Invalid Host' | 'Invalid Data' | 'Activation Denied';

const host = (hresult: number, hint: string): CodeEntry => ({ hresult, outcome: 'Invalid Host', hint });
const data = (hresult: number, hint: string): CodeEntry => ({ hresult, outcome: 'Invalid Data', hint });
const denied = (hresult: number, hint: string): CodeEntry => ({
  hresult,
  outcome: 'Activation Denied',
  hint,
});

const INVALID_DATA = HRESULT.ERROR_INVALID_DATA;
const tryAgainElseReport =
  'Try again; if it stays, something on the pipe changes what passes, or the host is not what it says.';

export const CODES = {
  // This machine.
  'access-denied': data(HRESULT.E_ACCESSDENIED, 'Run it as a user who may write there, root as a rule.'),
  'disk-full': data(HRESULT.ERROR_DISK_FULL, 'Free some space and run it again; nothing was changed.'),
  'io-error': data(HRESULT.ERROR_IO_DEVICE, 'Look at the disk or device that is named.'),
  'file-not-found': data(HRESULT.ERROR_FILE_NOT_FOUND, 'Check the path.'),
  'file-exists': data(HRESULT.E_INVALIDARG, 'Name another place, or move away what is there.'),
  'file-invalid': data(INVALID_DATA, 'Check that it is the right file and that it is whole.'),
  'state-damaged': data(
    INVALID_DATA,
    'The file is left as it is. Install the key again (slmgr /ipk KEY): the damaged file is then kept aside.',
  ),
  'state-newer': data(INVALID_DATA, 'Use the version of avma that wrote it, or a newer one.'),
  'state-locked': data(
    HRESULT.ERROR_LOCK_VIOLATION,
    'Another command is changing the licence; run this one again.',
  ),
  'config-invalid': data(HRESULT.E_INVALIDARG, 'Correct the configuration that is named.'),
  'argument-invalid': data(HRESULT.E_INVALIDARG, 'Correct the argument that is named.'),
  internal: data(
    HRESULT.ERROR_IO_DEVICE,
    'This is a fault in avma: please report it with the command that you typed.',
  ),

  // Product keys and products.
  'key-invalid': data(
    HRESULT.SL_E_INVALID_PRODUCT_KEY,
    'Check the key, or install the catalogue that lists it.',
  ),
  'key-not-installed': data(HRESULT.SL_E_PKEY_NOT_INSTALLED, 'Install a key first: slmgr /ipk KEY.'),
  'channel-unsupported': host(
    HRESULT.SL_E_VL_BINDING_SERVICE_UNAVAILABLE,
    'Only products of the VIRTUAL_MACHINE_ACTIVATION channel can be activated here.',
  ),

  'rearm-exhausted': data(HRESULT.SL_E_SPP_TS_MAX_REARM_REACHED, 'Activate instead: slmgr /ato.'),
  'confirmation-id-invalid': data(
    HRESULT.SL_E_CIDIID_INVALID_DATA,
    'A Confirmation ID has 48 digits. Virtual machine activation needs none: slmgr /ato.',
  ),
  'confirmation-id-unusable': denied(
    HRESULT.ERROR_NOT_SUPPORTED,
    'Virtual machine activation needs no Confirmation ID: slmgr /ato.',
  ),

  // Finding and reaching the host.
  'pipe-uri-invalid': data(HRESULT.E_INVALIDARG, 'Write the pipe as unix:/run/avma/host.sock, for example.'),
  'pipe-not-found': host(
    HRESULT.SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM,
    'Name the pipe to the host: AVMA_PIPE=unix:/run/avma/host.sock.',
  ),
  'pipe-busy': host(
    HRESULT.SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM,
    'Only one process at a time can hold it: stop the other one, or wait until it is done.',
  ),
  'host-absent': host(
    HRESULT.SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM,
    'Start the host (avma host serve), or name another pipe in AVMA_PIPE.',
  ),
  'host-silent': host(
    HRESULT.SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM,
    'Something holds the pipe but does not answer: look at the host, then try again.',
  ),
  'host-gone': host(
    HRESULT.SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM,
    'The host went away in the middle: try again.',
  ),
  'protocol-unsupported': host(
    HRESULT.SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM,
    'Bring guest and host to versions that share a protocol.',
  ),
  'vm-id-unknown': host(
    HRESULT.SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM,
    'Give this machine an ID: AVMA_VM_ID=<UUID>.',
  ),

  // What the host sent. The steps are those of docs/protocol.md, section 7.
  'response-malformed': data(INVALID_DATA, tryAgainElseReport),
  'response-unopened': data(INVALID_DATA, tryAgainElseReport),
  'certificate-untrusted': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    "Add the vendor's trust anchor (avma guest trust add FILE), or have the vendor certify the host.",
  ),
  'certificate-expired': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    'On the host: avma host request > request.json, have the vendor certify it, then avma host activate CERTIFICATE.',
  ),
  'certificate-not-yet-valid': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    'On the host: compare its clock (date) with the dates of its certificate (avma host status).',
  ),
  'signature-invalid': data(INVALID_DATA, tryAgainElseReport),
  'request-mismatch': data(INVALID_DATA, tryAgainElseReport),
  'host-mismatch': data(INVALID_DATA, tryAgainElseReport),
  'vm-mismatch': denied(HRESULT.SL_E_IA_MACHINE_NOT_BOUND, 'Activate this machine itself: slmgr /ato.'),
  'edition-mismatch': denied(HRESULT.SL_E_IA_ID_MISMATCH, 'The answer is for another edition: try again.'),
  'lease-invalid': data(INVALID_DATA, 'The host grants what no host may grant: tell its operator.'),

  // What the host decided, signed.
  throttled: denied(
    HRESULT.SL_E_IA_THROTTLE_LIMIT_EXCEEDED,
    'Too many requests came over this pipe: wait a minute.',
  ),
  'host-not-activated': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    'On the host: avma host request, have the vendor certify it, avma host activate CERT.',
  ),
  'host-not-datacenter': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    'Only a Datacenter host may activate guests: have the vendor certify one.',
  ),
  'product-unknown': denied(
    HRESULT.SL_E_IA_ID_MISMATCH,
    "On the host: copy the product's catalogue into /etc/avma/catalog.d, then restart avma host serve.",
  ),
  'product-mismatch': denied(
    HRESULT.SL_E_IA_ID_MISMATCH,
    'Give guest and host the same catalogue: slmgr /ilc FILE here, /etc/avma/catalog.d on the host; then restart avma host serve.',
  ),
  'product-not-served': denied(
    HRESULT.SL_E_IA_ID_MISMATCH,
    'Install the key of an edition that hosts activate (channel VT:IA): slmgr /ipk KEY.',
  ),
  'version-too-old': denied(
    HRESULT.SL_E_IA_ID_MISMATCH,
    'Hosts activate Windows Server 2012 R2 (6.3.9600) and later: install the key of a newer edition, slmgr /ipk KEY.',
  ),
  'version-too-new': denied(
    HRESULT.SL_E_IA_ID_MISMATCH,
    'Use a host that is certified for this version, or have the vendor certify the host anew: avma vendor certify --os-version.',
  ),
  'vm-refused': denied(
    HRESULT.SL_E_IA_MACHINE_NOT_BOUND,
    "This pipe belongs to another VM: use this machine's own.",
  ),
  'exchange-reused': data(INVALID_DATA, 'An exchange ID came twice with different bytes: try again.'),
  'request-unopened': data(INVALID_DATA, 'The request was sealed to another host: the guest asks who it is.'),
  'request-malformed': data(INVALID_DATA, 'The guest sent what no guest sends: look at its version.'),
  refused: denied(
    HRESULT.SL_E_IA_MACHINE_NOT_BOUND,
    "Ask the host's operator; the host's event log has the reason.",
  ),

  // What a stored activation can be.
  'grace-expired': denied(HRESULT.SL_E_GRACE_TIME_EXPIRED, 'Activate: slmgr /ato.'),
} as const satisfies Record<string, CodeEntry>;

export type AvmaErrorCode = keyof typeof CODES;
