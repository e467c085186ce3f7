/**
 * The longest path of a unix socket in bytes: `sun_path` less its NUL, 108 bytes on Linux and 104 elsewhere (unix(7)).
 * Of a longer path the system would take the beginning, which is another socket's.
 */
export function longestSocketPath(platform: NodeJS.Platform): number {
  return platform === 'linux' ? 107 : 103;
}
