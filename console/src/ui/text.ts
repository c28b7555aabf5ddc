/** Characters that steer how others are shown, or cannot be seen. In a log they are there to deceive, or by mistake. */
// eslint-disable-next-line no-control-regex
const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g

/** A recorded text as it may be shown: what cannot be seen is spelled out. */
export const visible = (text: string) => text.replace(hidden, (one) => `⟨U+${one.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`)

/** 1042 is 1 042, and does not break in the middle. */
export const grouped = (number: number) => String(number).replace(/\B(?=(\d{3})+$)/g, '\u00a0')

/** 1 event, 2 events. */
export const counted = (number: number, one: string, many = one + 's') => `${grouped(number)} ${number === 1 ? one : many}`

export function bytes(number: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB']
  let unit = 0
  for (; number >= 1000 && unit < units.length - 1; unit++) number /= 1000
  return `${unit === 0 || number >= 100 ? Math.round(number) : number.toFixed(1)} ${units[unit]}`
}

/** 12 800 is 12.8k, for tiles. */
export function short(number: number): string {
  if (number < 10_000) return grouped(number)
  const units = ['', 'k', 'M', 'G', 'T']
  let unit = 0
  for (; number >= 1000 && unit < units.length - 1; unit++) number /= 1000
  return `${number >= 100 ? Math.round(number) : number.toFixed(1)}${units[unit]}`
}
