import { HRESULT } from './hresult.ts';

/**
 * Every failure that has a name. The key is the code in `--json` and in the events; `hresult` decides slmgr's text and
 * the exit status (see hresult.ts); `outcome` is the outcome in event 12309; `hint` tells the reader what to do now.
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
  'Run it again (avma guest activate). If it fails again, something on the pipe changes what passes, or the host is not genuine: avma pipe probe.';

/** Every code, in the groups of docs/errors.md. */
export const CODES = {
  // This machine.
  'access-denied': data(
    HRESULT.E_ACCESSDENIED,
    'Run the command as root, or as the user who owns the named file or device.',
  ),
  'disk-full': data(
    HRESULT.ERROR_DISK_FULL,
    'Free some space on that disk (df -h), then run the command again. The file that was there is unchanged.',
  ),
  'io-error': data(
    HRESULT.ERROR_IO_DEVICE,
    'Check the disk or device that is named (dmesg has the details), then run the command again.',
  ),
  'file-not-found': data(
    HRESULT.ERROR_FILE_NOT_FOUND,
    'Check the path that is named, for example with ls -l.',
  ),
  'file-exists': data(HRESULT.E_INVALIDARG, 'Give another path, or move the existing file away.'),
  'file-invalid': data(
    INVALID_DATA,
    'Check that this is the right file, and get it again from where it came from if it is damaged.',
  ),
  'state-damaged': data(
    INVALID_DATA,
    'Install the product key again: slmgr /ipk KEY. The damaged file is kept beside the new one.',
  ),
  'state-newer': data(
    INVALID_DATA,
    'Update avma to the version that wrote the file, or a newer one (slmgr /dlv shows the version in use).',
  ),
  'ledger-newer': data(
    INVALID_DATA,
    'Update avma on this host to the version that wrote the ledger, or a newer one. A ledger is never changed back.',
  ),
  'state-locked': data(
    HRESULT.ERROR_LOCK_VIOLATION,
    'Wait until the other command has ended, then run this one again.',
  ),
  'ledger-forked': data(
    INVALID_DATA,
    "Two hosts wrote one ledger, or the database was restored while the host ran. Find the other one (two machines with one host's folder) and stop it, then restart this host: it goes on from the last record in the database. docs/host.md says more.",
  ),
  'ledger-unsafe': data(
    HRESULT.E_INVALIDARG,
    'In the database, as its administrator: ALTER SYSTEM SET fsync = on; then SELECT pg_reload_conf(); the host goes on by itself.',
  ),
  'agent-running': data(
    HRESULT.ERROR_LOCK_VIOLATION,
    'One agent renews all licenses of a machine: leave it running, or stop it first (systemctl stop avma-agent).',
  ),
  'agent-unavailable': data(
    HRESULT.RPC_S_SERVER_UNAVAILABLE,
    'As root: start the agent (systemctl start avma-agent, or avma guest agent), or run the command as root, which needs none.',
  ),
  'host-not-running': data(
    HRESULT.RPC_S_SERVER_UNAVAILABLE,
    'Start the host (systemctl start avma-host, or avma host serve), then run the command again.',
  ),
  'hook-failed': data(
    HRESULT.E_INVALIDARG,
    'Look at that program of /etc/avma/on-change.d: it has to end with 0 within 30 seconds, to belong to root, and to be writable by root only, as has every folder above it.',
  ),
  'config-invalid': data(
    HRESULT.E_INVALIDARG,
    'Correct the value that is named in /etc/avma/config.json, in the file of AVMA_CONFIG, or in the environment.',
  ),
  'argument-invalid': data(
    HRESULT.E_INVALIDARG,
    'Run the command with --help to see how its arguments are written.',
  ),
  internal: data(
    HRESULT.ERROR_IO_DEVICE,
    'This is a fault in avma. Please report it with the output of the same command under AVMA_DEBUG=all.',
  ),

  // Product keys and products.
  'key-invalid': data(
    HRESULT.SL_E_INVALID_PRODUCT_KEY,
    'Check the key, or install the catalog that lists it: avma guest catalog add FILE (or slmgr /ilc FILE).',
  ),
  'key-not-installed': data(HRESULT.SL_E_PKEY_NOT_INSTALLED, 'Install a product key first: slmgr /ipk KEY.'),
  'channel-unsupported': host(
    HRESULT.SL_E_VL_BINDING_SERVICE_UNAVAILABLE,
    'Install the key of a product on channel VT:IA, the only kind that a host activates: slmgr /ipk KEY.',
  ),

  'rearm-exhausted': data(
    HRESULT.SL_E_SPP_TS_MAX_REARM_REACHED,
    'Rearming is used up. Activate instead: slmgr /ato.',
  ),
  'confirmation-id-invalid': data(
    HRESULT.SL_E_CIDIID_INVALID_DATA,
    'A Confirmation ID has 48 digits. Virtual machines need none; activate with slmgr /ato.',
  ),
  'confirmation-id-unusable': denied(
    HRESULT.ERROR_NOT_SUPPORTED,
    'Virtual machines need no Confirmation ID; activate with slmgr /ato.',
  ),

  // Finding and reaching the host.
  'pipe-uri-invalid': data(
    HRESULT.E_INVALIDARG,
    'Write the pipe as TYPE:PLACE, for example AVMA_PIPE=unix:/run/avma/host.sock.',
  ),
  'pipe-not-found': host(
    HRESULT.SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM,
    'Give the VM a pipe to its host, or name the pipe, for example AVMA_PIPE=unix:/run/avma/host.sock. avma pipe probe shows what is there.',
  ),
  'pipe-busy': host(
    HRESULT.SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM,
    'Only one process at a time can hold this pipe: stop the other process or wait until it has ended, then run the command again.',
  ),
  'host-absent': host(
    HRESULT.SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM,
    'Start the host (avma host serve), or name another pipe in AVMA_PIPE. avma pipe probe tests a pipe.',
  ),
  'host-silent': host(
    HRESULT.SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM,
    'Check on the host that avma host serve runs and serves this VM, then run the command again. A slow pipe may need a longer AVMA_DEADLINE (seconds).',
  ),
  'host-gone': host(
    HRESULT.SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM,
    'Run the command again. If it fails again, look at the log of avma host serve on the host.',
  ),
  'protocol-unsupported': host(
    HRESULT.SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM,
    'Update avma on the guest or on the host, whichever is older.',
  ),
  'vm-id-unknown': host(
    HRESULT.SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM,
    'Run the command as root, or give this machine an ID: AVMA_VM_ID=UUID.',
  ),

  // What the host sent: one code for each verification step of docs/protocol.md, section 7.
  'response-malformed': data(INVALID_DATA, tryAgainElseReport),
  'response-unopened': data(INVALID_DATA, tryAgainElseReport),
  'certificate-untrusted': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    'Add the trust anchor of the vendor who certified the host: avma guest trust add FILE. avma guest trust list shows the vendors that this machine trusts.',
  ),
  'certificate-expired': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    'On the host: avma host request > request.json, have the vendor certify it, then avma host activate CERTIFICATE.',
  ),
  'certificate-not-yet-valid': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    'On the host: compare its clock (date) with the dates of its certificate (avma host status).',
  ),
  'host-revoked': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    "Ask the host's operator: its vendor has withdrawn the host's certificate, and a new one is needed (avma host request).",
  ),
  'signature-invalid': data(INVALID_DATA, tryAgainElseReport),
  'request-mismatch': data(INVALID_DATA, tryAgainElseReport),
  'host-mismatch': data(INVALID_DATA, tryAgainElseReport),
  'vm-mismatch': denied(
    HRESULT.SL_E_IA_MACHINE_NOT_BOUND,
    'Activate this machine itself: slmgr /ato. A copied disk does not carry the license of its original.',
  ),
  'edition-mismatch': denied(
    HRESULT.SL_E_IA_ID_MISMATCH,
    'Run the command again: slmgr /ato. If it fails again, something on the pipe changes what passes.',
  ),
  'vendor-mismatch': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    "Have the host certified by the product's own vendor: avma inspect CATALOG names it, and avma host status the vendors of the host.",
  ),
  'lease-invalid': data(
    INVALID_DATA,
    "Report it to the host's operator: the host granted a lease that no host may grant. Use another host meanwhile.",
  ),

  // What the host decided, signed.
  throttled: denied(
    HRESULT.SL_E_IA_THROTTLE_LIMIT_EXCEEDED,
    'Wait a minute, then run the command again. The host limits the requests of one channel (avma host serve --throttle).',
  ),
  'host-not-activated': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    'On the host: avma host request > request.json, have the vendor certify it, then avma host activate CERTIFICATE.',
  ),
  'host-not-datacenter': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    'Have the vendor certify the host with --edition ServerDatacenter, then on the host: avma host activate CERTIFICATE.',
  ),
  'product-unknown': denied(
    HRESULT.SL_E_IA_ID_MISMATCH,
    "On the host: copy the product's catalog into /etc/avma/catalog.d; a running host reads it within a second.",
  ),
  'product-mismatch': denied(
    HRESULT.SL_E_IA_ID_MISMATCH,
    'Give guest and host the same catalog: slmgr /ilc FILE here, /etc/avma/catalog.d on the host.',
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
    "Use this VM's own pipe. If it is, compare the VM's UUID on the host with avma guest status here; AVMA_VM_ID corrects it.",
  ),
  'vm-cloned': denied(
    HRESULT.SL_E_IA_MACHINE_NOT_BOUND,
    "Give the copied VM a VM ID of its own (virt-clone does; in the domain's XML: uuid), then activate it. On the host: avma host guests shows where both run, avma host release VM ends it.",
  ),
  'document-unknown': host(
    HRESULT.SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM,
    'Run the command again (avma guest activate): the host has replaced what it announced a moment before.',
  ),
  'exchange-reused': data(
    INVALID_DATA,
    'Run the command again: slmgr /ato. If it fails again, something on the pipe repeats or changes requests.',
  ),
  'request-unopened': data(
    INVALID_DATA,
    'Run the command again: slmgr /ato. The guest then asks the host for its certificate first.',
  ),
  'request-malformed': data(INVALID_DATA, 'Update avma on the guest or on the host, whichever is older.'),
  refused: denied(
    HRESULT.SL_E_IA_MACHINE_NOT_BOUND,
    "Ask the host's operator: the host's events.jsonl has the reason.",
  ),

  // A license of a customer. The first of these that fits best is signed in a refusal; a guest finds the others itself.
  'license-missing': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    'On the host: avma host license add FILE, with a license for this product from its vendor. avma host license list shows what there is.',
  ),
  'license-untrusted': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    "Ask the product's vendor for a license that a present root of that vendor has signed, then on the host: avma host license add FILE.",
  ),
  'license-revoked': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    'Ask the vendor why, and for a new license; then on the host: avma host license add FILE.',
  ),
  'license-product-mismatch': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    'On the host: avma host license add FILE, with a license for this product. avma inspect FILE shows which product a license is for.',
  ),
  'license-customer-mismatch': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    'Use the license of the customer whom the host is certified for, or have the vendor certify the host anew: avma vendor certify --customer.',
  ),
  'license-host-mismatch': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    'Use one of the hosts that the license names (avma inspect FILE), or ask the vendor for a license for this one: avma vendor license new --host.',
  ),
  'license-site-mismatch': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    'Have the vendor certify the host for its site (avma vendor certify --site), or ask for a license for that site.',
  ),
  'license-not-yet-valid': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    'Wait until the license begins, or correct the clock of the host (date). avma host license list shows the dates.',
  ),
  'license-expired': host(
    HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED,
    'Ask the vendor for the next license, then on the host: avma host license add FILE.',
  ),
  'license-limit-reached': denied(
    HRESULT.SL_E_IA_MACHINE_NOT_BOUND,
    'Ask the vendor for a license for more guests. Guests that the host has activated before go on. avma host status shows how many there are.',
  ),
  'license-invalid': data(
    INVALID_DATA,
    'Get the license file again from its vendor, unchanged. avma inspect FILE shows what it says.',
  ),
  'feature-missing': denied(
    HRESULT.SL_E_IA_ID_MISMATCH,
    'Ask the vendor for a license with this feature. avma guest status shows the features that there are.',
  ),

  // What a vendor signs besides.
  'catalog-unsigned': data(
    INVALID_DATA,
    "Keep the signed catalog and remove the unsigned file: the vendor's products come from its signed catalog only.",
  ),
  'catalog-foreign': data(
    INVALID_DATA,
    'Ask both vendors: a product belongs to one of them. avma inspect FILE shows who signed a catalog. Remove the other file.',
  ),
  'catalog-invalid-signature': data(
    INVALID_DATA,
    'Get the catalog again from its vendor, unchanged; the vendor signs changes anew: avma vendor catalog sign.',
  ),
  'revocations-invalid': data(
    INVALID_DATA,
    'Get the revocation list again from its vendor, unchanged. avma inspect FILE shows what it says.',
  ),
  'revocations-foreign': data(
    INVALID_DATA,
    'Use a list that a present root of the vendor has signed. If it has a new root, take its trust update first: avma host trust add FILE.',
  ),
  'revocations-old': data(
    INVALID_DATA,
    'Keep the newer list that is here: nothing was changed. avma host revocations list shows it.',
  ),
  'trust-update-invalid': data(
    INVALID_DATA,
    'Get the trust update again from its vendor, unchanged. avma inspect FILE shows what it says.',
  ),
  'trust-update-foreign': data(
    INVALID_DATA,
    'Install the trust anchor of that vendor first, if it is to be trusted here; a trust update only goes on from known roots.',
  ),
  'trust-update-old': data(
    INVALID_DATA,
    'Nothing is to be done: the update, or a later one, is known already.',
  ),
  'trust-update-gap': data(
    INVALID_DATA,
    'Get the updates in between from the vendor, and take them in order: avma host trust add FILE.',
  ),
  'trust-update-unsigned': data(
    INVALID_DATA,
    'Have the vendor make it anew with both keys, the old root and the new one: avma vendor rotate --key root.key --out FOLDER.',
  ),
  'trust-update-drops': data(
    INVALID_DATA,
    'Have the vendor add the new root first (avma vendor rotate --key root.key --out FOLDER), and retire the old one in a later update.',
  ),

  // Usage reports, and files that are carried from place to place.
  'report-invalid': data(
    INVALID_DATA,
    'Get the report again from the host, unchanged: avma host report -o FILE.',
  ),
  'report-gap': data(
    INVALID_DATA,
    "Ask the host's operator for the reports in between: each one names the one before.",
  ),
  'report-previous-mismatch': data(
    INVALID_DATA,
    "Ask the host's operator for the report that this one names as the one before; the one that was given is another.",
  ),
  'nothing-received': data(
    HRESULT.E_INVALIDARG,
    'Check that this is the right folder: avma inspect FILE says what a file is and whose. avma host request names this host.',
  ),
  'passphrase-missing': data(
    HRESULT.E_ACCESSDENIED,
    'Run the command on a terminal, which asks for the passphrase, or give --passphrase-file FILE.',
  ),
  'passphrase-wrong': data(
    HRESULT.E_ACCESSDENIED,
    'Enter the passphrase again. Nobody can open the key without it; a key whose passphrase is lost has to be replaced.',
  ),

  // What became of a license.
  'grace-expired': denied(HRESULT.SL_E_GRACE_TIME_EXPIRED, 'Activate again: slmgr /ato.'),
} as const satisfies Record<string, CodeEntry>;

export type AvmaErrorCode = keyof typeof CODES;
