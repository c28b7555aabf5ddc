import { cleanup } from '@testing-library/react'
import { afterEach } from 'vitest'

afterEach(cleanup)

// jsdom lays nothing out.
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
}

// Nor does it know popovers, and what stands in for them needs style sheets that it does not know either.
HTMLElement.prototype.showPopover ??= () => undefined
HTMLElement.prototype.hidePopover ??= () => undefined
if (!('popover' in HTMLElement.prototype)) Object.defineProperty(HTMLElement.prototype, 'popover', { value: null, writable: true })
document.adoptedStyleSheets ??= []
