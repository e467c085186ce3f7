import { AvmaError } from '../../errors/avma-error.ts';
import { CosignedEnvelope, parseJson } from '../../protocol/envelope.ts';
import type { TrustAnchor } from '../../protocol/trust-anchor.ts';
import { parseTrustAnchor } from '../../protocol/trust-anchor.ts';
import { openTrustUpdate } from '../../protocol/trust-update.ts';
import { keyIdOf, rootKey } from '../../protocol/vendor-trust.ts';
import type { InputFile } from './read-reports.ts';

/**
 * The roots that a report may lead to: those of the anchors, and those that signed a trust update together with one of
 * them. So a report of before a rotation leads to the vendor too.
 *
 * @param anchors - Files like `root.pub.json`.
 * @param updates - Trust updates, in any order.
 * @throws {AvmaError} `file-invalid`; `trust-update-invalid`, `-unsigned`, `-drops`; `trust-update-foreign` for one
 *   that none of the roots has signed.
 */
export function trustedRoots(anchors: readonly InputFile[], updates: readonly InputFile[]): TrustAnchor[] {
  const roots: TrustAnchor[] = anchors.map(({ name, bytes }) =>
    parseTrustAnchor(Buffer.from(bytes).toString('utf8'), name),
  );
  let open = updates.map((file) => ({ file, ...openUpdate(file) }));
  for (;;) {
    const known = new Set(roots.map(rootKey));
    const next = open.find(({ signers }) => signers.some((key) => known.has(key)));
    if (next === undefined) break;
    open = open.filter((update) => update !== next);
    for (const key of next.signers) {
      if (known.has(key)) continue;
      const publicKey = new Uint8Array(Buffer.from(key, 'base64url'));
      roots.push({ name: next.update.vendorName, keyId: keyIdOf(key), publicKey });
    }
  }
  const [foreign] = open;
  if (foreign === undefined) return roots;
  throw new AvmaError(
    'trust-update-foreign',
    `${foreign.file.name} is signed by none of the roots that were given`,
  );
}

function openUpdate({ name, bytes }: InputFile) {
  const envelope = CosignedEnvelope.safeParse(parseJson(bytes));
  if (envelope.success) return openTrustUpdate(envelope.data);
  throw new AvmaError('trust-update-invalid', `${name} is not a trust update`);
}
