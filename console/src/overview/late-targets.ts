import type { Health } from '../api/types'
import { counted, grouped, visible } from '../ui/text'

/** A target that is so far behind is worth a look although it takes what it is sent. */
const longBehindSeconds = 60

/** Targets of a push that lack something that was recorded, each as one fact. */
export const lateTargets = (push: Health['push']): [string, string][] =>
  push
    .filter((target) => !['ok', 'starting'].includes(target.state) || (target.lagSeconds ?? 0) > longBehindSeconds || target.removed > 0)
    .map((target) => {
      const behind = target.lagRecords === null ? 'nobody knows how far behind' : `${counted(target.lagRecords, 'record')} behind`
      return [
        `Push to ${target.name}`,
        [
          target.state === 'ok' ? behind : `${target.state}, ${behind}`,
          ...(target.removed > 0 ? [`${grouped(target.removed)} removed before they were pushed`] : []),
          ...(target.problem ? [visible(target.problem)] : []),
        ].join('; '),
      ]
    })
