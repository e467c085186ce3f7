/** Where the system does not say: Windows has no such limit. */
const UNLIMITED = Number.MAX_SAFE_INTEGER;

/** What the type declarations of Node 20 leave out. */
interface Report {
  excludeNetwork: boolean;
  getReport(): { readonly userLimits?: { readonly open_files?: { readonly soft?: unknown } } };
}

/** How many files this process may have open at once. Takes some milliseconds. */
export function openFilesLimit(): number {
  const report = process.report as unknown as Report;
  const excluded = report.excludeNetwork;
  // Looking up the names of network interfaces may take seconds.
  report.excludeNetwork = true;
  try {
    const soft = report.getReport().userLimits?.open_files?.soft;
    return typeof soft === 'number' ? soft : UNLIMITED;
  } finally {
    report.excludeNetwork = excluded;
  }
}
