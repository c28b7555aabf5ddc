import { describe, expect, it } from 'vitest'
import { safeRedirect } from './redirect'

const safe = (target: string | null) => safeRedirect(target, 'https://cairn.example')

describe('a target to go to after signing in', () => {
  it.each(['/', '/admin/audit-logs', '/admin/audit-logs?search=a%20b&page=2#row', '/dashboard', '/a//b', '/@evil.example', '/a?next=https://evil.example'])('%s is a path of this console', (target) => {
    expect(safe(target)).toBe(target)
  })

  it.each([
    null, '', 'admin', 'https://evil.example', 'https://cairn.example/admin', '//evil.example', '///evil.example', '/\\evil.example', '\\/evil.example', '/\t/evil.example', '/\n//evil.example', '/\r/evil.example', '/admin\u0000', '/admin\u007f',
    '/admin\u0085', 'javascript:alert(1)', 'data:text/html,x', ' /admin', '%2f%2fevil.example',
  ])('%j is not followed', (target) => {
    expect(safe(target)).toBeNull()
  })

  it('does not leave by climbing', () => {
    expect(safe('/../../admin')).toBe('/admin')
    expect(safe('/.//evil.example')).toBeNull()
    expect(safe('/a/..//evil.example')).toBeNull()
  })
})
