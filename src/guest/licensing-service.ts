import type { AvmaError } from '../errors/avma-error.ts';
import type { ProductReport, ServiceReport } from './license-report.ts';

/**
 * The guest's licensing service, as slmgr and avma see it: the methods are those of Windows' SoftwareLicensingService
 * and SoftwareLicensingProduct that slmgr calls. Every method throws {@link AvmaError}, whose HRESULT slmgr prints.
 */
export interface LicensingService {
  service(): ServiceReport;
  /** Every product that the catalogues list, keyed or not, in catalogue order. Reads, never changes a licence. */
  products(): Promise<ProductReport[]>;

  /**
   * Installs a product key in place of the application's present one, then tries to activate with it at once. The
   * key stays installed when that activation fails: `activationError` is the reason then, and null otherwise.
   *
   * @throws {AvmaError} `key-invalid` for a key that no catalogue lists; nothing has changed then.
   */
  installProductKey(key: string): Promise<KeyInstallation>;
  uninstallProductKey(activationId: string): Promise<void>;
  /** One exchange with the host. @throws {AvmaError} as docs/protocol.md section 7 says; a held lease stays. */
  activate(activationId: string): Promise<void>;

  /** Removes the full key from the store; what is activated stays so. */
  clearProductKey(): Promise<void>;
  /** Installs a product catalogue from a file. */
  installLicense(file: string): Promise<void>;
  /** The catalogue files that {@link installLicense} would take to install all again. */
  licenseFiles(): string[];
  /** Starts the initial grace of all Windows products again. @throws {AvmaError} `rearm-exhausted`. */
  rearmWindows(): Promise<void>;
  rearmApplication(applicationId: string): Promise<void>;
  rearmProduct(activationId: string): Promise<void>;
  /** Checks a Confirmation ID. Nothing here can be activated by one, so a well-formed one is refused too. */
  depositConfirmationId(activationId: string, confirmationId: string): Promise<void>;

  /** Changes KMS client settings: of one product, or of the machine when `activationId` is null. */
  setKmsClient(activationId: string | null, change: Partial<KmsClientSettings>): Promise<void>;
}

/** What became of {@link LicensingService.installProductKey}. */
export interface KeyInstallation {
  readonly activationId: string;
  /** Why the product is not activated by it; null when it is, and for a product that no host activates. */
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
