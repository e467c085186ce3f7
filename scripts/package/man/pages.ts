import fs from 'node:fs';
import path from 'node:path';
import { OPTION_BLOCKS } from '../../../src/cli/slmgr/options.ts';
import type { CommandNode } from '../command-tree.ts';
import { commandPages } from './command-page.ts';
import { manOfMarkdown, partsOf } from './markdown.ts';
import {
  bold,
  escaped,
  type ManPage,
  manPage,
  type PageSetting,
  section,
  subsection,
  syntax,
  term,
} from './roff.ts';
import { schemaLines } from './schema-page.ts';

/** All pages of the manual, from the commands, the tables of the code, the schemas and docs/. */
export function manPages(root: string, tree: CommandNode, setting: PageSetting): ManPage[] {
  return [
    ...commandPages(tree, setting),
    slmgrPage(setting),
    ...FORMATS.map((format) => formatPage(root, format, setting)),
    ...SERVICES.map((service) => servicePage(root, service, setting)),
  ];
}

function slmgrPage(setting: PageSetting): ManPage {
  const options = OPTION_BLOCKS.flatMap(({ heading, options: block }) => [
    ...(heading === null ? [] : [subsection(heading.replace(/:$/, ''))]),
    ...block.flatMap(({ word, parameters, description }) =>
      term(syntax(`/${word} ${parameters}`.trim()), `${escaped(description)}.`),
    ),
  ]);
  const lines = [
    section('Synopsis'),
    `${bold('slmgr')} [\\fImachine\\fR [\\fIuser password\\fR]] \\fIoption\\fR`,
    section('Description'),
    escaped(
      'Activates this machine through its host and shows its license, with the options of Windows’ slmgr.vbs.',
    ),
    escaped('With a machine, the option is run there over ssh.'),
    section('Options'),
    ...options,
    section('See also'),
    ['avma', 'avma-guest'].map((name) => `${bold(name)}(1)`).join(', '),
  ];
  return manPage(
    { name: 'slmgr', section: 1 },
    'activate and show a license as slmgr.vbs does',
    setting,
    lines,
  );
}

interface Format {
  readonly name: string;
  readonly summary: string;
  /** Where the file lies. */
  readonly where: string;
  readonly schema: string;
  readonly document: { readonly file: string; readonly headings: readonly string[] };
}

const FORMATS: readonly Format[] = [
  {
    name: 'avma-config',
    summary: 'the configuration of avma on one machine',
    where: '/etc/avma/config.json',
    schema: 'config.schema.json',
    document: { file: 'docs/automation.md', headings: ['Settings'] },
  },
  {
    name: 'avma-host.d',
    summary: 'how an activation host serves: endpoints, limits, ledger, metrics',
    where: '/etc/avma/host.d/*.json',
    schema: 'host-config.schema.json',
    document: { file: 'docs/host.md', headings: ['Run it as a service'] },
  },
  {
    name: 'avma-setup',
    summary: 'the setup that a virtual machine is given',
    where: '/etc/avma/setup.yaml',
    schema: 'setup.schema.json',
    document: { file: 'docs/automation.md', headings: ['Given setup'] },
  },
  {
    name: 'avma-license.json',
    summary: 'what is licensed on this machine, for programs',
    where: '/run/avma/license.json',
    schema: 'license.schema.json',
    document: { file: 'docs/automation.md', headings: ['Is this guest licensed?'] },
  },
];

function formatPage(
  root: string,
  { name, summary, where, schema, document }: Format,
  setting: PageSetting,
): ManPage {
  const members = JSON.parse(fs.readFileSync(path.join(root, 'docs/schemas', schema), 'utf8'));
  const lines = [
    section('Synopsis'),
    `\\fI${escaped(where)}\\fR`,
    ...schemaLines(members, { title: 'Members' }),
    ...documentLines(root, document),
  ];
  return manPage({ name, section: 5 }, summary, setting, lines);
}

interface Service {
  readonly name: string;
  readonly summary: string;
  readonly synopsis: readonly string[];
  readonly documents: readonly { readonly file: string; readonly headings: readonly string[] }[];
  readonly seeAlso: string;
}

const SERVICES: readonly Service[] = [
  {
    name: 'avma-agent',
    summary: 'keeps a virtual machine licensed',
    synopsis: ['systemctl status avma-agent', 'avma guest agent [options]'],
    documents: [
      {
        file: 'docs/guest.md',
        headings: [
          'Stay activated',
          'As a service',
          'Give the machine its setup',
          'Hooks: programs that hear of changes',
          'When it does not work',
          'The way to the host',
          'Templates and clones',
          'Where things are',
        ],
      },
    ],
    seeAlso: 'avma-guest-agent',
  },
  {
    name: 'avma-host',
    summary: 'the host that answers its virtual machines',
    synopsis: ['systemctl enable --now avma-host', 'avma host serve [options]'],
    documents: [
      {
        file: 'docs/host.md',
        headings: [
          'Install',
          'Set up a host',
          'Give each guest its channel',
          'Run it as a service',
          'Check its health',
          'Metrics',
          'Which guests are licensed?',
          'Renew the certificate',
          'At 3 in the morning',
          'Upgrade',
          'Retire a host',
        ],
      },
    ],
    seeAlso: 'avma-host-serve',
  },
];

function servicePage(root: string, service: Service, setting: PageSetting): ManPage {
  const { name, summary, synopsis, documents, seeAlso } = service;
  const lines = [
    section('Synopsis'),
    ...synopsis.flatMap((line, index) => [...(index === 0 ? [] : ['.br']), syntax(line)]),
    ...documents.flatMap((document) => documentLines(root, document)),
    section('See also'),
    `${bold(seeAlso)}(1), ${bold('avma-config')}(5)`,
  ];
  return manPage({ name, section: 8 }, summary, setting, lines);
}

function documentLines(root: string, { file, headings }: Format['document']): string[] {
  return manOfMarkdown(partsOf(fs.readFileSync(path.join(root, file), 'utf8'), headings));
}
