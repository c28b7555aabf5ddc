import { visible } from '../ui/text'

/** Several pretend to be others, so that those come first whose name no other takes. */
const browsers: [RegExp, string][] = [[/Edg(?:e|A|iOS)?\/(\d+)/, 'Edge'], [/OPR\/(\d+)/, 'Opera'], [/Firefox\/(\d+)/, 'Firefox'], [/(?:Headless)?Chrome\/(\d+)/, 'Chrome'], [/Version\/(\d+)[\d.]* (?:Mobile\/\S+ )?Safari/, 'Safari']]
const systems: [RegExp, string][] = [[/Android/, 'Android'], [/iPhone|iPad/, 'iOS'], [/Windows/, 'Windows'], [/Mac OS X/, 'macOS'], [/CrOS/, 'ChromeOS'], [/Linux/, 'Linux']]

/** What a person calls a browser; what is none of those known is shown as it called itself. */
export function browserName(userAgent: string | null | undefined) {
  if (!userAgent) return 'Unknown browser'
  for (const [pattern, name] of browsers) {
    const version = pattern.exec(userAgent)?.[1]
    if (!version) continue
    const system = systems.find(([sign]) => sign.test(userAgent))?.[1]
    return `${name} ${version}${system ? ` on ${system}` : ''}`
  }
  return visible(userAgent)
}
