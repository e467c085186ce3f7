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

/**
 * HRESULTs by their names in the Windows SDK.
 */
export const HRESULT = {
  SL_E_IA_THROTTLE_LIMIT_EXCEEDED: 0xc004fd00,
  SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM: 0xc004fd01,
  SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED: 0xc004fd02,
  SL_E_IA_ID_MISMATCH: 0xc004fd03,
  SL_E_IA_MACHINE_NOT_BOUND: 0xc004fd04,
  SL_E_GRACE_TIME_EXPIRED: 0xc004f009,
  SL_E_OUT_OF_TOLERANCE: 0xc004f00f,
  SL_E_VALUE_NOT_FOUND: 0xc004f012,
  SL_E_PKEY_NOT_INSTALLED: 0xc004f014,
  SL_E_PRODUCT_SKU_NOT_INSTALLED: 0xc004f015,
  SL_E_LUA_ACCESSDENIED: 0xc004f025,
  SL_E_CIDIID_INVALID_DATA: 0xc004f02c,
  SL_E_EUL_NOT_AVAILABLE: 0xc004f034,
  SL_E_VL_NOT_ENOUGH_COUNT: 0xc004f038,
  SL_E_VL_BINDING_SERVICE_NOT_ENABLED: 0xc004f039,
  SL_E_VL_KEY_MANAGEMENT_SERVICE_NOT_ACTIVATED: 0xc004f041,
  SL_E_VL_KEY_MANAGEMENT_SERVICE_ID_MISMATCH: 0xc004f042,
  SL_E_INVALID_PRODUCT_KEY: 0xc004f050,
  SL_E_BLOCKED_PRODUCT_KEY: 0xc004f051,
  SL_E_VL_MACHINE_NOT_BOUND: 0xc004f056,
  SL_E_NONGENUINE_GRACE_TIME_EXPIRED: 0xc004f064,
  SL_E_DEPENDENT_PROPERTY_NOT_SET: 0xc004f066,
  SL_E_MISMATCHED_PRODUCT_SKU: 0xc004f069,
  SL_E_VL_KEY_MANAGEMENT_SERVICE_VM_NOT_SUPPORTED: 0xc004f06b,
  SL_E_VL_BINDING_SERVICE_UNAVAILABLE: 0xc004f074,
  SL_E_SERVICE_STOPPING: 0xc004f075,
  SL_E_NOT_GENUINE: 0xc004f200,
  SL_E_EUL_CONSUMPTION_FAILED: 0xc004e015,
  SL_E_PKEY_INVALID_CONFIG: 0xc004e016,
  SL_E_SPP_TS_MAX_REARM_REACHED: 0xc004d307,
  SL_E_CHPA_PRODUCT_KEY_OUT_OF_RANGE: 0xc004c001,
  SL_E_CHPA_PRODUCT_KEY_BLOCKED: 0xc004c003,
  SL_E_CHPA_MAXIMUM_UNLOCK_EXCEEDED: 0xc004c008,
  SL_E_CHPA_DYNAMICALLY_BLOCKED_PRODUCT_KEY: 0xc004c020,
  ERROR_FILE_NOT_FOUND: 0x80070002,
  E_ACCESSDENIED: 0x80070005,
  ERROR_INVALID_DATA: 0x8007000d,
  ERROR_LOCK_VIOLATION: 0x80070021,
  ERROR_NOT_SUPPORTED: 0x80070032,
  E_INVALIDARG: 0x80070057,
  ERROR_DISK_FULL: 0x80070070,
  ERROR_IO_DEVICE: 0x8007045d,
  ERROR_NO_SUCH_DOMAIN: 0x8007054b,
  ERROR_INTERNET_NAME_NOT_RESOLVED: 0x80072ee7,
  RPC_S_SERVER_UNAVAILABLE: 0x800706ba,
  DNS_ERROR_RCODE_SERVER_FAILURE: 0x8007232a,
  DNS_ERROR_RCODE_NAME_ERROR: 0x8007232b,
  DNS_INFO_NO_RECORDS: 0x8007251d,
  CRYPT_E_NOT_FOUND: 0x80092004,
} as const;

