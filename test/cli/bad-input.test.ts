/** What goes wrong around a guest: each gets one clear error with its code, an event, and loses nothing. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ServedHost, STANDARD_2012_R2, STANDARD_2025, TestMachine } from './test-machine.ts';

const machine = new TestMachine();
let host: ServedHost;
const env = { AVMA_PIPE: 'unix:h.sock' };
/** The deadline of an exchange that nobody answers. */
const SHORT = { AVMA_DEADLINE: '1' };
const slmgr = (args: string[], more: NodeJS.ProcessEnv = {}) =>
  machine.run('slmgr', args, { env: { ...env, ...more } });
const stateFile = () => machine.at('guest/guest.state');

/** What slmgr prints of a code that it has no text of its own for. */
const generic = (code: string) =>
  `Error: ${code} On a computer running Microsoft Windows non-core edition, run 'slui.exe 0x2a ${code}' to display the error text.`;

beforeAll(async () => {
  await machine.certifyHost();
  host = await machine.serve();
});
afterAll(async () => {
  await host.stop();
  await machine.close();
});
beforeEach(async () => {
  await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env });
});

/** A host that misbehaves, in this process, on a socket of its own. */
const impostors: net.Server[] = [];
async function impostor(name: string, onConnection: (socket: net.Socket) => void): Promise<string> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    onConnection(socket);
  });
  impostors.push(server);
  await new Promise<void>((resolve) => server.listen(machine.at(name), resolve));
  return `unix:${name}`;
}
afterEach(() => {
  for (const server of impostors.splice(0)) server.close();
});

/** An activation fails so, and what is held stays held. */
async function failsSo(
  pipe: string,
  expected: { code: string; hresult: string; status: number; outcome: string },
) {
  const lease = leaseOf();
  const deadline = expected.code === 'host-silent' ? SHORT : {};
  const { stdout, stderr, status } = await slmgr(['/ato'], { AVMA_PIPE: pipe, ...deadline });
  expect(stdout).toMatch(
    new RegExp(
      `^Activating Windows\\(R\\), ServerStandard edition \\(\\S+\\) \\.\\.\\.\nError: ${expected.hresult} .*\n\n$`,
    ),
  );
  expect(stderr).toBe('');
  expect(status).toBe(expected.status);
  expect(machine.events('guest').at(-1)).toMatchObject({
    eventId: 12309,
    level: 'error',
    outcome: expected.outcome,
    code: expected.code,
    hresult: expected.hresult,
    trigger: 'command',
  });
  expect(leaseOf()).toEqual(lease);
  expect((await slmgr(['/dli'])).stdout).toContain('License Status: Licensed');
}

/** The signed answers in the state file. */
function leaseOf(): unknown[] {
  const text = fs.readFileSync(stateFile(), 'utf8');
  const { products } = JSON.parse(text.slice(text.indexOf('\n') + 1));
  return Object.values(products as Record<string, { activation: unknown }>).map(
    ({ activation }) => activation,
  );
}

const FD01 = { hresult: '0xC004FD01', status: 69, outcome: 'Invalid Host' };
const BAD_DATA = { hresult: '0x8007000D', status: 65, outcome: 'Invalid Data' };

