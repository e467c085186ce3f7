/** What slmgr prints, without what differs from run to run: the times, and the minutes that are left. */
export function undated(report: string): string {
  return report
    .replace(/\d+ minute\(s\) \(\d+ day\(s\)\)/g, 'MINUTES')
    .replace(/\d+\/\d+\/\d{4} \d+:\d\d:\d\d [AP]M/g, 'TIME');
}
