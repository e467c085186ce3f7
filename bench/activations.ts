/** Activates as a guest does, a number of times one after the other, and says how long it took. */
import path from 'node:path';
import { exchangeActivation } from '../src/guest/exchange.ts';
import { loadTrust } from '../src/guest/trust/trust-reader.ts';
import { openPipe } from '../src/pipe/pipe-uri.ts';
import type { Envelope } from '../src/protocol/envelope.ts';

const STANDARD_2025 = 'b2261b65-b18f-5314-9fa2-8ad8aba364cd';

async function main(): Promise<void> {
  const count = Number(process.argv[2]);
  const stateFolder = process.env.AVMA_STATE_DIR ?? '';
  const trust = loadTrust({ trustFolders: [path.join(stateFolder, 'trust.d')], stateFolder });
  let host: Envelope | null = null;
  const started = performance.now();
  for (let index = 0; index < count; index++) {
    const pipe = await openPipe(process.env.AVMA_PIPE ?? '');
    const facts = {
      vmId: process.env.AVMA_VM_ID ?? '',
      activationId: STANDARD_2025,
      edition: 'ServerStandard',
      version: '10.0.26100',
      nonce: null,
      license: { status: 1, reason: 0, remainingMinutes: 10_080 },
      guestClock: Date.now(),
      log: { machineName: 'bench', iaid: null, client: 'bench', trigger: 'renewal' as const },
    };
    const { vmId, activationId } = facts;
    const product = { vmId, activationId, productVendor: null, requiresLicense: false, windows: true };
    const signal = AbortSignal.timeout(10_000);
    const outcome = await exchangeActivation({
      pipe,
      facts,
      knownHost: host,
      trust,
      followTrustUpdates: true,
      product,
      licenses: [],
      signal,
      extend: () => {},
    });
    if (outcome.kind === 'failed') throw outcome.error;
    host = outcome.result.evidence.certificate;
    await pipe.close();
  }
  process.stdout.write(JSON.stringify({ milliseconds: performance.now() - started }));
}

void main();
