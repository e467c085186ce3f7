/**
 * The HRESULTs that this project can report: their names in the Windows SDK, what slmgr says of them, and
 * the exit status that stands for them where only eight bits survive.
 *
 * `slmgrText` is the text that slmgr itself prints after the code; `description` is the error's own text, which
 * slmgr prints for Windows errors that it has no text for. A code with neither gets slmgr's generic sentence.
 */
export interface HresultEntry {
  readonly symbol: string;
  readonly slmgrText?: string;
  readonly description?: string;
  /** POSIX exit status, see {@link exitStatusOf}. Absent: 70 (EX_SOFTWARE). */
  readonly exit?: number;
}

const elevation = 'Access denied: the requested action requires elevated privileges';

// The sysexits(3) numbers used below.
const EX_USAGE = 64;
const EX_DATAERR = 65;
const EX_NOINPUT = 66;
const EX_NOHOST = 68;
const EX_UNAVAILABLE = 69;
const EX_SOFTWARE = 70;
const EX_IOERR = 74;
const EX_TEMPFAIL = 75;
const EX_NOPERM = 77;

/** What a host's refusals exit with: 80 plus the last digit of 0xC004FD0x, since sysexits has no such thing. */
const REFUSED = 80;

/** One entry for each HRESULT, by its name in the Windows SDK. */
const ENTRIES = {
  SL_E_IA_THROTTLE_LIMIT_EXCEEDED: { hresult: 0xc004fd00, exit: EX_TEMPFAIL },
  SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM: { hresult: 0xc004fd01, exit: EX_UNAVAILABLE },
  SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED: { hresult: 0xc004fd02, exit: REFUSED + 2 },
  SL_E_IA_ID_MISMATCH: { hresult: 0xc004fd03, exit: REFUSED + 3 },
  SL_E_IA_MACHINE_NOT_BOUND: { hresult: 0xc004fd04, exit: REFUSED + 4 },

  SL_E_GRACE_TIME_EXPIRED: {
    hresult: 0xc004f009,
    slmgrText: 'The software Licensing Service reported that the grace period expired',
  },
  SL_E_OUT_OF_TOLERANCE: {
    hresult: 0xc004f00f,
    slmgrText:
      'The Software Licensing Server reported that the hardware ID binding is beyond level of tolerance',
  },
  SL_E_VALUE_NOT_FOUND: { hresult: 0xc004f012 },
  SL_E_PKEY_NOT_INSTALLED: {
    hresult: 0xc004f014,
    slmgrText: 'The Software Licensing Service reported that the product key is not available',
    exit: EX_NOINPUT,
  },
  SL_E_PRODUCT_SKU_NOT_INSTALLED: { hresult: 0xc004f015, exit: EX_NOINPUT },
  SL_E_LUA_ACCESSDENIED: { hresult: 0xc004f025, slmgrText: elevation, exit: EX_NOPERM },
  SL_E_CIDIID_INVALID_DATA: {
    hresult: 0xc004f02c,
    slmgrText:
      'The software Licensing Service reported that the format for the offline activation data is incorrect',
    exit: EX_DATAERR,
  },
  SL_E_EUL_NOT_AVAILABLE: { hresult: 0xc004f034 },
  SL_E_VL_NOT_ENOUGH_COUNT: {
    hresult: 0xc004f038,
    slmgrText:
      'The software Licensing Service reported that the computer could not be activated. The count reported by your Key Management Service (KMS) is insufficient. Please contact your system administrator',
  },
  SL_E_VL_BINDING_SERVICE_NOT_ENABLED: {
    hresult: 0xc004f039,
    slmgrText:
      'The software Licensing Service reported that the computer could not be activated. The Key Management Service (KMS) is not enabled',
  },
  SL_E_VL_KEY_MANAGEMENT_SERVICE_NOT_ACTIVATED: {
    hresult: 0xc004f041,
    slmgrText:
      'The software Licensing Service determined that the Key Management Server (KMS) is not activated. KMS needs to be activated',
  },
  SL_E_VL_KEY_MANAGEMENT_SERVICE_ID_MISMATCH: {
    hresult: 0xc004f042,
    slmgrText:
      'The software Licensing Service determined that the specified Key Management Service (KMS) cannot be used',
  },
  SL_E_INVALID_PRODUCT_KEY: {
    hresult: 0xc004f050,
    slmgrText: 'The Software Licensing Service reported that the product key is invalid',
    exit: EX_DATAERR,
  },
  SL_E_BLOCKED_PRODUCT_KEY: {
    hresult: 0xc004f051,
    slmgrText: 'The software Licensing Service reported that the product key is blocked',
    exit: EX_DATAERR,
  },
  SL_E_VL_MACHINE_NOT_BOUND: { hresult: 0xc004f056 },
  SL_E_NONGENUINE_GRACE_TIME_EXPIRED: {
    hresult: 0xc004f064,
    slmgrText: 'The software Licensing Service reported that the non-Genuine grace period expired',
  },
  SL_E_DEPENDENT_PROPERTY_NOT_SET: {
    hresult: 0xc004f066,
    slmgrText: 'The Software Licensing Service reported that the product SKU is not found',
  },
  SL_E_MISMATCHED_PRODUCT_SKU: { hresult: 0xc004f069 },
  SL_E_VL_KEY_MANAGEMENT_SERVICE_VM_NOT_SUPPORTED: {
    hresult: 0xc004f06b,
    slmgrText:
      'The software Licensing Service determined that it is running in a virtual machine. The Key Management Service (KMS) is not supported in this mode',
  },
  SL_E_VL_BINDING_SERVICE_UNAVAILABLE: {
    hresult: 0xc004f074,
    slmgrText:
      'The Software Licensing Service reported that the computer could not be activated. No Key Management Service (KMS) could be contacted. Please see the Application Event Log for additional information.',
    exit: EX_UNAVAILABLE,
  },
  SL_E_SERVICE_STOPPING: {
    hresult: 0xc004f075,
    slmgrText:
      'The Software Licensing Service reported that the operation cannot be completed because the service is stopping',
  },
  SL_E_NOT_GENUINE: { hresult: 0xc004f200 },
  SL_E_EUL_CONSUMPTION_FAILED: { hresult: 0xc004e015 },
  SL_E_PKEY_INVALID_CONFIG: { hresult: 0xc004e016 },
  SL_E_SPP_TS_MAX_REARM_REACHED: {
    hresult: 0xc004d307,
    slmgrText:
      'The maximum allowed number of re-arms has been exceeded. You must re-install the OS before trying to re-arm again',
  },
  SL_E_CHPA_PRODUCT_KEY_OUT_OF_RANGE: {
    hresult: 0xc004c001,
    slmgrText: 'The activation server determined the specified product key is invalid',
    exit: EX_DATAERR,
  },
  SL_E_CHPA_PRODUCT_KEY_BLOCKED: {
    hresult: 0xc004c003,
    slmgrText: 'The activation server determined the specified product key is blocked',
    exit: EX_DATAERR,
  },
  SL_E_CHPA_MAXIMUM_UNLOCK_EXCEEDED: {
    hresult: 0xc004c008,
    slmgrText: 'The activation server determined that the specified product key could not be used',
  },
  SL_E_CHPA_DYNAMICALLY_BLOCKED_PRODUCT_KEY: {
    hresult: 0xc004c020,
    slmgrText: 'The activation server reported that the Multiple Activation Key has exceeded its limit',
  },

  ERROR_FILE_NOT_FOUND: {
    hresult: 0x80070002,
    description: 'The system cannot find the file specified.',
    exit: EX_NOINPUT,
  },
  E_ACCESSDENIED: { hresult: 0x80070005, slmgrText: elevation, exit: EX_NOPERM },
  ERROR_INVALID_DATA: { hresult: 0x8007000d, description: 'The data is invalid.', exit: EX_DATAERR },
  ERROR_LOCK_VIOLATION: {
    hresult: 0x80070021,
    description:
      'The process cannot access the file because another process has locked a portion of the file.',
    exit: EX_TEMPFAIL,
  },
  ERROR_NOT_SUPPORTED: {
    hresult: 0x80070032,
    description: 'The request is not supported.',
    exit: EX_UNAVAILABLE,
  },
  E_INVALIDARG: { hresult: 0x80070057, slmgrText: 'The parameter is incorrect', exit: EX_USAGE },
  ERROR_DISK_FULL: {
    hresult: 0x80070070,
    description: 'There is not enough space on the disk.',
    exit: EX_IOERR,
  },
  ERROR_IO_DEVICE: {
    hresult: 0x8007045d,
    description: 'The request could not be performed because of an I/O device error.',
    exit: EX_IOERR,
  },
  ERROR_NO_SUCH_DOMAIN: {
    hresult: 0x8007054b,
    description: 'The specified domain either does not exist or could not be contacted.',
    exit: EX_NOHOST,
  },
  ERROR_INTERNET_NAME_NOT_RESOLVED: { hresult: 0x80072ee7, exit: EX_NOHOST },
  RPC_S_SERVER_UNAVAILABLE: {
    hresult: 0x800706ba,
    slmgrText: 'The RPC server is unavailable',
    exit: EX_UNAVAILABLE,
  },
  DNS_ERROR_RCODE_SERVER_FAILURE: { hresult: 0x8007232a, slmgrText: 'DNS server failure', exit: EX_NOHOST },
  DNS_ERROR_RCODE_NAME_ERROR: { hresult: 0x8007232b, slmgrText: 'DNS name does not exist', exit: EX_NOHOST },
  DNS_INFO_NO_RECORDS: { hresult: 0x8007251d, slmgrText: 'No records found for DNS query', exit: EX_NOHOST },
  CRYPT_E_NOT_FOUND: {
    hresult: 0x80092004,
    description: 'Cannot find object or property.',
    exit: EX_NOINPUT,
  },
} as const satisfies Record<string, Omit<HresultEntry, 'symbol'> & { readonly hresult: number }>;

