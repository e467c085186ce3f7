import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type DomainEndpoint, diffEndpoints, domainsToEndpoints } from '../../../src/host/libvirt/domain.ts';
import { domainXml } from '../../support/domain-xml.ts';

const VM = '11111111-2222-4333-8444-555555555555';
const OTHER_VM = '99999999-8888-4777-8666-555555555555';
const PATH = '/run/libvirt/qemu/channel/1-web01/org.avma.activation.0';

const ENDPOINT: DomainEndpoint = {
  domain: 'web01',
  from: 'file0.xml',
  vmId: VM,
  path: PATH,
  kind: 'connect',
  runs: null,
};

const read = (...xml: string[]) =>
  domainsToEndpoints(xml.map((text, index) => ({ from: `file${index}.xml`, xml: text })));

/** Why a domain is not served; fails when it is. */
function whyNot(xml: string): string | undefined {
  const { endpoints, problems } = read(xml);
  expect(endpoints).toEqual([]);
  expect(problems).toHaveLength(1);
  return problems[0]?.why;
}

test.each([
  ['running', true],
  ['paused', true],
  ['shutoff', false],
  ['crashed', false],
])("libvirt's own file of a domain that is %s says whether it runs", (state, runs) => {
  const xml = `<domstatus state='${state}' reason='booted' pid='4711'>\n<vcpus/>\n${domainXml()}</domstatus>`;
  expect(read(xml)).toEqual({ endpoints: [{ ...ENDPOINT, runs }], problems: [] });
});

describe('a domain with the channel', () => {
  test('in mode bind is connected to: QEMU owns the socket', () => {
    expect(read(domainXml())).toEqual({ endpoints: [ENDPOINT], problems: [] });
  });

  test('in mode connect is listened for: QEMU dials', () => {
    expect(read(domainXml({ mode: 'connect', path: '/run/avma/web01.sock' })).endpoints).toEqual([
      { ...ENDPOINT, path: '/run/avma/web01.sock', kind: 'listen' },
    ]);
  });

  test('has its UUID in lower case, however it is written', () => {
    expect(read(domainXml({ uuid: ` ${VM.toUpperCase()}\n` })).endpoints).toEqual([ENDPOINT]);
  });

  test.each([
    ['a byte order mark', (xml: string) => `\uFEFF${xml}`],
    ['Windows line ends', (xml: string) => xml.replaceAll('\n', '\r\n')],
    ['a declaration', (xml: string) => `<?xml version="1.0" encoding="utf-8"?>\n${xml}`],
    [
      "libvirt's warning in front",
      (xml: string) => `<!--\nWARNING: THIS IS AN AUTO-GENERATED FILE.\n-->\n\n${xml}`,
    ],
    [
      'another channel of that name in a comment',
      (xml: string) =>
        xml.replace(
          '<devices>',
          "<devices><!-- <channel type='unix'><source mode='bind' path='/old'/><target type='virtio' name='org.avma.activation.0'/></channel> -->",
        ),
    ],
    [
      'an element of that name in another namespace',
      (xml: string) =>
        xml
          .replace('<domain ', "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' ")
          .replace(
            '</devices>',
            "<qemu:channel type='unix'><source mode='bind' path='/x'/><target type='virtio' name='org.avma.activation.0'/></qemu:channel></devices><qemu:commandline><qemu:arg value='-device'/></qemu:commandline>",
          ),
    ],
    [
      'a name in its metadata',
      (xml: string) =>
        xml.replace(
          '<name>',
          "<metadata><app:name xmlns:app='urn:example'>other</app:name><name>third</name></metadata><name>",
        ),
    ],
  ])('is read with %s', (_what, change) => {
    expect(read(change(domainXml()))).toEqual({ endpoints: [ENDPOINT], problems: [] });
  });

  test('has the five entities of XML resolved in name and path', () => {
    const { endpoints } = read(
      domainXml({ name: 'a&amp;b &lt;&#x31;&#50;&gt;', path: '/run/a&amp;b&apos;s' }),
    );
    expect(endpoints).toEqual([{ ...ENDPOINT, domain: 'a&b <12>', path: "/run/a&b's" }]);
  });
});

