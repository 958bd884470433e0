/** Calls to the API: the session's token goes along, and whatever goes wrong is a `Failure` with the server's sentence. */
import { asProblem } from '@core/problem'
import { endSession, session } from './session'
import type { paths } from './types'

type Answer<Operation> = Operation extends { responses: infer R }
  ? { [Status in keyof R]: R[Status] extends { content: { 'application/json': infer A } } ? A : never }[Extract<keyof R, 200 | 201>]
  : never
type PathsWith<Method extends 'get' | 'post' | 'patch' | 'delete'> = {
  [P in keyof paths]: paths[P] extends Record<Method, { responses: unknown }> ? P : never
}[keyof paths]
type Values = Record<string, string | number | boolean | null | undefined>

const UNREACHABLE = '连不上服务器，请检查网络后再试。'

/** What went wrong, in a sentence for the reader. */
export class Failure extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    sentence: string,
    readonly title = '没有成功',
    readonly errors: Record<string, string[]> = {},
    readonly retryAfter: number | null = null,
  ) {
    super(sentence)
  }
}

export function get<P extends PathsWith<'get'>>(
  path: P,
  query: Values = {},
  options: { signal?: AbortSignal; path?: Record<string, string> } = {},
): Promise<Answer<paths[P]['get']>> {
  return send('GET', path, { query, ...options })
}

export function post<P extends PathsWith<'post'>>(
  path: P,
  body: unknown,
  values: Record<string, string> = {},
  /** Of what is acted on, where it must not have changed since. */
  version?: number,
): Promise<Answer<paths[P]['post']>> {
  return send('POST', path, { body, path: values, version })
}

/** Change what is there, if nobody else has since this version of it. */
export function change<P extends PathsWith<'patch'>>(
  path: P,
  body: unknown,
  values: Record<string, string>,
  version: number,
): Promise<Answer<paths[P]['patch']>> {
  return send('PATCH', path, { body, path: values, version })
}

export function remove(path: PathsWith<'delete'>): Promise<unknown> {
  return send('DELETE', path, {})
}

/** Every item of a paged list, page after page. */
export async function getAll<Item>(
  page: (cursor: string | null) => Promise<{ items: Item[]; next: string | null }>,
): Promise<Item[]> {
  const found: Item[] = []
  let cursor: string | null = null
  do {
    const answer: { items: Item[]; next: string | null } = await page(cursor)
    found.push(...answer.items)
    cursor = answer.next
  } while (cursor)
  return found
}

/** Send a file as it is; the id keeps it one file, however often it is sent. Its name, like any, stays out of addresses. */
export function upload(file: File, clientId: string): Promise<Answer<paths['/api/v1/files']['post']>> {
  return send('POST', '/api/v1/files', { query: { client_id: clientId }, file })
}

/** Have the browser keep a file of the server's, under the server's name for it. */
export async function download<P extends PathsWith<'get'>>(path: P, query: Values = {}, values: Record<string, string> = {}): Promise<void> {
  const response = await ask('GET', path, { query, path: values })
  const told = /filename\*=UTF-8''([^;]+)/i.exec(response.headers.get('Content-Disposition') ?? '')
  const address = URL.createObjectURL(await response.blob())
  const link = Object.assign(document.createElement('a'), { href: address, download: told ? decodeURIComponent(told[1]) : '下载' })
  link.click()
  // The browser takes its time to begin.
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
}

interface Sending {
  query?: Values
  path?: Record<string, string>
  body?: unknown
  file?: File
  version?: number
  signal?: AbortSignal
}

async function send<T>(method: string, template: string, sending: Sending): Promise<T> {
  const response = await ask(method, template, sending)
  return (response.status === 204 ? undefined : await response.json()) as T
}

async function ask(method: string, template: string, { query = {}, path = {}, body, file, version, signal }: Sending): Promise<Response> {
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name] ?? ''))
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== '')
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
  const headers: Record<string, string> = { Accept: 'application/json' }
  const token = session.token
  if (token) headers.Authorization = `Bearer ${token}`
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  if (file) Object.assign(headers, { 'Content-Type': 'application/octet-stream', 'X-File-Name': encodeURIComponent(file.name) })
  if (version !== undefined) headers['If-Match'] = `"${version}"`
  let response: Response
  try {
    response = await fetch(search ? `${filled}?${search}` : filled, {
      method,
      headers,
      body: file ?? (body === undefined ? undefined : JSON.stringify(body)),
      signal,
      cache: 'no-store',
      credentials: 'omit',
    })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new Failure(0, 'network', UNREACHABLE, '没有连上')
  }
  if (response.ok) return response
  const failure = await failureOf(response)
  // Only if the session is still the one that was refused: a late answer must not end a newer one.
  if (failure.code === 'session.missing' && token && token === session.token) endSession(method === 'POST' || method === 'PATCH' ? `${failure.message}刚才填写的没有保存，登录后请再填一次。` : failure.message)
  throw failure
}

async function failureOf(response: Response): Promise<Failure> {
  const wait = Number(response.headers.get('Retry-After'))
  const retryAfter = Number.isFinite(wait) && wait > 0 ? wait : null
  const problem = asProblem(await response.json().catch(() => null))
  if (problem) {
    return new Failure(response.status, problem.code, problem.detail, problem.title, problem.errors, retryAfter)
  }
  const sentence = `服务器没有正常应答（${response.status}），请稍后再试。`
  return new Failure(response.status, 'server', sentence, '没有成功', {}, retryAfter)
}
