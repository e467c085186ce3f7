declare module 'fs-native-extensions' {
  /** Takes an exclusive lock on the open file; false while somebody else holds one. */
  export function tryLock(fd: number): boolean;
  export function unlock(fd: number): void;
}
