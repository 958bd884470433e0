// What can go wrong between the phone and the server, as sentences for the person holding the phone.

import { StorageFailed } from './store'

/** application/problem+json as the server sends it. */
export interface Problem {
  status: number
  code: string
  title: string
  detail: string
  errors: Record<string, string[]>
  request_id: string
}

/** The body as a problem of our server; null for whatever a proxy or a hotel's sign-in page may have answered. */
export function asProblem(body: unknown): Problem | null {
  const found = body as Partial<Problem> | null
  if (typeof found !== 'object' || found === null) return null
  if (typeof found.code !== 'string' || typeof found.detail !== 'string' || typeof found.status !== 'number') return null
  return {
    status: found.status,
    code: found.code,
    title: typeof found.title === 'string' ? found.title : '',
    detail: found.detail,
    errors: typeof found.errors === 'object' && found.errors !== null ? found.errors : {},
    request_id: typeof found.request_id === 'string' ? found.request_id : '',
  }
}

/** Our server said no. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.code)
  }
}

/** No answer of our server: no signal, a timeout, or something else in between that answered for it. */
export class Unreachable extends Error {
  readonly sentence = '没有连上服务器。请到有信号的地方再试；已经存在手机里的登记不会丢。'
  constructor(reason: string) {
    super(reason)
  }
}

/** The one sentence to show for anything thrown. */
export function sentenceOf(error: unknown): string {
  if (error instanceof Refused) return error.problem.detail
  if (error instanceof Unreachable || error instanceof StorageFailed) return error.sentence
  return '程序出了一点问题，请退出小程序重新打开后再试。'
}

/** Sentences by field; empty when what was thrown names no field. */
export const errorsOf = (error: unknown): Record<string, string[]> =>
  error instanceof Refused ? error.problem.errors : {}

/** All that a problem says: its sentence, then those of the fields that do not only repeat it. */
export function sentencesOf(problem: Problem): string[] {
  const said = [problem.detail]
  for (const field of Object.keys(problem.errors))
    for (const sentence of problem.errors[field]) if (said.indexOf(sentence) < 0) said.push(sentence)
  return said
}
