// A release goes to phones, which reach nothing but an https address; the gate says so before anything is uploaded.

import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const gate = (base: string) => {
  const env = { ...process.env, VITE_API_BASE: base }
  const ran = spawnSync('node', ['tools/gate-mp.cjs', 'dist/build/mp-weixin', '--release'], { cwd: root, env, encoding: 'utf8' })
  return { status: ran.status, said: ran.stderr }
}

test.each(['', 'lianhu.example.gov.cn', 'http://lianhu.example.gov.cn', 'https://127.0.0.1:8000', 'https://localhost', 'https://[::1]'])(
  'a release for “%s” is refused',
  (base) => {
    const { status, said } = gate(base)
    expect(status).toBe(1)
    expect(said).toContain(`VITE_API_BASE must be the https address of the township's server, it is "${base}"`)
  },
)

test('a package that was built for another server is refused', () => {
  const { status, said } = gate('https://lianhu.example.gov.cn')
  expect(status).toBe(1)
  expect(said).toContain('built without lianhu.example.gov.cn')
})
