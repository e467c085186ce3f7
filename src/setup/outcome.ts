import type { VmIdSource } from '../machine/vm-id.ts';

/** What a place that may hold a product key gives; the member `outcome` of `avma guest apply --json`. */
export type SetupOutcome =
  /** A well-formed product key stands there. Whether a catalog lists it is another question. */
  | 'key'
  /** Nothing stands where a key is looked for. */
  | 'none'
  /** A text stands there that somebody or some program was to replace by a key. */
  | 'placeholder'
  /** Something stands there that is neither a key nor a placeholder. */
  | 'malformed'
  /** The file cannot be read as what it should be: not well-formed XML, refused XML, not a setup file. */
  | 'invalid'
  /** Two different keys stand in the same place. */
  | 'conflict';

/** What a file says about the product key, with the reason in a sentence without its full stop. */
export interface KeyFinding {
  readonly outcome: SetupOutcome;
  /** Why this is the outcome. Never holds a whole product key. */
  readonly why: string;
  /** Where the key, or what is wrong, stands: `line 12, column 9, settings[specialize]/...`; null for a whole file. */
  readonly where: string | null;
  /** In upper case; present for the outcome `key` only. */
  readonly key?: string;
  /** Everything that was looked at, also what does not count; never a whole key. */
  readonly places: readonly KeyPlace[];
}

/** One element, or one member of a setup file, that holds a key or could be taken for one. */
export interface KeyPlace {
  /** 1-based; columns count UTF-16 units. Null where a file has no lines. */
  readonly line: number | null;
  readonly column: number | null;
  /** The element's path, without blanks: `settings[specialize]/component[Microsoft-Windows-Shell-Setup]/ProductKey`. */
  readonly path: string;
  /**
   * `activation` and `image` are Windows' two places for a key, in this order of rank. What is `ignored` never gives a
   * key.
   */
  readonly role: 'activation' | 'image' | 'ignored';
  readonly holds: 'key' | 'placeholder' | 'malformed' | 'nothing';
  /** Why it holds that, or why it is ignored. */
  readonly why: string;
  /** The last five characters of a key; null for everything else. */
  readonly partialProductKey: string | null;
}

/** A trust anchor that a setup gives. */
export interface GivenAnchor {
  readonly keyId: string;
  /** What its file holds. */
  readonly json: string;
}

/** What a place gives besides the key. */
export interface SetupValues {
  /** URI of the pipe to the host. */
  readonly pipe?: string;
  /** A UUID in lower case. */
  readonly vmId?: string;
  /** The only source that the VM ID may come from. */
  readonly vmIdSource?: VmIdSource;
  readonly agent?: {
    readonly hooksFolder?: string | undefined;
    readonly textfile?: string | undefined;
    readonly maxSleepMinutes?: number | undefined;
  };
  readonly trust?: readonly GivenAnchor[];
}
