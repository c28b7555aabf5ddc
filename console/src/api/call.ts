/** What a call takes in its query; what is undefined or empty is left out. */
export type Query = Record<string, string | number | boolean | undefined>

/** A call that failed, in the words of the server. */
export class Problem extends Error {
  readonly status: number
  readonly title: string
  /** The parameter or field that is wrong, where one is. */
  readonly parameter?: string
  readonly retryAfterSeconds?: number

  constructor(status: number, title: string, detail: string, parameter?: string, retryAfterSeconds?: number) {
    super(detail)
    this.name = 'Problem'
    this.status = status
    this.title = title
    this.parameter = parameter
    this.retryAfterSeconds = retryAfterSeconds
  }

  static async of(answer: Response): Promise<Problem> {
    const retryAfter = Number(answer.headers.get('Retry-After')) || undefined
    try {
      const told = (await answer.json()) as { title?: string; detail?: string; parameter?: string }
      return new Problem(answer.status, told.title ?? `Answer ${answer.status}`, told.detail ?? '', told.parameter, retryAfter)
    } catch {
      return new Problem(answer.status, `Answer ${answer.status}`, 'The server did not say why. A proxy in between may have answered instead of it.', undefined, retryAfter)
    }
  }
}

export function withQuery(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`
}

/** The answer as it comes, once it is known to be a good one. */
export async function open(path: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response
  try {
    answer = await fetch(path, { credentials: 'same-origin', ...init })
  } catch (gone) {
    if (gone instanceof DOMException && gone.name === 'AbortError') throw gone
    throw new Problem(0, 'Cairn does not answer', 'The server cannot be reached. Check the connection, and that Cairn runs.')
  }
  if (!answer.ok) throw await Problem.of(answer)
  return answer
}

async function json<T>(path: string, init: RequestInit): Promise<T> {
  const answer = await open(path, init)
  return (answer.status === 204 ? undefined : await answer.json()) as T
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal) => json<T>(withQuery(path, query), { signal })

export const post = <T>(path: string, body?: unknown, query?: Query) => send<T>('POST', withQuery(path, query), body)
export const patch = <T>(path: string, body: unknown) => send<T>('PATCH', path, body)
export const remove = <T>(path: string) => send<T>('DELETE', path)

const send = <T>(method: string, path: string, body?: unknown) =>
  json<T>(path, body === undefined ? { method } : { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