export const HRESULTS: Readonly<Record<number, HresultEntry>> = {
  [HRESULT.SL_E_IA_THROTTLE_LIMIT_EXCEEDED]: { symbol: 'SL_E_IA_THROTTLE_LIMIT_EXCEEDED', exit: EX_TEMPFAIL },
  [HRESULT.SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM]: {
    symbol: 'SL_E_IA_INVALID_VIRTUALIZATION_PLATFORM',
    exit: EX_UNAVAILABLE,
  },
  [HRESULT.SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED]: {
    symbol: 'SL_E_IA_PARENT_PARTITION_NOT_ACTIVATED',
    exit: REFUSED + 2,
  },
  [HRESULT.SL_E_IA_ID_MISMATCH]: { symbol: 'SL_E_IA_ID_MISMATCH', exit: REFUSED + 3 },
  [HRESULT.SL_E_IA_MACHINE_NOT_BOUND]: { symbol: 'SL_E_IA_MACHINE_NOT_BOUND', exit: REFUSED + 4 },

  [HRESULT.SL_E_GRACE_TIME_EXPIRED]: {
    symbol: 'SL_E_GRACE_TIME_EXPIRED',
    slmgrText: 'The software Licensing Service reported that the grace period expired',
  },
  [HRESULT.SL_E_OUT_OF_TOLERANCE]: {
    symbol: 'SL_E_OUT_OF_TOLERANCE',
    slmgrText:
      'The Software Licensing Server reported that the hardware ID binding is beyond level of tolerance',
  },
  [HRESULT.SL_E_VALUE_NOT_FOUND]: { symbol: 'SL_E_VALUE_NOT_FOUND' },
  [HRESULT.SL_E_PKEY_NOT_INSTALLED]: {
    symbol: 'SL_E_PKEY_NOT_INSTALLED',
    slmgrText: 'The Software Licensing Service reported that the product key is not available',
    exit: EX_NOINPUT,
  },
  [HRESULT.SL_E_PRODUCT_SKU_NOT_INSTALLED]: { symbol: 'SL_E_PRODUCT_SKU_NOT_INSTALLED', exit: EX_NOINPUT },
  [HRESULT.SL_E_LUA_ACCESSDENIED]: { symbol: 'SL_E_LUA_ACCESSDENIED', slmgrText: elevation, exit: EX_NOPERM },
  [HRESULT.SL_E_CIDIID_INVALID_DATA]: {
    symbol: 'SL_E_CIDIID_INVALID_DATA',
    slmgrText:
      'The software Licensing Service reported that the format for the offline activation data is incorrect',
    exit: EX_DATAERR,
  },
  [HRESULT.SL_E_EUL_NOT_AVAILABLE]: { symbol: 'SL_E_EUL_NOT_AVAILABLE' },
  [HRESULT.SL_E_VL_NOT_ENOUGH_COUNT]: {
    symbol: 'SL_E_VL_NOT_ENOUGH_COUNT',
    slmgrText:
      'The software Licensing Service reported that the computer could not be activated. The count reported by your Key Management Service (KMS) is insufficient. Please contact your system administrator',
  },
  [HRESULT.SL_E_VL_BINDING_SERVICE_NOT_ENABLED]: {
    symbol: 'SL_E_VL_BINDING_SERVICE_NOT_ENABLED',
    slmgrText:
      'The software Licensing Service reported that the computer could not be activated. The Key Management Service (KMS) is not enabled',
  },
  [HRESULT.SL_E_VL_KEY_MANAGEMENT_SERVICE_NOT_ACTIVATED]: {
    symbol: 'SL_E_VL_KEY_MANAGEMENT_SERVICE_NOT_ACTIVATED',
    slmgrText:
      'The software Licensing Service determined that the Key Management Server (KMS) is not activated. KMS needs to be activated',
  },
  [HRESULT.SL_E_VL_KEY_MANAGEMENT_SERVICE_ID_MISMATCH]: {
    symbol: 'SL_E_VL_KEY_MANAGEMENT_SERVICE_ID_MISMATCH',
    slmgrText:
      'The software Licensing Service determined that the specified Key Management Service (KMS) cannot be used',
  },
  [HRESULT.SL_E_INVALID_PRODUCT_KEY]: {
    symbol: 'SL_E_INVALID_PRODUCT_KEY',
    slmgrText: 'The Software Licensing Service reported that the product key is invalid',
    exit: EX_DATAERR,
  },
  [HRESULT.SL_E_BLOCKED_PRODUCT_KEY]: {
    symbol: 'SL_E_BLOCKED_PRODUCT_KEY',
    slmgrText: 'The software Licensing Service reported that the product key is blocked',
    exit: EX_DATAERR,
  },
  [HRESULT.SL_E_VL_MACHINE_NOT_BOUND]: { symbol: 'SL_E_VL_MACHINE_NOT_BOUND' },
  [HRESULT.SL_E_NONGENUINE_GRACE_TIME_EXPIRED]: {
    symbol: 'SL_E_NONGENUINE_GRACE_TIME_EXPIRED',
    slmgrText: 'The software Licensing Service reported that the non-Genuine grace period expired',
  },
  [HRESULT.SL_E_DEPENDENT_PROPERTY_NOT_SET]: {
    symbol: 'SL_E_DEPENDENT_PROPERTY_NOT_SET',
    slmgrText: 'The Software Licensing Service reported that the product SKU is not found',
  },
  [HRESULT.SL_E_MISMATCHED_PRODUCT_SKU]: { symbol: 'SL_E_MISMATCHED_PRODUCT_SKU' },
  [HRESULT.SL_E_VL_KEY_MANAGEMENT_SERVICE_VM_NOT_SUPPORTED]: {
    symbol: 'SL_E_VL_KEY_MANAGEMENT_SERVICE_VM_NOT_SUPPORTED',
    slmgrText:
      'The software Licensing Service determined that it is running in a virtual machine. The Key Management Service (KMS) is not supported in this mode',
  },
  [HRESULT.SL_E_VL_BINDING_SERVICE_UNAVAILABLE]: {
    symbol: 'SL_E_VL_BINDING_SERVICE_UNAVAILABLE',
    slmgrText:
      'The Software Licensing Service reported that the computer could not be activated. No Key Management Service (KMS) could be contacted. Please see the Application Event Log for additional information.',
    exit: EX_UNAVAILABLE,
  },
  [HRESULT.SL_E_SERVICE_STOPPING]: {
    symbol: 'SL_E_SERVICE_STOPPING',
    slmgrText:
      'The Software Licensing Service reported that the operation cannot be completed because the service is stopping',
  },
  [HRESULT.SL_E_NOT_GENUINE]: { symbol: 'SL_E_NOT_GENUINE' },
  [HRESULT.SL_E_EUL_CONSUMPTION_FAILED]: { symbol: 'SL_E_EUL_CONSUMPTION_FAILED' },
  [HRESULT.SL_E_PKEY_INVALID_CONFIG]: { symbol: 'SL_E_PKEY_INVALID_CONFIG' },
  [HRESULT.SL_E_SPP_TS_MAX_REARM_REACHED]: {
    symbol: 'SL_E_SPP_TS_MAX_REARM_REACHED',
    slmgrText:
      'The maximum allowed number of re-arms has been exceeded. You must re-install the OS before trying to re-arm again',
  },
  [HRESULT.SL_E_CHPA_PRODUCT_KEY_OUT_OF_RANGE]: {
    symbol: 'SL_E_CHPA_PRODUCT_KEY_OUT_OF_RANGE',
    slmgrText: 'The activation server determined the specified product key is invalid',
    exit: EX_DATAERR,
  },
  [HRESULT.SL_E_CHPA_PRODUCT_KEY_BLOCKED]: {
    symbol: 'SL_E_CHPA_PRODUCT_KEY_BLOCKED',
    slmgrText: 'The activation server determined the specified product key is blocked',
    exit: EX_DATAERR,
  },
  [HRESULT.SL_E_CHPA_MAXIMUM_UNLOCK_EXCEEDED]: {
    symbol: 'SL_E_CHPA_MAXIMUM_UNLOCK_EXCEEDED',
    slmgrText: 'The activation server determined that the specified product key could not be used',
  },
  [HRESULT.SL_E_CHPA_DYNAMICALLY_BLOCKED_PRODUCT_KEY]: {
    symbol: 'SL_E_CHPA_DYNAMICALLY_BLOCKED_PRODUCT_KEY',
    slmgrText: 'The activation server reported that the Multiple Activation Key has exceeded its limit',
  },

  [HRESULT.ERROR_FILE_NOT_FOUND]: {
    symbol: 'ERROR_FILE_NOT_FOUND',
    description: 'The system cannot find the file specified.',
    exit: EX_NOINPUT,
  },
  [HRESULT.E_ACCESSDENIED]: { symbol: 'E_ACCESSDENIED', slmgrText: elevation, exit: EX_NOPERM },
  [HRESULT.ERROR_INVALID_DATA]: {
    symbol: 'ERROR_INVALID_DATA',
    description: 'The data is invalid.',
    exit: EX_DATAERR,
  },
  [HRESULT.ERROR_LOCK_VIOLATION]: {
    symbol: 'ERROR_LOCK_VIOLATION',
    description:
      'The process cannot access the file because another process has locked a portion of the file.',
    exit: EX_TEMPFAIL,
  },
  [HRESULT.ERROR_NOT_SUPPORTED]: {
    symbol: 'ERROR_NOT_SUPPORTED',
    description: 'The request is not supported.',
    exit: EX_UNAVAILABLE,
  },
  [HRESULT.E_INVALIDARG]: { symbol: 'E_INVALIDARG', slmgrText: 'The parameter is incorrect', exit: EX_USAGE },
  [HRESULT.ERROR_DISK_FULL]: {
    symbol: 'ERROR_DISK_FULL',
    description: 'There is not enough space on the disk.',
    exit: EX_IOERR,
  },
  [HRESULT.ERROR_IO_DEVICE]: {
    symbol: 'ERROR_IO_DEVICE',
    description: 'The request could not be performed because of an I/O device error.',
    exit: EX_IOERR,
  },
  [HRESULT.ERROR_NO_SUCH_DOMAIN]: {
    symbol: 'ERROR_NO_SUCH_DOMAIN',
    description: 'The specified domain either does not exist or could not be contacted.',
    exit: EX_NOHOST,
  },
  [HRESULT.ERROR_INTERNET_NAME_NOT_RESOLVED]: { symbol: 'ERROR_INTERNET_NAME_NOT_RESOLVED', exit: EX_NOHOST },
  [HRESULT.RPC_S_SERVER_UNAVAILABLE]: {
    symbol: 'RPC_S_SERVER_UNAVAILABLE',
    slmgrText: 'The RPC server is unavailable',
    exit: EX_UNAVAILABLE,
  },
  [HRESULT.DNS_ERROR_RCODE_SERVER_FAILURE]: {
    symbol: 'DNS_ERROR_RCODE_SERVER_FAILURE',
    slmgrText: 'DNS server failure',
    exit: EX_NOHOST,
  },
  [HRESULT.DNS_ERROR_RCODE_NAME_ERROR]: {
    symbol: 'DNS_ERROR_RCODE_NAME_ERROR',
    slmgrText: 'DNS name does not exist',
    exit: EX_NOHOST,
  },
  [HRESULT.DNS_INFO_NO_RECORDS]: {
    symbol: 'DNS_INFO_NO_RECORDS',
    slmgrText: 'No records found for DNS query',
    exit: EX_NOHOST,
  },
  [HRESULT.CRYPT_E_NOT_FOUND]: {
    symbol: 'CRYPT_E_NOT_FOUND',
    description: 'Cannot find object or property.',
    exit: EX_NOINPUT,
  },
};

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
