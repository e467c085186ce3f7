import type { GuestService } from '../guest/guest-service.ts';

/** What finding and applying a setup reaches of the machine. */
export interface SetupEnvironment {
  /** Folder that stands for `/` when places are looked at. */
  readonly root: string;
  /** systemd's CREDENTIALS_DIRECTORY, for a unit that loads credentials; undefined outside one. */
  readonly credentialsFolder: string | undefined;
  /** The guest's state folder, where what was applied is remembered. */
  readonly stateFolder: string;
  /** The configuration into which pipe, VM ID and the agent's settings are merged. */
  readonly configFile: string;
  /** @throws {AvmaError} `config-invalid` for bytes that are no configuration. */
  checkConfig(bytes: Uint8Array): void;
  /** The guest's own folder of trust anchors. */
  readonly trustFolder: string;
  /** Milliseconds since 1970. */
  now(): number;
  /**
   * Opens the guest's service, over a damaged state too, by the configuration as it is then.
   *
   * @throws {AvmaError} as openGuestService does.
   */
  openGuest(): Promise<GuestService>;
}
