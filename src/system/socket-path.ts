/**
 * The longest path of a unix socket in bytes: `sun_path` less its NUL, 108 bytes on Linux and 104 elsewhere (unix(7)).
 * The system cuts a longer path, and what is left would name another socket.
 */
export function longestSocketPath(platform: NodeJS.Platform): number {
  return platform === 'linux' ? 107 : 103;
}
