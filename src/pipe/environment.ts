/** What the pipes reach of the machine; tests replace it. */
export interface PipeEnvironment {
  /** Where `/dev`, `/sys`, `/proc`, `/run` and `/var` are looked for. Paths that a URI spells out are not moved. */
  readonly root: string;
  readonly platform: NodeJS.Platform;
  /** The environment of child processes; its `PATH` is where programs are searched. */
  readonly env: NodeJS.ProcessEnv;
  /** Loads a user's own transport by its URL; Node's own `import()` unless set. */
  readonly importModule?: (url: string) => Promise<unknown>;
}

/** What a transport is opened from. */
export interface PipeAddress {
  /** The whole URI, for messages. */
  readonly uri: string;
  /** The URI without its scheme and colon. */
  readonly rest: string;
  readonly environment: PipeEnvironment;
}

/** The machine that this process runs on. */
export function systemEnvironment(): PipeEnvironment {
  return { root: '/', platform: process.platform, env: process.env };
}