type SdkName = keyof typeof ENTRIES;

/** HRESULTs by their names in the Windows SDK. */
export const HRESULT = Object.fromEntries(
  Object.entries(ENTRIES).map(([symbol, { hresult }]) => [symbol, hresult]),
) as { readonly [S in SdkName]: (typeof ENTRIES)[S]['hresult'] };

/** What is known of each HRESULT, by its number. */
export const HRESULTS: Readonly<Record<number, HresultEntry>> = Object.fromEntries(
  Object.entries(ENTRIES).map(([symbol, entry]) => [entry.hresult, { symbol, ...entry }]),
);

/** `0xC004FD01`: upper-case hex without padding, as slmgr prints a code. */
export function formatHresult(hresult: number): string {
  return `0x${(hresult >>> 0).toString(16).toUpperCase()}`;
}

/**
 * What slmgr prints after the code: its own text, else the error's description, else the generic sentence that
 * sends the reader to slui.exe.
 */
export function slmgrErrorText(hresult: number): string {
  const entry = HRESULTS[hresult >>> 0];
  return (
    entry?.slmgrText ??
    entry?.description ??
    `On a computer running Microsoft Windows non-core edition, run 'slui.exe 0x2a ${formatHresult(hresult)}' to display the error text.`
  );
}

/**
 * The exit status for a failed call. Windows keeps all 32 bits, so there it is the HRESULT, as slmgr's is.
 * Elsewhere only the low byte survives, and that of 0xC004FD00 is 0, which reads as success: so those systems get
 * the number of the table above, which is never 0. docs/slmgr.md and docs/errors.md print the same numbers.
 */
export function exitStatusOf(hresult: number, platform: NodeJS.Platform): number {
  if (platform === 'win32') return hresult | 0;
  return HRESULTS[hresult >>> 0]?.exit ?? EX_SOFTWARE;
}
