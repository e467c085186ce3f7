declare module 'fs-native-extensions' {
  /** Takes an exclusive lock on the open file, or on a range of its bytes; false while somebody else holds one. */
  export function tryLock(fd: number, offset?: number, length?: number): boolean;
  export function unlock(fd: number): void;
}
