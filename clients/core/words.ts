// What the phone says about a registered visit that waits, came back, or was sent.

import { instantLabel } from './dates'
import { sentencesOf } from './problem'
import type { Item } from './queue'

export interface Words {
  state: string
  /** When it was noted, last tried, sent. */
  when: string
  /** Why it waits or came back; empty once sent. */
  why: string
}

const WAITING: Record<string, string> = {
  new: '刚登记，有网络时自动上传。',
  offline: '没有连上服务器，有信号后自动上传。',
  sign_in: '登录已过期，登录后自动上传。',
  server: '服务器暂时没有收下，稍后自动再传。',
}

export function wordsOf(item: Item, now: number): Words {
  const noted = `${instantLabel(item.noted_ms, now)} 登记`
  if (item.state === 'sent') {
    const sent = item.sent_ms === null ? '' : `，${instantLabel(item.sent_ms, now)} 上传`
    return { state: item.voided ? '已上传，后来作废' : '已上传', when: noted + sent, why: '' }
  }
  const tried = item.tried_ms === null ? '' : `，${instantLabel(item.tried_ms, now)} 试过上传`
  if (item.state === 'returned')
    return { state: '被退回', when: noted + tried, why: item.problem ? sentencesOf(item.problem).join('') : '' }
  const busy = item.retry_ms === null ? '' : `，${instantLabel(item.retry_ms, now)} 后自动再传`
  return { state: '待上传', when: noted + tried, why: WAITING[item.why || 'new'] || `服务器请稍等${busy}。` }
}
