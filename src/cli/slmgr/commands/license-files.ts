import { installedLicenseFile, REINSTALLED_LICENSE_FILES, REINSTALLING_LICENSE_FILES } from '../messages.ts';
import type { Invocation } from './handler.ts';

/** /ilc */
export async function installLicenseFile({ values, openService, print }: Invocation): Promise<void> {
  const file = values[0] as string;
  await (await openService()).installLicense(file);
  print(installedLicenseFile(file), '');
}

/** /rilc. The run ends at the first file that fails, as on Windows. */
export async function reinstallLicenseFiles({ openService, print }: Invocation): Promise<void> {
  const service = await openService();
  print(REINSTALLING_LICENSE_FILES);
  for (const file of service.licenseFiles()) {
    await service.installLicense(file);
    print(installedLicenseFile(file), '');
  }
  print(REINSTALLED_LICENSE_FILES);
}
