import fs from 'node:fs';
import path from 'node:path';
import { tempFolder } from './temp-folder.ts';

/** Stands in for libvirt: a `virsh` that knows `list`, `list --name`, `echo` and `dumpxml --domain NAME`. */
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
IFS=';'
status=0
for command in $1; do
  case "\${command# }" in
    list) ls -i "${domains}"; echo ;;
    'list --name') ls "${domains}"; echo ;;
    'echo '*) echo "\${command#*echo }"; status=0 ;;
    'dumpxml --domain '*)
      name=$(echo "\${command#*--domain }" | tr -d "'")
      if [ -e "${unreadable}" ]; then echo 'error: Domain not found' >&2; status=1
      else cat "${domains}/$name"; status=0; echo; fi ;;
    *) echo "error: unknown command: '$command'" >&2; status=1 ;;
  esac
done
exit $status
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
