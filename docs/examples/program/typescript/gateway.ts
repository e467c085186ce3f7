// A vendor's program that asks whether it is licensed, with the vendor's root in it: gateway [--fresh] [FEATURE]...
//
// --fresh asks the host now, by way of avma guest attest, and not the evidence of the last activation.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Claims, verifyLicense } from 'avma/verify';

/** The member publicKey of your root.pub.json, or the whole file. */
const ROOT = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
const PRODUCT = '3f0b9c3e-6d0f-4c3b-9a53-0a5d6d1c2e11';
/** Only root can read it. Others take the VM ID from license.json. */
const VM_ID_FILE = '/sys/class/dmi/id/product_uuid';

interface LicenseFile {
  readonly vmId: { readonly value: string };
  readonly vendors: readonly { readonly trustUpdates: readonly unknown[]; readonly revocations: unknown }[];
  readonly products: readonly { readonly activationId: string; readonly evidence: unknown }[];
}

const words = process.argv.slice(2);
const features = words.filter((word) => word !== '--fresh');
const nonce = words.includes('--fresh') ? randomBytes(16).toString('hex') : undefined;

let license: LicenseFile;
let evidence: unknown;
try {
  license = JSON.parse(readFileSync(`${process.env['AVMA_RUN_DIR'] ?? '/run/avma'}/license.json`, 'utf8'));
  evidence =
    nonce === undefined
      ? (license.products.find(({ activationId }) => activationId === PRODUCT)?.evidence ??
        deny('not activated'))
      : execFileSync('avma', ['guest', 'attest', PRODUCT, '--nonce', nonce], { encoding: 'utf8' });
} catch (error) {
  deny(`no evidence: ${(error as Error).message}`);
}

const result = verifyLicense(evidence, {
  roots: [ROOT],
  vmId: vmId(license.vmId.value),
  product: PRODUCT,
  now: new Date(),
  features,
  trustUpdates: license.vendors.flatMap(({ trustUpdates }) => trustUpdates),
  revocations: license.vendors.map(({ revocations }) => revocations),
  ...(nonce !== undefined && { nonce }),
});
if (!result.valid) deny(result.reason);
allow(result.claims);

function vmId(published: string): string {
  try {
    return readFileSync(VM_ID_FILE, 'utf8').trim();
  } catch {
    return published;
  }
}

function allow({ license, conditions }: Claims): void {
  const granted =
    license?.features.map(({ name, value }) => (value === null ? name : `${name}=${value}`)) ?? [];
  const until = new Date(license?.notAfter ?? 0).toISOString().slice(0, 10);
  console.log(`yes: licensed to ${license?.customer} until ${until}, with ${granted.sort().join(', ')}`);
  if (conditions.length > 0) console.log(`note: ${conditions.join(', ')}`);
}

function deny(why: string): never {
  console.log(`no: ${why}`);
  process.exit(1);
}
