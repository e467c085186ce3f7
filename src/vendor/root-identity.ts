import { AvmaError } from '../errors/avma-error.ts';
import { type VendorIdentity, vendorIdentity } from '../protocol/vendor-identity.ts';
import type { VendorRoot } from './trust-root.ts';

/**
 * Whose a document is that this root signs.
 *
 * @throws {AvmaError} `file-not-found` where no `root.pub.json` beside the key says the vendor's name.
 */
export function identityOfRoot({ name, keyPair, folder }: VendorRoot): VendorIdentity {
  if (name !== null) return vendorIdentity(name, keyPair);
  throw new AvmaError(
    'file-not-found',
    `${folder}/root.pub.json is not there, which says the vendor's name`,
    {
      hint: 'Put the root.pub.json that was made with this key beside it; every guest that trusts you has one.',
    },
  );
}