describe('a host that', () => {
  test('is not there', () => failsSo('unix:nobody.sock', { ...FD01, code: 'host-absent' }));

  test('was killed and left its socket behind', async () => {
    await impostor('stale.sock', () => {});
    // A hard end leaves the file: the server object is dropped without its clean-up.
    const copy = machine.at('left.sock');
    fs.linkSync(machine.at('stale.sock'), copy);
    await new Promise((resolve) => impostors.pop()?.close(resolve));
    await failsSo('unix:left.sock', { ...FD01, code: 'host-absent' });
  });

  test('accepts and says nothing', async () =>
    failsSo(await impostor('silent.sock', () => {}), { ...FD01, code: 'host-silent' }));

  test('hangs up in the middle', async () =>
    failsSo(await impostor('gone.sock', (socket) => socket.once('data', () => socket.destroy())), {
      ...FD01,
      code: 'host-gone',
    }));

  test('dies with half an answer sent', async () =>
    failsSo(
      await impostor('half.sock', (socket) => socket.once('data', () => socket.end('avma/1 response 00'))),
      { ...FD01, code: 'host-gone' },
    ));

  test('sends garbage without end', async () =>
    failsSo(
      await impostor('noise.sock', (socket) => {
        const noise = Buffer.alloc(8192, 'x\n');
        const more = () => {
          while (!socket.destroyed && socket.write(noise));
        };
        socket.on('drain', more);
        more();
      }),
      { ...BAD_DATA, code: 'response-malformed' },
    ));

  test('answers with a frame that is none of ours', async () =>
    failsSo(
      await impostor('foreign.sock', (socket) => {
        socket.on('data', (data) => {
          const id = /avma\/1 \S+ (\S+)/.exec(String(data))?.[1];
          socket.write(`\navma/1 response ${id} ${Buffer.from('nonsense').toString('base64url')}\n`);
        });
      }),
      { ...BAD_DATA, code: 'response-unopened' },
    ));

  test('speaks a later version of the protocol', async () =>
    failsSo(
      await impostor('later.sock', (socket) => {
        socket.on('data', (data) => {
          const id = /avma\/1 \S+ (\S+)/.exec(String(data))?.[1];
          socket.write(`\navma/2 response ${id} AAAA\n`);
        });
      }),
      { ...FD01, code: 'protocol-unsupported' },
    ));
});

test('a silent host is reported as timed out, with the time that it had', async () => {
  const pipe = await impostor('silent3.sock', () => {});
  const ran = await machine.run('avma', ['guest', 'activate'], {
    env: { ...env, AVMA_PIPE: pipe, AVMA_DEADLINE: '0.5' },
  });
  expect(ran.stderr).toMatch(/^avma: no answer over unix:silent3\.sock, timed out after 0\.5 s: /);
  expect(ran.status).toBe(69);
});

test('/ipk of a guest whose host is silent still installs the key', async () => {
  const pipe = await impostor('silent2.sock', () => {});
  const ran = await slmgr(['/ipk', STANDARD_2012_R2], { AVMA_PIPE: pipe, ...SHORT });
  expect(ran.stdout).toBe(`Installed product key ${STANDARD_2012_R2} successfully.\n\n`);
  expect(ran.status).toBe(0);
});

test('a guest that is newer than its host is refused by 0xC004FD03', async () => {
  await machine.mustRun('slmgr', ['/ipk', STANDARD_2025], { env });
  const { stdout, status } = await slmgr(['/ato']);
  expect(stdout).toContain(generic('0xC004FD03'));
  expect(status).toBe(83);
  expect(machine.events('guest').at(-1)).toMatchObject({
    outcome: 'Activation Denied',
    code: 'version-too-new',
  });
  expect(machine.events('host').at(-1)).toMatchObject({
    decision: 'refused',
    code: 'version-too-new',
    level: 'error',
  });
});

test("a socket of another VM's refuses by 0xC004FD04", async () => {
  const other = await machine.serveBeside([
    '--listen',
    'unix:o.sock,vm=11111111-2222-4333-8444-555555555555',
  ]);
  await failsSo('unix:o.sock', {
    code: 'vm-refused',
    hresult: '0xC004FD04',
    status: 84,
    outcome: 'Activation Denied',
  });
  await other.stop();
});

test('a host that too many requests have come to refuses by 0xC004FD00, and the status is not 0', async () => {
  const slow = await machine.serveBeside(['--listen', 'unix:t.sock', '--throttle', '1/3600']);
  await slmgr(['/ato'], { AVMA_PIPE: 'unix:t.sock' });
  await failsSo('unix:t.sock', {
    code: 'throttled',
    hresult: '0xC004FD00',
    status: 75,
    outcome: 'Activation Denied',
  });
  await slow.stop();
});

