import type { HostHoldings } from './holdings/holdings.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { PulseFacts } from './pulse.ts';
import { hostValidityOf } from './status/host-validity.ts';

/** What an operator has to know first: the ledger, then certificates and licenses. @param now - The host's clock. */
export function troubleOf(
  ledger: Ledger,
  holdings: HostHoldings,
  now: number,
): Pick<PulseFacts, 'waiting' | 'failing' | 'trouble'> {
  const { ok, waiting, lastError } = ledger.health();
  if (!ok) {
    const why = lastError === null ? '' : `: ${lastError.message}`;
    return {
      waiting,
      failing: true,
      trouble: `no guest is approved, because the ledger cannot be written${why}`,
    };
  }
  const { state, warnings } = hostValidityOf(holdings, now);
  if (state === 'not activated')
    return { waiting, failing: false, trouble: 'all guests are refused: no certificate is installed' };
  return { waiting, failing: false, trouble: warnings[0] ?? null };
}
