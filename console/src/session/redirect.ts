/**
 * A target to go to after signing in, if it is a path of this console; else null. One leading slash, then neither a slash nor a
 * backslash (which browsers read as one), no control characters (which they drop), and the same origin after resolving.
 */
export function safeRedirect(target: string | null, origin: string = window.location.origin): string | null {
  // eslint-disable-next-line no-control-regex
  if (target === null || !/^\/(?![/\\])/.test(target) || /[\u0000-\u001f\u007f-\u009f]/.test(target)) return null
  try {
    const resolved = new URL(target, origin)
    // Dots in a path may leave nothing of it but two slashes.
    return resolved.origin === origin && !resolved.pathname.startsWith('//') ? resolved.pathname + resolved.search + resolved.hash : null
  } catch {
    return null
  }
}