test('a host without a certificate refuses by 0xC004FD02', async () => {
  const folder = { AVMA_HOST_DIR: machine.at('bare') };
  await machine.mustRun('avma', ['host', 'init', '--name', 'bare'], { env: folder });
  const bare = await machine.serveBeside(['--listen', 'unix:b.sock'], { env: folder });
  await failsSo('unix:b.sock', {
    code: 'host-not-activated',
    hresult: '0xC004FD02',
    status: 82,
    outcome: 'Invalid Host',
  });
  await bare.stop();
});

test('a guest that trusts nobody believes no host', async () => {
  const bare = { AVMA_STATE_DIR: machine.at('trustless') };
  const ipk = await slmgr(['/ipk', STANDARD_2012_R2], bare);
  expect(ipk.status).toBe(0);
  const { stdout, status } = await slmgr(['/ato'], bare);
  expect(stdout).toContain(generic('0xC004FD02'));
  expect(status).toBe(82);
});

describe('a product key that', () => {
  test.each([
    ['no catalog lists', 'AAAAA-BBBBB-CCCCC-DDDDD-EEEEE'],
    ['is shaped right and unknown', 'BCDFG-HJKMP-QRTVW-XY234-6789N'],
    ['is no key', 'hello'],
    ['is empty', ''],
  ])('%s is invalid and changes nothing', async (_what, key) => {
    const before = fs.readFileSync(stateFile());
    const ran = await slmgr(['/ipk', key]);
    expect(ran.stdout).toBe(
      'Error: 0xC004F050 The Software Licensing Service reported that the product key is invalid\n\n',
    );
    expect(ran.status).toBe(65);
    expect(fs.readFileSync(stateFile())).toEqual(before);
  });

  test('is typed in lower case, with blanks around it, is the same key, and is told back as typed', async () => {
    const typed = `  ${STANDARD_2012_R2.toLowerCase()} `;
    const ran = await slmgr(['/ipk', typed]);
    expect(ran.stdout).toBe(`Installed product key ${typed} successfully.\n\n`);
  });
});

