import { certificateJson } from '../../../protocol/document-json.ts';
import { PAYLOAD_TYPES } from '../../../protocol/envelope.ts';
import { type HostCertificate, windowsText } from '../../../protocol/host-certificate.ts';
import { formatMinute } from '../../../schema/format-time.ts';
import { type Grant, makeCertificate, readHostRequest } from '../../../vendor/certify-host.ts';
import { signAndLog } from '../../../vendor/sign-and-log.ts';
import type { VendorRoot } from '../../../vendor/trust-root.ts';
import { readAs } from '../file-kinds.ts';
import { readInput } from '../input.ts';
import { say, writeJson } from '../output.ts';
import type { Field } from '../table.ts';
import {
  refuseExisting,
  refuseMixedOutput,
  type SignedOutputOptions,
  saySigned,
  writeSigned,
} from './signed-output.ts';

/** What is granted to the hosts of all requests, and how the certificates are handed out. */
export interface CertifyOrder {
  readonly grant: Grant;
  readonly options: SignedOutputOptions;
  /** Asks for a passphrase if the key has one, so it comes after the checks of the arguments. */
  openRoot(): Promise<VendorRoot>;
  /** Milliseconds since 1970 UTC. */
  readonly now: number;
}

/** Certifies the host of one request: the certificate goes to the new file of `--out`, or to stdout. */
export async function certifyRequest(
  file: string,
  { grant, options, openRoot, now }: CertifyOrder,
): Promise<void> {
  refuseMixedOutput(options, 'certificate');
  refuseExisting(options);
  const request = readAs(file, ['host-request'], () => readHostRequest(readInput(file), file));
  const root = await openRoot();
  const certificate = makeCertificate({ request, root: root.keyPair, grant, now });
  if (options.dryRun === true) {
    await showSigned(certificate, root, options);
    return;
  }
  const envelope = await signAndLog(root, PAYLOAD_TYPES.hostCertificate, certificate, now);
  if (options.out !== undefined) writeSigned(envelope, options.out);
  await showSigned(certificate, root, options);
  if (options.out === undefined) writeSigned(envelope, undefined);
}

async function showSigned(
  certificate: HostCertificate,
  { keyId }: VendorRoot,
  { json, out, dryRun }: SignedOutputOptions,
): Promise<void> {
  if (json === true) {
    writeJson('avma.vendor-certify/1', {
      signed: dryRun !== true,
      keyId,
      file: dryRun === true ? null : (out ?? null),
      certificate: certificateJson(certificate),
    });
    return;
  }
  await saySigned(certificateFields(certificate, keyId), dryRun);
  if (dryRun !== true) say(`Next: on the host, avma host activate ${out ?? 'CERTIFICATE'}`);
}

function certificateFields(certificate: HostCertificate, keyId: string): Field[] {
  const { hostName, hardwareId, customer, site, serial, notBefore, notAfter, graceUntil } = certificate;
  return [
    ['Host', hostName],
    ['Hardware ID', hardwareId],
    ['Customer', customer ?? 'not bound to one: --customer NAME'],
    ['Site', site ?? 'none'],
    ['Windows', windowsText(certificate) ?? 'no guests with Windows'],
    ['Serial', serial],
    ['From', formatMinute(notBefore)],
    ['Until', formatMinute(notAfter)],
    ['Renewal grace', graceUntil === notAfter ? 'none' : `until ${formatMinute(graceUntil)}`],
    ['Signed by', keyId],
  ];
}
