/**
 * What docs/slmgr.md says of each option. No command imports this: it is for `npm run docs` only.
 */
import type { OptionWord } from './options.ts';

/** How far an option does here what it does on Windows. */
export type OptionDocs =
  /** Output, exit status and effect are those of Windows on a machine in the same situation; `why` names that. */
  | { readonly fidelity: 'same'; readonly why?: string }
  /** A user of Windows would notice. */
  | { readonly fidelity: 'different'; readonly why: string };

const same = (why?: string): OptionDocs =>
  why === undefined ? { fidelity: 'same' } : { fidelity: 'same', why };
const different = (why: string): OptionDocs => ({ fidelity: 'different', why });

const kmsClient = 'The setting is kept and shown, but nothing acts on it: no KMS host is ever asked.';
const kmsHost = 'The warning that Windows gives on a machine that is no KMS host. This machine never is one.';
const noTokens = 'The answer of a machine without token-based activation. This machine never has it.';
const noDirectory = 'This machine belongs to no Active Directory domain, so the call fails with 0x8007054B.';
const noSchema =
  'This machine belongs to no Active Directory domain. The answer is that of a domain whose schema knows nothing of activation.';
const rearmFailure =
  'A failure is an ordinary error line and exit status; on Windows it is an uncaught script error.';

/** A new option needs a line here: without it this does not compile. */
export const OPTION_DOCS: Record<OptionWord, OptionDocs> = {
  ipk: different(
    'The key must be in an installed product catalog. It is then activated at once if the host answers; if not, the key stays installed and /ipk has still succeeded.',
  ),
  ato: different(
    'Only products of the VIRTUAL_MACHINE_ACTIVATION channel can be activated, by the virtualization host. Others fail as on a machine without a network: a KMS client with 0xC004F074, the rest with 0x80072EE7.',
  ),
  dli: same(),
  dlv: different('The lines of certificate and validation URLs never appear: no product here has any.'),
  xpr: same(),
  cpky: same(
    'The key is in the state folder, not in a registry. The products that it activated stay activated.',
  ),
  ilc: different('A license file is a product catalog here, not an .xrm-ms file.'),
  rilc: different('The license files are the product catalogs that are installed.'),
  rearm: different('No restart is needed, although the text asks for one.'),
  'rearm-app': different(rearmFailure),
  'rearm-sku': different(rearmFailure),
  upk: same(),
  dti: same('The ID is of no use on the telephone: see /atp.'),
  atp: different(
    'Nobody issues Confirmation IDs for these products, so every one is refused with an error line.',
  ),
  skms: different(kmsClient),
  ckms: different(kmsClient),
  'skms-domain': different(kmsClient),
  'ckms-domain': different(kmsClient),
  skhc: different(kmsClient),
  ckhc: different(kmsClient),
  lil: same(noTokens),
  ril: same(noTokens),
  ltc: same(noTokens),
  fta: different(
    'There is no token-based activation here, so no certificate has this thumbprint: 0x80092004 after the Activating line.',
  ),
  sprt: same(kmsHost),
  sai: same(kmsHost),
  sri: same(kmsHost),
  sdns: same(kmsHost),
  cdns: same(kmsHost),
  spri: same(kmsHost),
  cpri: same(kmsHost),
  'act-type': different(
    'The setting is kept and shown. 3 makes /ato answer that only tokens may activate; the others change nothing, since the virtualization host activates this machine.',
  ),
  'ad-activation-online': different(noDirectory),
  'ad-activation-get-iid': different(noDirectory),
  'ad-activation-apply-cid': different(noDirectory),
  'ao-list': different(noSchema),
  'del-ao': different(noSchema),
};