describe('a state file that', () => {
  const damaged = 'Error: 0x8007000D The data is invalid.\n\n';

  test.each([
    ['is torn', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['is empty', () => Buffer.alloc(0)],
    ['is something else', () => Buffer.from('{"License Status": "Licensed"}\n')],
    [
      'was edited by hand',
      (bytes: Buffer) => Buffer.from(bytes.toString('utf8').replace('"highestSeen": 1', '"highestSeen": 2')),
    ],
    [
      'is of a later format',
      (bytes: Buffer) => Buffer.from(bytes.toString('utf8').replace('avma-state/3', 'avma-state/4')),
    ],
  ])('%s is an error, stays as it is, and /ato does not touch it', async (_what, spoil) => {
    const spoilt = Buffer.from(spoil(fs.readFileSync(stateFile())));
    fs.writeFileSync(stateFile(), spoilt);
    for (const option of ['/dlv', '/ato', '/xpr']) {
      const { stdout, status } = await slmgr([option]);
      expect(stdout).toBe(damaged);
      expect(status).toBe(65);
    }
    expect(fs.readFileSync(stateFile())).toEqual(spoilt);
    expect(machine.events('guest').at(-1)).toMatchObject({ eventId: 12309, outcome: 'Invalid Data' });
    fs.rmSync(stateFile());
  });

  test('is damaged is kept aside when a key is installed, and not before', async () => {
    const spoilt = fs.readFileSync(stateFile()).subarray(0, 300);
    fs.writeFileSync(stateFile(), spoilt);
    expect((await slmgr(['/ipk', 'wrong'])).status).toBe(65);
    expect(fs.readFileSync(stateFile())).toEqual(spoilt);
    expect((await slmgr(['/ipk', STANDARD_2012_R2])).status).toBe(0);
    const aside = fs.readdirSync(machine.at('guest')).filter((name) => name.includes('.damaged-'));
    expect(aside).toHaveLength(1);
    expect(fs.readFileSync(machine.at(`guest/${aside[0]}`))).toEqual(spoilt);
    expect((await slmgr(['/dli'])).stdout).toContain('License Status: Licensed');
  });

  test("is another VM's is in notification by 0xC004FD04 until the clone is activated itself", async () => {
    const clone = { AVMA_VM_ID: '99999999-2222-4333-8444-555555555555' };
    const { stdout } = await slmgr(['/dlv'], clone);
    expect(stdout).toContain('License Status: Notification\nNotification Reason: 0xC004FD04.\n');
    expect(machine.events('guest').at(-1)).toMatchObject({
      outcome: 'Activation Denied',
      code: 'vm-mismatch',
    });
    expect((await slmgr(['/ato'], clone)).status).toBe(0);
    expect((await slmgr(['/dli'], clone)).stdout).toContain('License Status: Licensed');
  });

  test('rests on an anchor that is taken away is in notification by 0x8007000D', async () => {
    const list = await machine.mustRun('avma', ['guest', 'trust', 'list', '--json']);
    const [{ roots }] = JSON.parse(list.stdout).vendors;
    await machine.mustRun('avma', ['guest', 'trust', 'remove', roots[0].keyId]);
    const { stdout } = await slmgr(['/dli']);
    expect(stdout).toContain('License Status: Notification\nNotification Reason: 0x8007000D.\n');
    await machine.mustRun('avma', ['guest', 'trust', 'add', 'v/root.pub.json']);
    expect((await slmgr(['/dli'])).stdout).toContain('License Status: Licensed');
  });
});

describe.skipIf(process.getuid?.() !== 0)('a state folder that', () => {
  test('may not be written gives 0x80070005', async () => {
    const folder = machine.at('locked');
    fs.mkdirSync(folder, { mode: 0o755 });
    fs.chmodSync(machine.folder, 0o755);
    const ran = await machine.run('slmgr', ['/ipk', STANDARD_2012_R2], {
      env: { ...env, AVMA_STATE_DIR: folder },
      uid: 65534,
    });
    expect(ran.stdout).toBe(
      'Error: 0x80070005 Access denied: the requested action requires elevated privileges\n\n',
    );
    expect(ran.status).toBe(77);
  });

  test('is on a full disk gives 0x80070070 and keeps the lease', async () => {
    const folder = machine.at('full');
    fs.mkdirSync(folder);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', folder]);
    } catch {
      return process.stderr.write('The test of a full disk is skipped: tmpfs cannot be mounted here.\n');
    }
    try {
      fs.cpSync(machine.at('guest'), folder, { recursive: true });
      fs.rmSync(`${folder}/events.jsonl`, { force: true });
      const before = fs.readFileSync(`${folder}/guest.state`);
      try {
        fs.writeFileSync(`${folder}/ballast`, Buffer.alloc(1024 * 1024));
      } catch {
        // Full now.
      }
      const ran = await slmgr(['/ato'], { AVMA_STATE_DIR: folder });
      expect(ran.stdout).toContain('\nError: 0x80070070 There is not enough space on the disk.\n\n');
      expect(ran.status).toBe(74);
      expect(fs.readFileSync(`${folder}/guest.state`)).toEqual(before);
      expect((await slmgr(['/dli'], { AVMA_STATE_DIR: folder })).stdout).toContain(
        'License Status: Licensed',
      );
    } finally {
      execFileSync('umount', [folder]);
    }
  });
});

test('a pipe of the user that never comes back ends at the deadline all the same', async () => {
  fs.writeFileSync(machine.at('stuck.mjs'), 'export default () => new Promise(() => {});');
  await failsSo('module:./stuck.mjs', { ...FD01, code: 'host-silent' });
});

test('a clone that is activated gets numbers of its own', async () => {
  const clone = { AVMA_VM_ID: '99999999-2222-4333-8444-555555555555' };
  const numbers = async (env: NodeJS.ProcessEnv) =>
    (await slmgr(['/dlv'], env)).stdout.match(/^(Extended PID|Installation ID|Guest IAID): .*$/gm) ?? [];
  const original = await numbers({});
  expect((await slmgr(['/ato'], clone)).status).toBe(0);
  const own = await numbers(clone);
  expect(own).toHaveLength(3);
  expect(own.filter((line) => (original as string[]).includes(line))).toEqual([]);
});
