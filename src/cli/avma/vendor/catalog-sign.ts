import { Command } from 'commander';
import { keyIdOf } from '../../../protocol/vendor-trust.ts';
import { formatMinute, isoInstant } from '../../../schema/format-time.ts';
import { type PreparedCatalog, prepareCatalog, signPrepared } from '../../../vendor/catalog-signing.ts';
import { countProducts } from '../catalog-text.ts';
import { readAs } from '../file-kinds.ts';
import { readInput } from '../input.ts';
import { say, writeJson } from '../output.ts';
import { addRootOptions, openRoot, type RootOptions } from './root.ts';
import {
  addSignedOutputOptions,
  refuseExisting,
  refuseMixedOutput,
  type SignedOutputOptions,
  writeSigned,
} from './signed-output.ts';

type SignOptions = RootOptions & SignedOutputOptions;

/** `avma vendor catalog sign`. */
export function signCommand(): Command {
  const command = new Command('sign')
    .description('Sign a catalog, so that only your hosts license its products; it goes to stdout')
    .argument('<file>', 'the unsigned catalog; - for stdin');
  addRootOptions(command).option('--out <file>', 'write it to this new file instead of stdout');
  return addSignedOutputOptions(command)
    .addHelpText(
      'after',
      `
It is also kept as catalogs/NAME.json beside the key, where other commands look products up.

Example:
  avma vendor catalog sign acme.json --key root.key > acme.catalog.json`,
    )
    .action(sign);
}

async function sign(file: string, options: SignOptions): Promise<void> {
  const { out, dryRun = false, json = false } = options;
  refuseMixedOutput(options, 'catalog');
  refuseExisting(options);
  const now = Date.now();
  const root = await openRoot(options);
  const prepared = readAs(file, ['catalog'], () =>
    prepareCatalog({ bytes: readInput(file), file, root, now }),
  );
  if (dryRun) {
    report(prepared, { json, signed: false, out: null, kept: null });
    return;
  }
  const { envelope, keepError } = await signPrepared(prepared, { root, now });
  const kept = keepError === null ? prepared.keptFile : null;
  const outcome = { json, signed: true, out: out ?? null, kept, keepProblem: keepError?.message };
  if (out !== undefined) writeSigned(envelope, out);
  report(prepared, outcome);
  if (out === undefined) writeSigned(envelope, out);
}

interface Outcome {
  readonly json: boolean;
  readonly signed: boolean;
  readonly out: string | null;
  readonly kept: string | null;
  readonly keepProblem?: string | undefined;
}

function report({ statement, products, warnings }: PreparedCatalog, outcome: Outcome): void {
  const { json, signed, out, kept, keepProblem } = outcome;
  const { vendor, issuedAt } = statement;
  const signer = { name: vendor.name, keyId: keyIdOf(vendor.publicKey) };
  const notKept =
    keepProblem === undefined ? [] : [`It was signed, and is not kept beside the key: ${keepProblem}.`];
  if (json) {
    const shown = products.map(({ productKey: _productKey, ...product }) => product);
    writeJson('avma.vendor-catalog-sign/1', {
      ...{ signed, file: out, kept, vendor: signer, issuedAt: isoInstant(issuedAt) },
      ...{ products: shown, warnings: [...warnings, ...notKept] },
    });
    return;
  }
  const what = `a catalog of "${signer.name}" (key ${signer.keyId}) with ${countProducts({ products })}`;
  say(
    `${signed ? 'Signed' : 'This would be signed:'} ${what}, ${formatMinute(issuedAt)}.`,
    ...products.map(({ name, version, edition }) => `  ${name} ${version} (${edition})`),
    ...[...warnings, ...notKept].map((warning) => `Warning: ${warning}`),
    ...(kept === null ? [] : [`Kept: ${kept}`]),
    ...(signed
      ? ['Next: give it to hosts (avma host receive FILE) and to guests (avma guest catalog add FILE).']
      : []),
  );
}
