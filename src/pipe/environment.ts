import type { LoopbackHost } from './loopback.ts';

/** What the pipes touch besides the other end; a test holds it. */
export interface PipeEnvironment {
  /** Where `/dev`, `/sys`, `/proc`, `/run` and `/var` are looked for. Paths that a URI spells out are not moved. */
  readonly root: string;
  readonly platform: NodeJS.Platform;
  /** The environment of child processes; its `PATH` is where helpers are searched. */
  readonly env: NodeJS.ProcessEnv;
  /** Loads a module of the user's own by its URL; absent: Node's own `import()`. */
  readonly importModule?: (url: string) => Promise<unknown>;
  /** What `loopback:` leads to, when this process holds a host. */
  readonly loopback?: LoopbackHost;
}

/** The machine that this process runs on. */
export function systemEnvironment(): PipeEnvironment {
  return { root: '/', platform: process.platform, env: process.env };
}
