// Requests, alike in WeChat and the browser.

import type { Transport } from '@core/api'
import { Unreachable } from '@core/problem'

const BASE = (import.meta.env.VITE_API_BASE || '').replace(/\/+$/, '')

export const transport: Transport = ({ method, path, body, token, timeout_ms }) =>
  new Promise((resolve, reject) => {
    const header: Record<string, string> = { Accept: 'application/json' }
    if (body !== null) header['Content-Type'] = 'application/json'
    if (token) header.Authorization = `Bearer ${token}`
    uni.request({
      url: BASE + path,
      method,
      data: body === null ? undefined : (body as AnyObject),
      header,
      timeout: timeout_ms,
      success: (answer) => {
        const headers: Record<string, string> = {}
        const given = (answer.header || {}) as Record<string, unknown>
        for (const name of Object.keys(given)) headers[name.toLowerCase()] = String(given[name])
        resolve({ status: answer.statusCode, headers, body: answer.data })
      },
      fail: (error) => reject(new Unreachable(error.errMsg || 'request failed')),
    })
  })
