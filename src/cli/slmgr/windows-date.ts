/**
 * Formats a time as VBScript does for en-US: `7/5/2025 9:13:33 AM`, local time; at midnight the date alone.
 *
 * @param time milliseconds since 1970 UTC; fractions of a second are dropped.
 */
export function windowsDate(time: number): string {
  const date = new Date(time);
  const day = `${date.getMonth() + 1}/${date.getDate()}/${date.getFullYear()}`;
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()];
  if (hours === 0 && minutes === 0 && seconds === 0) return day;
  const half = hours < 12 ? 'AM' : 'PM';
  return `${day} ${hours % 12 || 12}:${twoDigits(minutes)}:${twoDigits(seconds)} ${half}`;
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}
