import type { Notify } from '../system/notify.ts';
import { ANY_CERTIFICATE, chooseCertificate } from './answering/choose-certificate.ts';
import type { ControlHandlers } from './control/control-server.ts';
import { keepCheckpoints } from './ledger/keep-checkpoints.ts';
import { foldHandler } from './retention/fold-question.ts';
import { retentionOf } from './retention/keeping.ts';
import { keepRetention } from './retention/retention.ts';
import type { ServeOptions } from './serve-options.ts';
import { CLOCKS, type HostParts } from './serve-parts.ts';

/** Checkpoints and folds of a running host. */
export interface RecordKeeping {
  /** What commands can ask about it. */
  readonly handlers: ControlHandlers;
  /** Makes the last checkpoint. The ledger is still open, and its last record is written. */
  stop(): Promise<void>;
}

/** Signs now and then where the ledger stands, and folds what is old. */
export function keepRecord(
  { documents, ledger, openReader }: Pick<HostParts, 'documents' | 'ledger' | 'openReader'>,
  options: ServeOptions,
  notify: Notify,
): RecordKeeping {
  const shared = { folder: options.folder, ledger, clocks: CLOCKS, notify };
  const { host } = documents.current;
  const checkpoints = keepCheckpoints({
    ...shared,
    hardwareId: host.hardwareId,
    // The key of the certificate in use, which others can check.
    signing: () =>
      (chooseCertificate(documents.current, ANY_CERTIFICATE, CLOCKS.wall())?.keys ?? host).signing,
    keys: () => documents.current.keys.map(({ signing }) => signing),
  });
  const folds = openReader && keepRetention({ ...shared, openReader, retention: retentionOf(options) });
  return {
    handlers: folds === undefined ? {} : { 'ledger-fold': foldHandler(folds) },
    stop: async () => {
      await folds?.close();
      await checkpoints.stop();
    },
  };
}