describe('the channels in deploy/libvirt', () => {
  const withChannel = (file: string) =>
    domainXml()
      .replaceAll('org.avma.activation.0', 'org.other.0')
      .replace('</devices>', `${fs.readFileSync(`deploy/libvirt/${file}`, 'utf8')}</devices>`);

  test('in mode connect is listened for', () => {
    expect(read(withChannel('channel-connect.xml')).endpoints).toEqual([
      { ...ENDPOINT, path: '/run/avma/web01.sock', kind: 'listen' },
    ]);
  });

  test('in mode bind is connected to, once libvirt has chosen a path', () => {
    const xml = withChannel('channel-bind.xml');
    expect(whyNot(xml)).toMatch(/only a running domain's XML shows/);
    expect(read(xml.replace("mode='bind'/>", `mode='bind' path='${PATH}'/>`)).endpoints).toEqual([ENDPOINT]);
  });
});

describe('a domain that is not served', () => {
  test.each([
    [
      'without the channel',
      domainXml().replaceAll('org.avma.activation.0', 'org.other.0'),
      /has no virtio channel org\.avma\.activation\.0/,
    ],
    ['without devices', domainXml().replace(/<devices>.*<\/devices>/s, ''), /has no virtio channel/],
    [
      'with the name on a channel that is no virtio port',
      domainXml().replace("type='virtio' name='org.avma", "type='guestfwd' name='org.avma"),
      /has no virtio channel/,
    ],
    [
      'before libvirt has chosen the path',
      domainXml().replace(/ path='[^']*org\.avma[^']*'/, ''),
      /without a path: libvirt chooses one, which only a running domain's XML shows/,
    ],
    ['with a path that is relative', domainXml({ path: 'avma.sock' }), /relative path, avma\.sock/],
    [
      'with a path that no socket can have',
      domainXml({ path: `/${'x'.repeat(120)}` }),
      /more than 107 bytes/,
    ],
    ['in no known mode', domainXml({ mode: 'server' }), /neither 'bind' nor 'connect'/],
    [
      'over a pty',
      domainXml({ path: '/x' }).replace(
        /<channel type='unix'>(\s*<source mode='bind' path='\/x')/,
        "<channel type='pty'>$1",
      ),
      /of the type pty, and only unix can be served/,
    ],
    ['without a UUID', domainXml().replace(/<uuid>.*<\/uuid>/, ''), /has "" in the place of its UUID/],
    ['with a UUID that is none', domainXml({ uuid: 'web01' }), /has "web01" in the place of its UUID/],
    ['without a name', domainXml({ name: '' }), /has no name/],
    [
      'with two such channels',
      domainXml().replaceAll('org.qemu.guest_agent.0', 'org.avma.activation.0'),
      /has 2 channels org\.avma\.activation\.0/,
    ],
    ['with XML that breaks off', domainXml().slice(0, 700), /is not well-formed XML: .*, in line \d+$/],
    [
      'with XML that does not nest',
      domainXml().replace('</name>', '</nome>'),
      /is not well-formed XML: .*, in line \d+$/,
    ],
    ['in an empty file', '', /is not well-formed XML/],
    ['that is a network', '<network><name>default</name></network>', /is not the XML of a domain/],
    ['in one file with another', `${domainXml()}${domainXml()}`, /is not well-formed XML: /],
    [
      'with entities of its own',
      `<!DOCTYPE domain [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]>\n${domainXml({ name: '&b;' })}`,
      /document type \(DOCTYPE\), which is not read/,
    ],
  ])('%s', (_what, xml, why) => {
    expect(whyNot(xml)).toMatch(why);
  });

  test('is called by its name, or by its file when it has none to be read', () => {
    expect(read(domainXml({ uuid: '' })).problems[0]?.domain).toBe('web01');
    expect(read('<domain>').problems[0]?.domain).toBe('file0.xml');
  });

  test('does not keep others from it', () => {
    const { endpoints, problems } = read('nonsense', domainXml(), '<domain/>');
    expect(endpoints).toEqual([{ ...ENDPOINT, from: 'file1.xml' }]);
    expect(problems.map(({ domain }) => domain)).toEqual(['file0.xml', 'file2.xml']);
  });

  test('with the UUID or the socket of another: the first keeps it', () => {
    const { endpoints, problems } = read(
      domainXml(),
      domainXml({ name: 'copy', path: '/run/copy' }),
      domainXml({ name: 'thief', uuid: OTHER_VM, path: PATH }),
    );
    expect(endpoints).toEqual([ENDPOINT]);
    expect(problems).toEqual([
      { domain: 'copy', why: 'has the same UUID as web01' },
      { domain: 'thief', why: 'has the same socket as web01' },
    ]);
  });
});

describe('the difference between what runs and what is wanted', () => {
  const other: DomainEndpoint = {
    domain: 'db01',
    from: 'db01.xml',
    vmId: OTHER_VM,
    path: '/run/db01',
    kind: 'listen',
    runs: null,
  };

  test.each<
    [string, DomainEndpoint[], DomainEndpoint[], { close: DomainEndpoint[]; open: DomainEndpoint[] }]
  >([
    ['nothing', [ENDPOINT, other], [other, ENDPOINT], { close: [], open: [] }],
    ['a domain that came', [ENDPOINT], [ENDPOINT, other], { close: [], open: [other] }],
    ['a domain that went', [ENDPOINT, other], [ENDPOINT], { close: [other], open: [] }],
    [
      'a path that changed',
      [ENDPOINT],
      [{ ...ENDPOINT, path: '/new' }],
      { close: [ENDPOINT], open: [{ ...ENDPOINT, path: '/new' }] },
    ],
    [
      'a mode that changed',
      [ENDPOINT],
      [{ ...ENDPOINT, kind: 'listen' }],
      { close: [ENDPOINT], open: [{ ...ENDPOINT, kind: 'listen' }] },
    ],
    [
      'a socket that is another VM’s now',
      [ENDPOINT],
      [{ ...ENDPOINT, vmId: OTHER_VM }],
      { close: [ENDPOINT], open: [{ ...ENDPOINT, vmId: OTHER_VM }] },
    ],
    [
      'a name that changed, which nothing depends on',
      [ENDPOINT],
      [{ ...ENDPOINT, domain: 'web02' }],
      { close: [], open: [] },
    ],
  ])('%s', (_what, running, wanted, difference) => {
    expect(diffEndpoints(running, wanted)).toEqual(difference);
  });
});
