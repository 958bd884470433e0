/** Long work of the server in words: how far it is, and what came of it. */
import type { Run } from '../api/types'
import { count } from './figures'

const STEPS: Record<string, string> = {
  reading: '正在读数据',
  looking: '正在对照系统里的名册',
  deciding: '正在逐行检查',
  reporting: '正在写“问题”一列',
  setting: '正在排版',
  writing: '正在写入',
  saving: '正在保存',
}

export const isOver = ({ state }: Run): boolean => state === 'done' || state === 'failed' || state === 'stopped'

/** What is being done now, with numbers where they are known. */
export function stepWords({ state, step, done_count, total_count }: Run): string {
  if (state === 'waiting') return '排队中，马上开始'
  const words = STEPS[step ?? ''] ?? '正在处理'
  return total_count ? `${words}，${count(done_count)} / ${count(total_count)}` : `${words}…`
}
