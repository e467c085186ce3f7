import { signEd25519, x25519 } from '../../protocol/curve-keys.ts';
import { seal, unseal } from '../../protocol/sealed-packet.ts';

/** What an exchange needs of the curves and of the box. Every implementation gives the same bytes. */
export interface CryptoOperations {
  readonly x25519: typeof x25519;
  readonly signEd25519: typeof signEd25519;
  readonly seal: typeof seal;
  readonly unseal: typeof unseal;
}

/** By node:crypto and tweetnacl, which are there on every platform. */
export const PORTABLE_OPERATIONS: CryptoOperations = { x25519, signEd25519, seal, unseal };
