import { Command } from 'commander';
import { AvmaError, toAvmaError } from '../../../errors/avma-error.ts';
import { agentSocketIn } from '../../../guest/agent/agent-messages.ts';
import { askAgent } from '../../../guest/agent/ask-agent.ts';
import type { AttestationRequest } from '../../../guest/attestation.ts';
import { LicenseEvidence } from '../../../protocol/evidence.ts';
import { debug } from '../../../system/debug.ts';
import { whileWaiting } from '../../terminal.ts';
import { whoseLicense } from '../../whose-license.ts';
import type { Context } from '../context.ts';
import { writeData, writeJson } from '../output.ts';
import { openGuest } from './open.ts';

interface AttestFlags {
  readonly nonce: string;
  readonly json?: boolean;
}

/** Evidence, and who gave it. */
interface Attested {
  readonly evidence: LicenseEvidence;
  readonly from: 'agent' | 'host';
}

/** `avma guest attest`. */
export function attestCommand(context: Context): Command {
  return new Command('attest')
    .description("Get fresh evidence of the license with a program's own number in it: for any user")
    .argument(
      '[product]',
      'as for check (default: the only product that has a key and that a host activates)',
    )
    .requiredOption('--nonce <hex>', 'the number: 32 to 64 hex digits in lower case, new for each question')
    .option('--json', 'print the evidence in an object that says where it came from')
    .addHelpText(
      'after',
      `
For a program that does not believe this machine's administrator: it makes a number that nobody
can guess, asks for evidence with it, and verifies the evidence with the vendor's key that is in
the program (avma/verify). Evidence with that number was made just now, by a host. What this
machine keeps stays as it is.

Any user may ask, through the agent's socket, /run/avma/agent.sock. A machine has six attestations
at once, and one in ten seconds from then on. Without an agent, root asks the host directly.

Exit status: 0 with the evidence on stdout, else that of the error: 69 when no agent answers, 75
when the machine or the host has been asked too often.

Examples:
  avma guest attest --nonce "$(openssl rand -hex 16)" > evidence.json
  avma guest attest acme-gateway --nonce "$NONCE" --json`,
    )
    .action((product: string | undefined, flags: AttestFlags) => attest(context, product, flags));
}

async function attest(context: Context, product: string | undefined, flags: AttestFlags): Promise<void> {
  const request = { product: productToAsk(product), nonce: checkNonce(flags.nonce) };
  const { evidence, from } = await attestedBy(context, request);
  if (flags.json === true) writeJson('avma.guest-attest/1', { nonce: request.nonce, from, evidence });
  else writeData(JSON.stringify(evidence));
}

/** The agent's evidence; without an agent the host's, for a user with a state of their own. */
async function attestedBy(context: Context, request: AttestationRequest): Promise<Attested> {
  const settings = context.settings();
  const isOwn = whoseLicense(settings) === 'own';
  const { deadline } = settings;
  try {
    const file = agentSocketIn(isOwn ? settings.runFolder : settings.machineRunFolder);
    // The agent begins an exchange within one deadline, or says that it cannot, and has another one for it.
    const asked = askAgent(file, request, 3 * deadline);
    return {
      evidence: evidenceIn(await whileWaiting('waiting for the agent', asked, deadline)),
      from: 'agent',
    };
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot ask the agent');
    if (error.code !== 'agent-unavailable' || !isOwn) throw error;
    debug('agent', () => `${error.message}; the host is asked directly`);
  }
  const service = await openGuest(context);
  const asked = service.attest(request);
  return { evidence: await whileWaiting('waiting for the host', asked, deadline), from: 'host' };
}

/** @throws {AvmaError} `agent-unavailable` for what is no evidence. */
function evidenceIn(answer: unknown): LicenseEvidence {
  const evidence = LicenseEvidence.safeParse(answer);
  if (evidence.success) return evidence.data;
  throw new AvmaError(
    'agent-unavailable',
    'what the agent sent is no evidence that this version of avma knows',
  );
}

/** @throws {AvmaError} `argument-invalid`. */
function productToAsk(product: string | undefined): string | null {
  if (product === undefined) return null;
  if (product.trim() === '') throw new AvmaError('argument-invalid', 'the product has no name');
  return product;
}

/**
 * The nonce, as the evidence will have it.
 *
 * @throws {AvmaError} `argument-invalid`, which says what is wrong with it.
 */
export function checkNonce(nonce: string): string {
  const problem = /^[0-9a-f]*$/.test(nonce)
    ? nonce.length < 32
      ? `is too short: it has ${nonce.length} hex digits, and 32 are the least`
      : nonce.length > 64
        ? `is too long: it has ${nonce.length} hex digits, and 64 are the most`
        : nonce.length % 2 === 1
          ? `has ${nonce.length} hex digits, and an even number is needed`
          : null
    : /^[0-9A-Fa-f]+$/.test(nonce)
      ? 'has upper-case letters: the evidence would have them in lower case'
      : 'is not hexadecimal';
  if (problem === null) return nonce;
  throw new AvmaError('argument-invalid', `the nonce ${problem}`, {
    hint: 'Make a new one for each question: avma guest attest --nonce "$(openssl rand -hex 16)"',
  });
}
