// Feedback as it stands on the screen, and as it is sent (docs/rules.md S10). It may be written without signing in.

import type { FeedbackIn } from './api'
import { CARD_NUMBER, holdsCardNumber, lengthOf, printable } from './form'

export interface FeedbackForm {
  /** Made with the form: sent twice it is the same, and whoever knows it sees the answer. */
  client_id: string
  /** Null until chosen. */
  kind: FeedbackIn['kind'] | null
  text: string
  contact: string
  /** Off until somebody wants it: by default nothing says who wrote it. */
  signed: boolean
}

export const TEXT_MOST = 500
export const CONTACT_MOST = 50

export const newFeedback = (client_id: string): FeedbackForm => ({
  client_id,
  kind: null,
  text: '',
  contact: '',
  signed: false,
})

/** Whether there is something that somebody would be sorry to lose. */
export const isWritten = (form: FeedbackForm): boolean => !!(form.text.trim() || form.contact.trim())

/** Sentences by field; none when it may be sent. */
export function checkFeedback(form: FeedbackForm): Record<string, string[]> {
  const errors: Record<string, string[]> = {}
  if (form.kind === null) errors.kind = ['请选是建议、投诉，还是程序故障。']
  const text = sentenceOn(form.text, TEXT_MOST)
  if (!printable(form.text)) errors.text = ['请写一写是什么事。']
  else if (text) errors.text = [text]
  const contact = sentenceOn(form.contact, CONTACT_MOST)
  if (contact) errors.contact = [contact]
  return errors
}

function sentenceOn(text: string, most: number): string | null {
  const length = lengthOf(printable(text))
  if (length > most) return `最多 ${most} 个字，现在有 ${length} 个。`
  return holdsCardNumber(text) ? CARD_NUMBER : null
}

/** What is sent. */
export function feedbackOf(form: FeedbackForm): FeedbackIn {
  if (form.kind === null) throw new Error('feedback needs a kind')
  return {
    client_id: form.client_id,
    kind: form.kind,
    text: printable(form.text),
    contact: printable(form.contact) || null,
    signed: form.signed,
  }
}
