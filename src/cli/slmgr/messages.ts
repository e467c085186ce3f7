/** Every sentence that slmgr prints outside its reports and its usage text, to the byte. */

export const INVALID_COMBINATION = 'Invalid combination of command parameters.';
export const unrecognizedOption = (option: string): string => `Unrecognized option: ${option}`;
export const optionNeeds = (word: string, value: string): string => `Error: option ${word} needs ${value}`;
export const NOT_SUPPORTED_REMOTELY = 'This command of SLMgr.vbs is not supported for remote execution';
export const REMOTE_VERSION_NOT_SUPPORTED = 'The remote machine does not support this version of SLMgr.vbs';

export const PRODUCT_NOT_FOUND = 'Error: product not found.';
export const PRODUCT_KEY_NOT_FOUND = 'Error: product key not found.';
export const activationIdNotFound = (activationId: string): string =>
  `Error: Activation ID (${activationId}) not found.`;
export const DATA_INVALID = 'Error: The data is invalid';

export const installedProductKey = (key: string): string => `Installed product key ${key} successfully.`;
export const UNINSTALLED_PRODUCT_KEY = 'Uninstalled product key successfully.';
export const CLEARED_PRODUCT_KEY = 'Product key from registry cleared successfully.';

export const activating = (name: string, activationId: string): string =>
  `Activating ${name} (${activationId}) ...`;
export const ACTIVATED = 'Product activated successfully.';
export const EXTENDED_GRACE = 'License Status: Extended grace period';
export const NON_GENUINE_GRACE =
  "Error: The machine is running within the non-genuine grace period. Run 'slui.exe' to go online and make the machine genuine.";
export const NON_GENUINE_NOTIFICATION =
  "Error: Windows is running within the non-genuine notification period. Run 'slui.exe' to go online and validate Windows.";
export const ACTIVATION_FAILED = 'Error: Product activation failed.';
export const TOKEN_ACTIVATION_ONLY =
  'This system is configured for Token-based activation only. Use slmgr.vbs /fta to initiate Token-based activation, or slmgr.vbs /act-type to change the activation type setting.';
export const installationId = (id: string): string => `Installation ID: ${id}`;
export const depositedConfirmationId = (activationId: string): string =>
  `Confirmation ID for product ${activationId} deposited successfully.`;

export const installedLicenseFile = (file: string): string => `License file ${file} installed successfully.`;
export const REINSTALLING_LICENSE_FILES = 'Re-installing license files ...';
export const REINSTALLED_LICENSE_FILES = 'License files re-installed successfully.';

export const COMMAND_COMPLETED = 'Command completed successfully.';
export const PLEASE_RESTART = 'Please restart the system for the changes to take effect.';

export const kmsMachineSet = (kms: string): string =>
  `Key Management Service machine name set to ${kms} successfully.`;
export const KMS_MACHINE_CLEARED = 'Key Management Service machine name cleared successfully.';
export const kmsDomainSet = (fqdn: string): string =>
  `Key Management Service lookup domain set to ${fqdn} successfully.`;
export const KMS_DOMAIN_CLEARED = 'Key Management Service lookup domain cleared successfully.';
export const kmsMachineOverridesDomain = (kms: string): string =>
  `Warning: /skms setting overrides the /skms-domain setting. ${kms} will be used for activation.`;
export const kmsDomainInEffect = (fqdn: string): string =>
  `Warning: /skms-domain setting is in effect. ${fqdn} will be used for DNS SRV record lookup.`;
export const kmsMachineInEffect = (kms: string): string =>
  `Warning: /skms setting is in effect. ${kms} will be used for activation.`;
export const hostCaching = (enabled: boolean): string =>
  `KMS host caching is ${enabled ? 'enabled' : 'disabled'}`;
export const ACTIVATION_TYPE_SET = 'Volume activation type set successfully.';

export const onlyOnKmsHost = (setting: string): string =>
  `Warning: ${setting} can only be set on a KMS machine that is also activated.`;

export const NO_LICENSES_FOUND = 'No licenses found.';
export const NO_ACTIVATION_SCHEMA =
  'Active Directory-Based Activation is not supported in the current Active Directory schema.';
