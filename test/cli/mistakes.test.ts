/**
 * What people do wrong, and what slmgr and avma then say: the real commands on a terminal, written to docs/mistakes.md
 * with times, paths and keys made the same. `npx vitest run test/cli/mistakes.test.ts -u` writes the file anew.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { discoverPipe } from '../../src/pipe/discovery.ts';
import { systemEnvironment } from '../../src/pipe/environment.ts';
import { keyId } from '../../src/protocol/envelope.ts';
import { missingScript } from '../support/script.ts';
import { until } from '../support/until.ts';
import {
  builtCommand,
  faketimeLibrary,
  ROOT,
  type ServedHost,
  STANDARD_2012_R2,
  STANDARD_2025,
  TestMachine,
} from './test-machine.ts';

const NOBODY = 65_534;
const TRANSCRIPT = path.join(ROOT, 'docs/mistakes.md');

/** Why the transcript cannot be made on this machine; undefined where it can. */
function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'the tests do not run as root';
  if (faketimeLibrary() === undefined) return "Debian's package faketime is missing";
  if (discoverPipe(systemEnvironment()).uri !== null) return 'this machine has a pipe to a host';
  return missingScript();
}

const missing = obstacle();
if (missing !== undefined) process.stderr.write(`The transcript of mistakes is skipped: ${missing}.\n`);

/** A command line, typed in a shell, and the conditions that it runs under. */
interface Line {
  readonly type: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly faketime?: string;
  readonly uid?: number;
}

interface Mistake {
  readonly title: string;
  readonly lines: readonly Line[];
}

