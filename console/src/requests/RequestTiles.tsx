import type { Stats } from '../api/types'
import { Skeleton } from '../ui/Skeleton'
import { grouped } from '../ui/text'
import { Tile, Tiles } from '../ui/Tiles'
import { durationText } from './formats'

/** What the filters leave, in four numbers. */
export function RequestTiles({ stats }: { stats: Stats | undefined }) {
  const wait = <Skeleton width="72px" height="24px" />
  const { success = 0, error = 0, timeout = 0 } = stats?.by_status ?? {}
  const total = stats?.total_requests ?? 0
  const share = (count: number) => (total === 0 ? '–' : `${((100 * count) / total).toFixed(1)} %`)
  const median = stats?.duration_ms.p50
  return (
    <Tiles>
      <Tile label="Total Requests" value={stats ? grouped(total) : wait} note={stats ? `${grouped(stats.tokens.total)} tokens` : ' '} />
      <Tile label="Successful" value={stats ? grouped(success) : wait} note={stats ? share(success) : ' '} />
      <Tile label="Errors" value={stats ? grouped(error + timeout) : wait} note={stats ? `${share(error + timeout)}${timeout > 0 ? `, ${grouped(timeout)} timed out` : ''}` : ' '} />
      <Tile label="Models Used" value={stats ? grouped(stats.unique_models) : wait} note={!stats ? ' ' : median == null ? '–' : `half within ${durationText(median)}`} />
    </Tiles>
  )
}
