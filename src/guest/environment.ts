import type { EventSink } from '../events/event-sink.ts';
import type { GuestEvent } from '../events/guest-event.ts';
import type { ClockReading } from '../machine/clock.ts';
import type { VmIdSource } from '../machine/vm-id.ts';
import type { Pipe } from '../pipe/pipe.ts';

/** What the guest's licensing service reaches of the machine: folders, clocks, the pipe and the event log. */
export interface GuestEnvironment {
  readonly stateFolder: string;
  /** Where license.json is written. */
  readonly runFolder: string;
  readonly trustFolders: readonly string[];
  readonly catalogFolders: readonly string[];
  /** Where `slmgr /ilc` puts catalogs; one of {@link catalogFolders}. */
  readonly ownCatalogFolder: string;
  readonly configuredVmId: string | undefined;
  /** The only source that the VM ID may come from, unless it is configured; undefined for the first that has it. */
  readonly vmIdSource?: VmIdSource | undefined;
  /** Folder that stands for `/` when the machine's identity is read. */
  readonly root: string;
  readonly machineName: string;
  /** Name and version of this program, as `avma 0.1.0`; the host's event log shows it. */
  readonly client: string;
  readonly serviceVersion: string;
  /** For a whole activation, in milliseconds. */
  readonly deadline: number;
  /** Whether trust updates that a host hands on are followed; else only those that an administrator adds. */
  readonly followTrustUpdates: boolean;
  /** Whether nothing may be saved, not even the highest time seen. Changes then fail; looks show the same. */
  readonly readOnly?: boolean;
  readonly events: EventSink<GuestEvent>;
  readClock(): ClockReading;
  /** @throws {AvmaError} `pipe-not-found`, `pipe-uri-invalid`. */
  openPipe(): Promise<Pipe>;
}