describe.skipIf(missing !== undefined)('mistakes', () => {
  const machine = new TestMachine();
  const hosts: ServedHost[] = [];
  const silent = net.createServer(() => {});
  let agent: ChildProcess | undefined;
  let transcript: string;

  beforeAll(async () => {
    fs.chmodSync(machine.folder, 0o755);
    await prepare();
    const parts = [HEAD];
    for (const { title, lines } of MISTAKES) {
      parts.push(`## ${title}\n`);
      const shown = [];
      for (const line of lines) shown.push(await show(line));
      parts.push(`\`\`\`console\n${shown.join('\n')}\`\`\`\n`);
    }
    transcript = parts.join('\n');
  });
  afterAll(async () => {
    silent.close();
    if (agent !== undefined) {
      const ended = new Promise((resolve) => agent?.once('exit', resolve));
      agent.kill();
      await ended;
    }
    for (const host of hosts) await host.stop();
    await machine.close();
  });

  test('are answered as docs/mistakes.md has it', () => expect(transcript).toMatchFileSnapshot(TRANSCRIPT));

  test('no answer is a stack trace, holds "undefined" or fails as a fault of avma', () => {
    expect(transcript).not.toMatch(/\n\s+at |undefined|\[internal/);
  });

  /**
   * A host that activates, one that is no Datacenter, one whose certificate is about to end, and guests of each kind.
   */
  async function prepare(): Promise<void> {
    await machine.certifyHost();
    hosts.push(await machine.serve());
    await certifyOther('standard', ['--edition', 'ServerStandard', '--allow-any-edition'], 'standard.sock');
    await certifyOther('expired', ['--days', '1', '--edition', 'ServerDatacenter'], 'expired.sock', '+16d');
    await machine.mustRun('avma', ['vendor', 'init', '--out', 'other', '--name', 'Other vendor']);
    await new Promise<void>((resolve) => silent.listen(machine.at('silent.sock'), resolve));
    fs.writeFileSync(
      machine.at('wrong.json'),
      '{"schema": "avma.catalog/1", "products": [{"name": "Appliance"}]}',
    );
    await signCatalogs();
    fs.writeFileSync(machine.at('deadline.json'), '{"deadline": 5}');
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: { AVMA_PIPE: 'unix:h.sock' } });
    fs.writeFileSync(machine.at('hook-folder.json'), '{"agent": {"hookFolder": "/etc/avma/on-change.d"}}');
    for (const [file, text] of Object.entries(GIVEN)) fs.writeFileSync(machine.at(file), text);
    await startAgent();
    // Mistakes that are remembered in the state are made by a guest of their own.
    for (const copy of ['tried', 'damaged'])
      fs.cpSync(machine.at('guest'), machine.at(copy), { recursive: true });
    fs.truncateSync(machine.at('damaged/guest.state'), 300);
    fs.rmSync(machine.at('damaged/run'), { recursive: true });
    for (const guest of ['trusting', 'misled', 'newer']) {
      const anchor = guest === 'misled' ? 'other/root.pub.json' : 'v/root.pub.json';
      const env = { AVMA_STATE_DIR: machine.at(guest), AVMA_PIPE: 'unix:nobody.sock' };
      await machine.mustRun('avma', ['guest', 'trust', 'add', anchor], { env });
      await machine.mustRun('slmgr', ['/ipk', guest === 'newer' ? STANDARD_2025 : STANDARD_2012_R2], { env });
    }
  }

  /** A catalog that its vendor signed, one that was edited since, and one that another vendor signed. */
  async function signCatalogs(): Promise<void> {
    fs.copyFileSync(path.join(ROOT, 'docs/examples/acme.json'), machine.at('acme.json'));
    for (const [vendor, file] of [
      ['v', 'acme.catalog.json'],
      ['other', 'other.catalog.json'],
    ] as const) {
      const key = `${vendor}/root.key`;
      await machine.mustRun('avma', ['vendor', 'catalog', 'sign', 'acme.json', '--key', key, '--out', file]);
    }
    const { payload, ...envelope } = JSON.parse(fs.readFileSync(machine.at('acme.catalog.json'), 'utf8'));
    const longer = Buffer.from(payload, 'base64url')
      .toString()
      .replace('"additionalGraceDays":3,', '"additionalGraceDays":3650,');
    const edited = { ...envelope, payload: Buffer.from(longer).toString('base64url') };
    fs.writeFileSync(machine.at('edited.catalog.json'), JSON.stringify(edited));
    await machine.mustRun('avma', ['guest', 'catalog', 'add', 'acme.catalog.json'], { env: state('signed') });
  }

  /** An agent for a guest of its own, which runs until all is shown. */
  async function startAgent(): Promise<void> {
    agent = spawn(process.execPath, [path.join(ROOT, 'bin/avma'), 'guest', 'agent'], {
      env: { ...machine.env, ...state('busy'), AVMA_PIPE: 'unix:h.sock' },
      cwd: machine.folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    agent.stderr?.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
    await until('the agent has started', async () => said.includes('The agent keeps'));
  }

  async function certifyOther(
    name: string,
    certify: string[],
    socket: string,
    faketime?: string,
  ): Promise<void> {
    const env = { AVMA_HOST_DIR: machine.at(name) };
    await machine.mustRun('avma', ['host', 'init', '--name', 'hv02'], { env });
    const request = await machine.mustRun('avma', ['host', 'request'], { env });
    const made = await machine.mustRun(
      'avma',
      ['vendor', 'certify', '-', '--key', 'v/root.key', ...certify],
      {
        input: request.stdout,
      },
    );
    await machine.mustRun('avma', ['host', 'activate', '-'], { env, input: made.stdout });
    hosts.push(await machine.serve([], socket, { env, ...(faketime !== undefined && { faketime }) }));
  }

  /** What a person sees who types the line at a terminal, with the exit status. */
  async function show(line: Line): Promise<string> {
    const output = await onTerminal(line);
    return `$ ${line.type}\n${output}`;
  }

  function onTerminal({ type, env, faketime, uid }: Line): Promise<string> {
    const commands = ['avma', 'slmgr'].map(
      (name) => `${name}() { '${builtCommand(name).join("' '")}' "$@"; }`,
    );
    const as = uid === undefined ? '' : `setpriv --reuid=${uid} --regid=${uid} --clear-groups `;
    const clock =
      faketime === undefined
        ? ''
        : `export LD_PRELOAD=${faketimeLibrary()} FAKETIME=${faketime} FAKETIME_DONT_FAKE_MONOTONIC=1; `;
    const shell = `${as}bash -c '${[...commands, `${clock}${type}`].join('; ').replaceAll("'", `'\\''`)}'`;
    return new Promise((resolve) => {
      execFile(
        'script',
        ['--quiet', '--return', '--command', shell, '/dev/null'],
        {
          env: { ...machine.env, TERM: 'xterm', NO_COLOR: '1', AVMA_PIPE: 'unix:h.sock', ...env },
          cwd: machine.folder,
          encoding: 'utf8',
        },
        (failed, stdout) => {
          const status = failed === null ? 0 : Number(failed.code ?? -1);
          resolve(`${normalize(stdout)}[exit status ${status}]\n`);
        },
      );
    });
  }

  /** Without what differs from run to run and from machine to machine. */
  function normalize(output: string): string {
    return (
      stripVTControlCharacters(output.replaceAll('\r\n', '\n'))
        .replaceAll(/\r[|/\\-] [^\r\n]* s(?=\r)|\r/g, '')
        .replaceAll(machine.folder, '/tmp/example')
        .replaceAll(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?( UTC|Z)/g, 'DATE')
        .replaceAll(/\d{1,2}\/\d{1,2}\/\d{4} \d{1,2}:\d\d:\d\d [AP]M/g, 'DATE')
        .replaceAll(/\b([0-9A-F]{4}-){3}[0-9A-F]{4}\b/g, 'HARDWARE-ID')
        .replaceAll(/\b\d{4}-\d\d-\d\d\b/g, 'DATE')
        .replaceAll(/\b\d{5}-\d{5}-\d{5}-AA\d{3}\b/g, 'PID2')
        .replaceAll(/\b[0-9a-f]{64}\b/g, 'DIGEST')
        .replaceAll(/\b[0-9a-f]{32}\b/g, 'EXCHANGE-ID')
        .replaceAll(/\b[0-9a-f]{16}\b/g, (id) => keyName(id))
        .replaceAll(/\b\d+ (day|hour|minute)s?( \d+ (hour|minute)s?)?\b|less than a minute/g, 'SOME TIME')
        .replaceAll(/\b[\d.]+ ms\b/g, 'N ms')
        .replaceAll(/process \d+/g, 'process N')
        // Checkpoints follow their records in some seconds, and the file grows by pages.
        .replaceAll(/^ +checkpoint of record .*\n/gm, '')
        .replaceAll(/(ledger\.db), [\d.,]+ \w+/g, '$1, SIZE')
        .replaceAll(/^( *(?:Looked for)? *(?:kvp|vsock:2:1688|virtio:[\w.]+): ).*$/gm, '$1...')
        .replaceAll(/\b(kvp:|vsock:2:1688|virtio:[\w.]+) \([^)]*\)/g, '$1 (...)')
    );
  }

  /** The vendors' key IDs by name; other numbers of 16 digits are certificates' serial numbers. */
  function keyName(id: string): string {
    const known = { 'KEY-ID-OF-VENDOR': 'v', 'KEY-ID-OF-OTHER-VENDOR': 'other' };
    for (const [name, folder] of Object.entries(known)) {
      if (id === keyIdOf(folder)) return name;
    }
    return 'SERIAL';
  }

  const keyIds = new Map<string, string>();
  function keyIdOf(folder: string): string {
    let id = keyIds.get(folder);
    if (id === undefined) {
      const bytes = Buffer.from(
        JSON.parse(fs.readFileSync(machine.at(`${folder}/root.pub.json`), 'utf8')).publicKey,
        'base64url',
      );
      id = keyId(bytes);
      keyIds.set(folder, id);
    }
    return id;
  }

  const state = (name: string) => ({ AVMA_STATE_DIR: machine.at(name) });
  const both = (slmgr: string, avma: string, more: Omit<Line, 'type'> = {}): Line[] => [
    { type: `slmgr ${slmgr}`, ...more },
    { type: `avma ${avma}`, ...more },
  ];

  const MISTAKES: readonly Mistake[] = [
    {
      title: 'A key that no catalog lists',
      lines: both('/ipk BCDFG-HJKMP-QRTVW-XY234-6789N', 'guest install-key BCDFG-HJKMP-QRTVW-XY234-6789N'),
    },
    { title: 'Something that is not a product key', lines: both('/ipk hello', 'guest install-key hello') },
    {
      title: 'The host is not running',
      lines: both('/ato', 'guest activate', { env: { ...state('tried'), AVMA_PIPE: 'unix:nobody.sock' } }),
    },
    {
      title: 'No pipe to a host',
      lines: both('/ato', 'guest activate', { env: { ...state('tried'), AVMA_PIPE: '' } }),
    },
    {
      title: 'A pipe of an unknown type',
      lines: both('/ato', 'guest activate', { env: { ...state('tried'), AVMA_PIPE: 'tcp:host:1688' } }),
    },
    {
      title: 'A host that does not answer',
      lines: both('/ato', 'guest activate', {
        env: { ...state('tried'), AVMA_PIPE: 'unix:silent.sock', AVMA_DEADLINE: '1' },
      }),
    },
    {
      title: 'A socket that this user may not open',
      lines: [
        { type: 'avma pipe probe unix:h.sock', uid: NOBODY, env: { AVMA_STATE_DIR: machine.at('nobody') } },
      ],
    },
    {
      title: "Looking at root's license as another user",
      lines: both('/dli', 'guest status', { uid: NOBODY }),
    },
    {
      title: 'No vendor is trusted',
      lines: [
        { type: `slmgr /ipk ${STANDARD_2012_R2}`, env: state('trustless') },
        ...both('/ato', 'guest status', { env: state('trustless') }),
        { type: 'avma pipe probe', env: state('trustless') },
      ],
    },
    {
      title: 'Another vendor is trusted than the one who certified the host',
      lines: both('/ato', 'guest activate', { env: state('misled') }),
    },
    {
      title: 'The wrong file as a trust anchor',
      lines: ['v/root.key', 'cert.json', 'nowhere.json'].map((file) => ({
        type: `avma guest trust add ${file}`,
      })),
    },
    {
      title: 'Removing a vendor that is not trusted',
      lines: [{ type: 'avma guest trust remove 0123' }],
    },
    {
      title: 'A product that is newer than the host',
      lines: both('/ato', 'guest activate', { env: state('newer') }),
    },
    {
      title: 'A host that is no Datacenter',
      lines: [
        { type: 'avma vendor certify req.json --key v/root.key --edition ServerDatacentre > cert.json' },
        ...both('/ato', 'guest activate', { env: { ...state('trusting'), AVMA_PIPE: 'unix:standard.sock' } }),
      ],
    },
    {
      title: "The host's certificate has expired",
      lines: [
        ...both('/ato', 'guest activate', { env: { ...state('trusting'), AVMA_PIPE: 'unix:expired.sock' } }),
        { type: 'avma host status --check', env: { AVMA_HOST_DIR: machine.at('expired') }, faketime: '+16d' },
      ],
    },
    {
      title: 'A copy of a virtual machine',
      lines: both('/dli', 'guest status', { env: { AVMA_VM_ID: '99999999-2222-4333-8444-555555555555' } }),
    },
    { title: 'The lease has ended', lines: both('/xpr', 'guest status --check', { faketime: '+8d' }) },
    { title: 'The clock was set back by 40 days', lines: both('/dli', 'guest status', { faketime: '-40d' }) },
    { title: 'The state file is damaged', lines: both('/dli', 'guest status', { env: state('damaged') }) },
    {
      title: 'A wrong name in config.json',
      lines: both('/dli', 'guest status', { env: { AVMA_CONFIG: machine.at('deadline.json') } }),
    },
    {
      title: 'Activating without a product key',
      lines: both('/ato', 'guest activate', { env: state('keyless') }),
    },
    {
      title: 'A catalog with a mistake',
      lines: [
        ...both('/ilc wrong.json', 'guest catalog check wrong.json'),
        { type: 'avma vendor catalog check wrong.json' },
      ],
    },
    {
      title: 'A signed catalog that was edited',
      lines: [
        ...both('/ilc edited.catalog.json', 'guest catalog add edited.catalog.json'),
        { type: 'avma inspect edited.catalog.json' },
      ],
    },
    {
      title: 'An unsigned catalog with the products of a signed one',
      lines: [{ type: 'avma guest catalog add acme.json', env: state('signed') }],
    },
    {
      title: "A catalog with another vendor's products",
      lines: [{ type: 'avma guest catalog add other.catalog.json', env: state('signed') }],
    },
    {
      title: 'The key is installed, and the activation failed',
      lines: [
        {
          type: `slmgr /ipk ${STANDARD_2012_R2}`,
          env: { ...state('hostless'), AVMA_PIPE: 'unix:nobody.sock' },
        },
        { type: 'avma guest status', env: { ...state('hostless'), AVMA_PIPE: 'unix:nobody.sock' } },
      ],
    },
    {
      title: 'The right file with another command',
      lines: [
        { type: 'avma host license add cert.json' },
        { type: 'avma host activate v/root.pub.json' },
        { type: 'avma vendor certify cert.json --key v/root.key' },
      ],
    },
    {
      title: 'A second host init',
      lines: [{ type: 'avma host init' }],
    },
    {
      title: 'A wrong command line',
      lines: ['guest stat', 'guest status --jsno', 'vendor certify', 'host serve --listen tcp:1688'].map(
        (words) => ({
          type: `avma ${words}`,
        }),
      ),
    },
    {
      title: 'Asking for a product that has no key',
      lines: [{ type: 'avma guest check ServerDatacenter' }],
    },
    {
      title: 'Asking whether a product in grace is licensed',
      lines: [{ type: 'avma guest check ServerStandard', env: state('hostless') }],
    },
    {
      title: 'Asking where the license cannot be read',
      lines: [{ type: 'avma guest check ServerStandard', env: state('damaged') }],
    },
    {
      title: 'A second agent',
      lines: [{ type: 'avma guest agent', env: state('busy') }],
    },
    {
      title: 'The agent has nothing to activate',
      lines: [{ type: 'avma guest agent --once', env: state('keyless') }],
    },
    {
      title: 'JSON from an agent that runs on',
      lines: [{ type: 'avma guest agent --json', env: state('keyless') }],
    },
    {
      title: 'The agent finds no host',
      lines: [
        { type: 'avma guest agent --once', env: { ...state('hostless'), AVMA_PIPE: 'unix:nobody.sock' } },
      ],
    },
    {
      title: 'The agent of an ordinary user',
      lines: [{ type: 'avma guest agent', uid: NOBODY }],
    },
    {
      title: "A wrong name in the agent's settings",
      lines: [{ type: 'avma guest agent --once', env: { AVMA_CONFIG: machine.at('hook-folder.json') } }],
    },
    {
      title: 'A setup whose key was never filled in',
      lines: [{ type: 'avma guest apply placeholder.yaml', env: state('given') }],
    },
    {
      title: 'A setup file with a wrong name in it',
      lines: [{ type: 'avma guest apply misspelled.yaml', env: state('given') }],
    },
    {
      title: 'An answer file that is no XML',
      lines: [{ type: 'avma guest apply unclosed.xml', env: state('given') }],
    },
    {
      title: 'An answer file with two different keys in one place',
      lines: [{ type: 'avma guest apply conflict.xml', env: state('given') }],
    },
    {
      title: 'An answer file with a key that no catalog lists',
      lines: [{ type: 'avma guest apply unknown.xml', env: state('given') }],
    },
    {
      title: 'Applying a setup where there is none',
      lines: [{ type: 'avma guest apply', env: state('given') }],
    },
    {
      title: 'Two setups at once',
      lines: [{ type: 'avma guest apply placeholder.yaml unclosed.xml', env: state('given') }],
    },
    {
      title: 'Sealing an image while the agent runs',
      lines: [{ type: 'avma image seal', env: { ...state('busy'), AVMA_HOST_DIR: machine.at('no-host') } }],
    },
    {
      title: 'Sealing a virtualization host that serves',
      lines: [{ type: 'avma image seal --dry-run', env: state('keyless') }],
    },
    {
      title: 'Sealing a folder that is not there',
      lines: [{ type: 'avma image seal --root nowhere' }],
    },
    {
      title: 'A time that is none',
      lines: [{ type: 'avma guest events --since tomorow' }],
    },
    {
      title: 'A lease of another machine',
      lines: [
        {
          type: 'avma lease inspect guest/guest.state',
          env: { AVMA_VM_ID: '99999999-2222-4333-8444-555555555555' },
        },
      ],
    },
  ];
});

/** A component of an answer file that activates. */
const component = (architecture: string, key: string) =>
  `<component name="Microsoft-Windows-Shell-Setup" processorArchitecture="${architecture}"><ProductKey>${key}</ProductKey></component>`;
const answerFile = (...components: string[]) =>
  `<unattend xmlns="urn:schemas-microsoft-com:unattend">\n<settings pass="specialize">\n${components.join('\n')}\n</settings>\n</unattend>\n`;

const GIVEN = {
  'placeholder.yaml': 'schema: avma.setup/1\nkey: YOUR-CLIENT-KEY\n',
  'misspelled.yaml': `schema: avma.setup/1\nproductKey: ${STANDARD_2012_R2}\n`,
  'unclosed.xml': answerFile(component('amd64', STANDARD_2012_R2)).replace('</unattend>', ''),
  'conflict.xml': answerFile(component('x86', STANDARD_2012_R2), component('amd64', STANDARD_2025)),
  'unknown.xml': answerFile(component('amd64', 'BCDFG-HJKMP-QRTVW-XY234-6789N')),
};

const HEAD = `# Mistakes, and what is printed

What people do wrong, and the answer of the commands on a terminal. Behind a pipe \`slmgr\` prints only what Windows'
slmgr prints: the lines after it, which say why and what to do, go to stderr, and to terminals only.

This page is made by the commands themselves (\`test/cli/mistakes.test.ts\`). DATE, SOME TIME, KEY-ID and the like stand for
what differs from run to run. Each error code is explained in [errors.md](errors.md).
`;
