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

/** Who answers which option. */
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
