import fs from 'node:fs';
import path from 'node:path';
import { tempFolder } from './temp-folder.ts';

/** Stands in for libvirt: a `virsh` that knows `list --name` and `dumpxml --domain NAME`, over files. */
export interface FakeVirsh {
  /** With it first on PATH, what `virsh` is. */
  readonly env: { readonly PATH: string };
  define(name: string, xml: string): void;
  undefine(name: string): void;
  /** Whether a domain that is listed can be read. */
  readable(is: boolean): void;
  /** Whether libvirt can be reached. */
  reachable(is: boolean): void;
}

export function fakeVirsh(): FakeVirsh {
  const folder = tempFolder();
  const domains = path.join(folder, 'domains');
  const down = path.join(folder, 'down');
  const unreadable = path.join(folder, 'unreadable');
  const mark = (file: string, on: boolean) =>
    on ? fs.writeFileSync(file, '') : fs.rmSync(file, { force: true });
  fs.mkdirSync(domains);
  fs.writeFileSync(
    path.join(folder, 'virsh'),
    `#!/bin/sh
if [ -e "${down}" ]; then
  echo 'error: failed to connect to the hypervisor' >&2
  echo "error: Failed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or directory" >&2
  exit 1
fi
case "$*" in
  'list --name') ls "${domains}"; echo ;;
  'dumpxml --domain '*)
    if [ -e "${unreadable}" ]; then echo 'error: Domain not found' >&2; exit 1; fi
    cat "${domains}/$3"; echo ;;
  *) echo "error: unknown command: '$*'" >&2; exit 1 ;;
esac
`,
    { mode: 0o755 },
  );
  return {
    env: { PATH: `${folder}${path.delimiter}${process.env.PATH}` },
    define: (name, xml) => fs.writeFileSync(path.join(domains, name), xml),
    undefine: (name) => fs.rmSync(path.join(domains, name)),
    readable: (is) => mark(unreadable, !is),
    reachable: (is) => mark(down, !is),
  };
}
