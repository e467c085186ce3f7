export function buildVerifier(root: string, folder: string): Promise<void>;
