/**
 * slmgr's 37 options in the order of its usage text: how each is written, which values it cannot do without, what it
 * is for, and how far it does here what it does on Windows. The usage text, the check for missing values and the
 * table of docs/slmgr.md are all made from this.
 */
export interface Option {
  readonly word: string;
  /** The parameters as the usage text shows them; empty for an option without any. */
  readonly parameters: string;
  /** Checked in order; the first that is missing is the one that is named. */
  readonly required: readonly RequiredValue[];
  readonly description: string;
  /** The option is refused when it is meant for another machine. */
  readonly localOnly?: true;
}

/** Values that an option cannot do without. */
export interface RequiredValue {
  /** How many values must be there. */
  readonly count: number;
  /** What slmgr calls the values when they are missing. */
  readonly text: string;
}

/** Options under one heading of the usage text. */
export interface OptionBlock {
  /** null: the block follows the one before it without a heading. */
  readonly heading: string | null;
  readonly options: readonly Option[];
}

const one = (text: string): readonly RequiredValue[] => [{ count: 1, text }];
const none: readonly RequiredValue[] = [];

/** The table, in the blocks of the usage text. */
export const OPTION_BLOCKS = [
  {
    heading: 'Global Options:',
    options: [
      {
        word: 'ipk',
        parameters: '<Product Key>',
        required: one('<Product Key>'),
        description: 'Install this product key in place of the present one',
      },
      {
        word: 'ato',
        parameters: '[Activation ID]',
        required: none,
        description: 'Activate the product whose key is installed, or the one with this Activation ID',
      },
      {
        word: 'dli',
        parameters: '[Activation ID | All]',
        required: none,
        description: 'Show the license in short, of the present product or of those named',
      },
      {
        word: 'dlv',
        parameters: '[Activation ID | All]',
        required: none,
        description: 'Show the license in full, of the present product or of those named',
      },
      {
        word: 'xpr',
        parameters: '[Activation ID]',
        required: none,
        description: 'Show when the present state of the license ends',
      },
    ],
  },
  {
    heading: 'Advanced Options:',
    options: [
      {
        word: 'cpky',
        parameters: '',
        required: none,
        description: 'Remove the full product key from the store so that nobody can read it there',
      },
      {
        word: 'ilc',
        parameters: '<License file>',
        required: one('<License file>'),
        description: 'Install a license file',
      },
      {
        word: 'rilc',
        parameters: '',
        required: none,
        description: 'Install all license files of this system again',
      },
      {
        word: 'rearm',
        parameters: '',
        required: none,
        description: 'Start the initial grace period again',
      },
      {
        word: 'rearm-app',
        parameters: '<Application ID>',
        required: one('<Application ID>'),
        description: 'Start the initial grace period of one application again',
      },
      {
        word: 'rearm-sku',
        parameters: '<Activation ID>',
        required: one('<Activation ID>'),
        description: 'Start the initial grace period of one product again',
      },
      {
        word: 'upk',
        parameters: '[Activation ID]',
        required: none,
        description: 'Uninstall the product key',
      },
    ],
  },
  {
    heading: null,
    options: [
      {
        word: 'dti',
        parameters: '[Activation ID]',
        required: none,
        description: 'Show the Installation ID',
      },
      {
        word: 'atp',
        parameters: '<Confirmation ID> [Activation ID]',
        required: one('<Confirmation ID>'),
        description: 'Activate with a Confirmation ID',
      },
    ],
  },
  {
    heading: 'Volume Licensing: Key Management Service (KMS) Client Options:',
    options: [
      {
        word: 'skms',
        parameters: '<Name[:Port] | : port> [Activation ID]',
        required: one('<Name[:Port] | : port>'),
        description: 'Set the name, the port or both of the KMS host to use',
      },
      {
        word: 'ckms',
        parameters: '[Activation ID]',
        required: none,
        description: 'Clear the name of the KMS host and go back to the default port',
      },
      {
        word: 'skms-domain',
        parameters: '<FQDN> [Activation ID]',
        required: one('<FQDN>'),
        description: 'Set the DNS domain in which to look for KMS SRV records',
      },
      {
        word: 'ckms-domain',
        parameters: '[Activation ID]',
        required: none,
        description: 'Clear the DNS domain in which to look for KMS SRV records',
      },
      {
        word: 'skhc',
        parameters: '',
        required: none,
        description: 'Turn KMS host caching on',
      },
      {
        word: 'ckhc',
        parameters: '',
        required: none,
        description: 'Turn KMS host caching off',
      },
    ],
  },
  {
    heading: 'Volume Licensing: Token-based Activation Options:',
    options: [
      {
        word: 'lil',
        parameters: '',
        required: none,
        description: 'List the token-based activation licenses that are installed',
      },
      {
        word: 'ril',
        parameters: '<ILID> <ILvID>',
        required: [{ count: 2, text: '<ILID> <ILvID>' }],
        description: 'Remove one token-based activation license',
      },
      {
        word: 'ltc',
        parameters: '',
        required: none,
        description: 'List the certificates that token-based activation could use',
      },
      {
        word: 'fta',
        parameters: '<Certificate Thumbprint> [<PIN>]',
        required: one('<Certificate Thumbprint> [<PIN>]'),
        description: 'Activate with a token now',
      },
    ],
  },
  {
    heading: 'Volume Licensing: Key Management Service (KMS) Options:',
    options: [
      {
        word: 'sprt',
        parameters: '<Port>',
        required: one('<Port>'),
        description: 'Set the TCP port on which a KMS host listens',
      },
      {
        word: 'sai',
        parameters: '<Activation Interval>',
        required: one('<Activation Interval>'),
        description: 'Set the minutes after which clients that are not activated ask the KMS host again',
      },
      {
        word: 'sri',
        parameters: '<Renewal Interval>',
        required: one('<Renewal Interval>'),
        description: 'Set the minutes after which activated clients ask the KMS host again',
      },
      {
        word: 'sdns',
        parameters: '',
        required: none,
        description: 'Have the KMS host publish itself in DNS',
      },
      {
        word: 'cdns',
        parameters: '',
        required: none,
        description: 'Have the KMS host stop publishing itself in DNS',
      },
      {
        word: 'spri',
        parameters: '',
        required: none,
        description: 'Run the KMS host with normal priority',
      },
      {
        word: 'cpri',
        parameters: '',
        required: none,
        description: 'Run the KMS host with low priority',
      },
      {
        word: 'act-type',
        parameters: '[Activation-Type] [Activation ID]',
        required: none,
        description:
          'Allow one way of volume activation only: 1 Active Directory, 2 KMS, 3 token; 0 allows all',
      },
    ],
  },
  {
    heading: 'Volume Licensing: Active Directory (AD) Activation Options:',
    options: [
      {
        word: 'ad-activation-online',
        parameters: '<Product Key> [Activation Object name]',
        required: one('<Product Key>'),
        description: 'Activate a forest of Active Directory online',
        localOnly: true,
      },
      {
        word: 'ad-activation-get-iid',
        parameters: '<Product Key>',
        required: one('<Product Key>'),
        description: 'Show the Installation ID for a forest of Active Directory',
        localOnly: true,
      },
      {
        word: 'ad-activation-apply-cid',
        parameters: '<Product Key> <Confirmation ID> [Activation Object name]',
        required: [
          { count: 1, text: '<Product Key>' },
          { count: 2, text: '<Confirmation ID>' },
        ],
        description: 'Activate a forest of Active Directory with a Confirmation ID',
        localOnly: true,
      },
      {
        word: 'ao-list',
        parameters: '',
        required: none,
        description: 'List the activation objects in Active Directory',
        localOnly: true,
      },
      {
        word: 'del-ao',
        parameters: '<Activation Object DN | Activation Object RDN>',
        required: one('<Activation Object DN | Activation Object RDN>'),
        description: 'Delete an activation object from Active Directory',
        localOnly: true,
      },
    ],
  },
] as const satisfies readonly OptionBlock[];

export type OptionWord = (typeof OPTION_BLOCKS)[number]['options'][number]['word'];

/** An entry of the table, with its word known to be one of the 37. */
export type KnownOption = Option & { readonly word: OptionWord };

/** The options of all blocks, in their order. */
export const OPTIONS: readonly KnownOption[] = OPTION_BLOCKS.flatMap(
  (block): readonly KnownOption[] => block.options,
);

/** The option of this word, which must be in lower case and whole; undefined when there is none. */
export function findOption(word: string): KnownOption | undefined {
  return OPTIONS.find((option) => option.word === word);
}

/** What slmgr says is missing, or undefined when enough values are there. */
export function missingValue(option: Option, values: readonly string[]): string | undefined {
  return option.required.find((value) => values.length < value.count)?.text;
}
