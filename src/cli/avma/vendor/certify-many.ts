import { AvmaError } from '../../../errors/avma-error.ts';
import { certificateJson } from '../../../protocol/document-json.ts';
import { counted } from '../../../schema/counted.ts';
import { formatMinute } from '../../../schema/format-time.ts';
import { type CertifyOutcome, certifyMany } from '../../../vendor/certify-many.ts';
import { ANSWER_IS_NO, type Context } from '../context.ts';
import { say, writeData, writeJson } from '../output.ts';
import { errorJson } from '../report-json.ts';
import { type Cell, formatTable } from '../table.ts';
import type { CertifyOrder } from './certify-one.ts';

/** Certifies the hosts of several requests: one certificate a host in the folder of `--out`, and one line a file. */
export async function certifyRequests(
  context: Context,
  paths: readonly string[],
  { grant, options, openRoot, now }: CertifyOrder,
): Promise<void> {
  const { out, dryRun = false, json } = options;
  const root = await openRoot();
  const folder = dryRun ? null : (out ?? null);
  const outcomes = await certifyMany({ paths, root, grant, out: folder, now });
  const count = (wanted: CertifyOutcome['outcome']) =>
    outcomes.filter(({ outcome }) => outcome === wanted).length;
  const [certified, failed, skipped] = [count('certified'), count('failed'), count('skipped')];
  if (certified + failed === 0) {
    throw new AvmaError('file-not-found', `there is no host request in ${paths.join(', ')}`, {
      hint: 'Requests are *.json files from avma host request; folders in the folder are not looked at.',
    });
  }
  if (failed > 0) context.setExitStatus(ANSWER_IS_NO);
  if (json === true) {
    const counts = { certified, failed, skipped };
    const requests = outcomes.map(outcomeJson);
    writeJson('avma.vendor-certify-many/1', {
      signed: !dryRun,
      keyId: root.keyId,
      folder,
      ...counts,
      requests,
    });
    return;
  }
  const headings = ['REQUEST', 'HOST', 'HARDWARE ID', 'SITE', 'SERIAL', 'UNTIL', 'RESULT'];
  writeData(formatTable(headings, outcomes.map(rowOf), context.style));
  say(
    `${dryRun ? 'Would certify' : 'Certified'} ${counted(certified, 'host')} for ${grant.customer ?? 'any customer'}; ${failed} failed, ${skipped} skipped.`,
    ...(grant.customer === null
      ? ['Licenses of every customer count on them: --customer binds them to one.']
      : []),
    ...(folder === null ? [] : [`Next: on each host, avma host receive ${folder}`]),
  );
}

function rowOf(one: CertifyOutcome): Cell[] {
  if (one.outcome !== 'certified') {
    const text = one.error === null ? `skipped: ${one.why}` : `${one.why} [${one.error.code}]`;
    return [one.request, '-', '-', '-', '-', '-', { tone: one.error === null ? 'dim' : 'bad', text }];
  }
  const { hostName, hardwareId, site, serial, notAfter } = one.certificate;
  const result: Cell = { tone: 'good', text: one.file ?? 'would be certified' };
  return [one.request, hostName, hardwareId, site ?? '-', serial, formatMinute(notAfter), result];
}

function outcomeJson(one: CertifyOutcome): object {
  const { request, outcome } = one;
  if (one.outcome === 'certified') {
    return {
      request,
      outcome,
      file: one.file,
      certificate: certificateJson(one.certificate),
      why: null,
      error: null,
    };
  }
  const error = one.error === null ? null : errorJson(one.error);
  return { request, outcome, file: null, certificate: null, why: one.why, error };
}
