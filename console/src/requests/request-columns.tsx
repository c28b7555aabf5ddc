import { Label } from '@primer/react'
import type { Request } from '../api/types'
import type { Column } from '../ui/Table'
import { visible } from '../ui/text'
import { Time } from '../ui/Time'
import styles from './cells.module.css'
import { durationText, tokensText } from './formats'
import { statuses } from './statuses'

const nothing = <span className="muted">–</span>

const Text = ({ of }: { of: string }) => (of === '' ? nothing : <bdi className={styles.line} title={of.length > 24 ? visible(of) : undefined}>{visible(of)}</bdi>)

export const requestColumns = ({ timeHeader, addressOf }: { timeHeader: string; addressOf: (request: Request) => string }): Column<Request>[] => [
  { header: timeHeader, width: '148px', narrow: 'left', cell: (request) => <Time at={request.timestamp} to={addressOf(request)} state={{ isOpened: true }} /> },
  { header: 'Model', narrow: 'first', cell: (request) => <span className={styles.model}><Text of={request.model} /></span> },
  { header: 'Backend', width: '11%', narrow: 'hidden', cell: (request) => <Text of={request.backend_type} /> },
  { header: 'Endpoint', width: '18%', narrow: 'hidden', cell: (request) => <span className="mono"><Text of={request.endpoint} /></span> },
  { header: 'Duration', width: '88px', narrow: 'right', align: 'end', cell: (request) => durationText(request.duration_ms) },
  { header: 'Status', width: '96px', narrow: 'end', cell: (request) => <Label variant={statuses[request.status].variant}>{statuses[request.status].label}</Label> },
  { header: 'Tokens', width: '88px', narrow: 'hidden', align: 'end', cell: (request) => tokensText(request.total_tokens) },
]
