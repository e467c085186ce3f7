import type { AvmaError } from '../errors/avma-error.ts';
import type { ProductReport, ServiceReport } from './license-report.ts';

/**
 * The guest's licensing service, as slmgr and avma see it: the methods are those of Windows' SoftwareLicensingService
 * and SoftwareLicensingProduct that slmgr calls. State and catalogs are those of now at each call. Every method throws
 * {@link AvmaError}, whose HRESULT slmgr prints.
 */
export interface LicensingService {
  service(): ServiceReport;
  /**
   * Every product that the catalogs list, with or without a key, in catalog order. It saves the highest time seen,
   * where this user may write, and changes no license.
   */
  products(): Promise<ProductReport[]>;

  /**
   * Installs a product key in place of the application's present one, then tries to activate with it at once. The
   * key stays installed when that activation fails: `activationError` is the reason then, and null otherwise.
   *
   * @throws {AvmaError} `key-invalid` for a key that no catalog lists; nothing has changed then.
   */
  installProductKey(key: string): Promise<KeyInstallation>;
  uninstallProductKey(activationId: string): Promise<void>;
  /** One exchange with the host. @throws {AvmaError} as docs/protocol.md section 7 says; the present lease stays. */
  activate(activationId: string): Promise<void>;

  /** Removes the full keys from the state; their last five characters and the leases stay. */
  clearProductKey(): Promise<void>;
  /**
   * Installs a product catalog from a file; one of another vendor with the same file name stays.
   *
   * @throws {AvmaError} `file-invalid`, `file-not-found`, `catalog-invalid-signature`, `catalog-unsigned`,
   *   `catalog-foreign`; nothing is installed then.
   */
  installLicense(file: string): Promise<unknown>;
  /** The installed catalog files, in the order in which they are read. */
  licenseFiles(): string[];
  /** Starts the initial grace of all Windows products again. @throws {AvmaError} `rearm-exhausted`. */
  rearmWindows(): Promise<void>;
  rearmApplication(applicationId: string): Promise<void>;
  rearmProduct(activationId: string): Promise<void>;
  /** Checks a Confirmation ID. No product here is activated by one, so a well-formed one is refused too. */
  depositConfirmationId(activationId: string, confirmationId: string): Promise<void>;

  /** Changes KMS client settings: of one product, or of the machine when `activationId` is null. */
  setKmsClient(activationId: string | null, change: Partial<KmsClientSettings>): Promise<void>;
}

/** The result of {@link LicensingService.installProductKey}. */
export interface KeyInstallation {
  readonly activationId: string;
  /** Why the activation failed; null when it succeeded, and for a product that no host activates. */
  readonly activationError: AvmaError | null;
}

/** What /skms, /skms-domain, /skhc and /act-type set. */
export interface KmsClientSettings {
  readonly machineName: string | null;
  readonly machinePort: number;
  readonly lookupDomain: string | null;
  readonly hostCaching: boolean;
  readonly activationTypeEnabled: number;
}
