import { Command } from 'commander';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { formatHresult } from '../../errors/hresult.ts';
import { decodeState } from '../../guest/guest-state.ts';
import { loadTrustAnchors } from '../../guest/trust-store.ts';
import { findVmId } from '../../machine/vm-id.ts';
import { Answer, SignedLease } from '../../protocol/answer.ts';
import { parseJson } from '../../protocol/envelope.ts';
import { decodeUnverifiedCertificate } from '../../protocol/host-certificate.ts';
import { verifySignedLease } from '../../protocol/verify-answer.ts';
import type { Context } from './context.ts';
import { readInput } from './input.ts';
import { formatInstant, formatRows, writeData, writeJson } from './output.ts';

export function leaseCommand(context: Context): Command {
  const lease = new Command('lease').description('leases, as hosts sign them');
  lease
    .command('inspect')
    .description('show what a lease says and whether it holds on this machine')
    .argument('<file>', "a guest's state file (guest.state), or one signed answer as JSON; - for stdin")
    .option('--json', 'as JSON')
    .action((file: string, { json }: { json?: boolean }) => inspect(context, file, json === true));
  return lease;
}

function inspect(context: Context, file: string, json: boolean): void {
  const { trustFolders, vmId: configured } = context.settings();
  const anchors = loadTrustAnchors(trustFolders);
  const vmId = findVmId(configured).value;
  const leases = readSignedLeases(file).map((signedLease) => {
    // What is claimed is shown even where it is not believed: that is what this command is for.
    const answer = Answer.safeParse(parseJson(Buffer.from(signedLease.answer.payload, 'base64url'))).data;
    const certificate = decodeUnverifiedCertificate(signedLease.certificate);
    return {
      answer: answer ?? null,
      certificate: certificate ?? null,
      verdict: judge(signedLease, answer, vmId, anchors),
    };
  });
  if (json) {
    writeJson('avma.lease/1', { file, vmId, leases });
    return;
  }
  if (leases.length === 0) {
    writeData(`${file} holds no lease.`);
    return;
  }
  writeData(
    leases
      .map(({ answer, certificate, verdict }) =>
        formatRows([
          [
            'Verdict',
            verdict.holds
              ? 'holds on this machine'
              : `${verdict.message} [${verdict.code}, ${verdict.hresult}]`,
          ],
          ...(answer === null
            ? ([['Answer', 'is none']] as [string, string][])
            : ([
                ['Decision', `${answer.decision} (${formatHresult(answer.hresult)})`],
                ['VM ID', answer.vmId],
                ['Activation ID', answer.activationId],
                ['Host', `${answer.hostName} (${answer.hardwareId}, ${answer.digitalPid2})`],
                ['Issued', `${formatInstant(answer.issuedAt)}, host's clock`],
                ['Expires', formatInstant(answer.expiresAt)],
                ['Renew after', formatInstant(answer.renewAfter)],
                ['Guest clock', formatInstant(answer.guestClock)],
                ['Exchange', answer.exchangeId],
                ['Request', `sha256:${answer.requestDigest}`],
              ] as [string, string][])),
          ...(certificate === null
            ? ([['Certificate', 'is none']] as [string, string][])
            : ([
                [
                  'Certificate',
                  `${certificate.serial}, ${certificate.edition} ${certificate.osVersion}, ${certificate.licensing}`,
                ],
                [
                  'Valid',
                  `${formatInstant(certificate.notBefore)} to ${formatInstant(certificate.notAfter)}`,
                ],
              ] as [string, string][])),
        ]),
      )
      .join('\n\n'),
  );
}

function judge(
  signedLease: SignedLease,
  answer: Answer | undefined,
  vmId: string,
  anchors: Parameters<typeof verifySignedLease>[2],
) {
  try {
    const { expiresAt } = verifySignedLease(
      signedLease,
      { vmId, activationId: answer?.activationId ?? '' },
      anchors,
    ).answer;
    return { holds: true as const, expiresAt };
  } catch (thrown) {
    const { code, hresult, message } = toAvmaError(thrown, 'cannot verify');
    return { holds: false as const, code, hresult: formatHresult(hresult), message };
  }
}

function readSignedLeases(file: string): SignedLease[] {
  const bytes = readInput(file);
  const alone = SignedLease.safeParse(parseJson(bytes));
  if (alone.success) return [alone.data];
  if (!Buffer.from(bytes.subarray(0, 11)).toString('latin1').startsWith('avma-state/')) {
    throw new AvmaError('file-invalid', `${file} is neither a guest's state file nor a signed answer`);
  }
  return Object.values(decodeState(bytes, file).products).flatMap(({ activation }) => activation ?? []);
}
