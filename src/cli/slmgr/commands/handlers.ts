import type { OptionWord } from '../options.ts';
import { activate, depositConfirmationId, showInstallationId } from './activation.ts';
import { noActivationSchema, noDomain } from './active-directory.ts';
import type { Handler } from './handler.ts';
import {
  clearKmsDomain,
  clearKmsMachine,
  disableHostCaching,
  enableHostCaching,
  setActivationType,
  setKmsDomain,
  setKmsMachine,
} from './kms-client.ts';
import {
  setActivationInterval,
  setDnsPublishing,
  setPort,
  setPriority,
  setRenewalInterval,
} from './kms-host.ts';
import { installLicenseFile, reinstallLicenseFiles } from './license-files.ts';
import { expiration, fullReport, shortReport } from './license-report.ts';
import { clearProductKey, installProductKey, uninstallProductKey } from './product-key.ts';
import { rearmApplication, rearmProduct, rearmWindows } from './rearm.ts';
import { forceTokenActivation, noIssuanceLicenses, noTokenCertificates } from './token-activation.ts';

/**
 * The handler of each option.
 *
 * The handlers and reports are written against everything that Windows' licensing service can say, so that they print
 * what slmgr.vbs prints for it. Some of it never occurs with this guest: the license states 4 (non-genuine grace) and 6
 * (extended grace), the notification reason 0xC004F200, an evaluation end date, a product that is licensed by a MAK or
 * for a time, a licensed KMS client, and an activation by tokens. Tests reach these with a service of their own.
 */
export const HANDLERS: Readonly<Record<OptionWord, Handler>> = {
  ipk: installProductKey,
  ato: activate,
  dli: shortReport,
  dlv: fullReport,
  xpr: expiration,

  cpky: clearProductKey,
  ilc: installLicenseFile,
  rilc: reinstallLicenseFiles,
  rearm: rearmWindows,
  'rearm-app': rearmApplication,
  'rearm-sku': rearmProduct,
  upk: uninstallProductKey,
  dti: showInstallationId,
  atp: depositConfirmationId,

  skms: setKmsMachine,
  ckms: clearKmsMachine,
  'skms-domain': setKmsDomain,
  'ckms-domain': clearKmsDomain,
  skhc: enableHostCaching,
  ckhc: disableHostCaching,

  lil: noIssuanceLicenses,
  ril: noIssuanceLicenses,
  ltc: noTokenCertificates,
  fta: forceTokenActivation,

  sprt: setPort,
  sai: setActivationInterval,
  sri: setRenewalInterval,
  sdns: setDnsPublishing,
  cdns: setDnsPublishing,
  spri: setPriority,
  cpri: setPriority,
  'act-type': setActivationType,

  'ad-activation-online': noDomain,
  'ad-activation-get-iid': noDomain,
  'ad-activation-apply-cid': noDomain,
  'ao-list': noActivationSchema,
  'del-ao': noActivationSchema,
};
