import { OPTION_BLOCKS, type OptionBlock } from './options.ts';

const INDENT = ' '.repeat(11);

/** The usage text, without the empty line that ends all output. */
export function usageLines(): string[] {
  return [
    'Windows Software Licensing Management Tool',
    'Usage: slmgr.vbs [MachineName [User Password]] [<Option>]',
    `${INDENT}MachineName: Name of remote machine (default is local machine)`,
    `${INDENT}User:        Account with required privilege on remote machine`,
    `${INDENT}Password:    password for the previous account`,
    ...OPTION_BLOCKS.flatMap(blockLines),
  ];
}

function blockLines(block: OptionBlock): string[] {
  return [
    '',
    ...(block.heading === null ? [] : [block.heading]),
    // slmgr's own text has the space after the word also where no parameter follows.
    ...block.options.flatMap((option) => [
      `/${option.word} ${option.parameters}`,
      `    ${option.description}`,
    ]),
  ];
}
