import { expect, it } from 'vitest'
import type { Health } from '../api/types'
import { lateTargets } from './late-targets'

const target = (changes: Partial<Health['push'][number]>): Health['push'][number] => ({
  name: 'siem', url: 'https://siem.example.com', records: 'events', state: 'ok', here: true, lagRecords: 0, lagSeconds: 0, removed: 0, lastSuccess: null, failingSince: null, problem: null, ...changes,
})

it('says nothing of targets that have what was recorded', () => {
  expect(lateTargets([target({}), target({ state: 'starting' }), target({ lagRecords: 40, lagSeconds: 2 })])).toEqual([])
})

it('says how far behind a target is, and why', () => {
  expect(lateTargets([
    target({ lagRecords: 12_000, lagSeconds: 90 }),
    target({ name: 'hook', state: 'refused', lagRecords: 1, lagSeconds: 600, problem: 'https://hook.example.com answers 410' }),
    target({ name: 'log', state: 'unknown', lagRecords: null, lagSeconds: null, removed: 3, problem: 'The store does not answer.' }),
  ])).toEqual([
    ['Push to siem', '12\u00a0000 records behind'],
    ['Push to hook', 'refused, 1 record behind; https://hook.example.com answers 410'],
    ['Push to log', 'unknown, nobody knows how far behind; 3 removed before they were pushed; The store does not answer.'],
  ])
})
