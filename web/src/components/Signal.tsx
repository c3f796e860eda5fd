// The signal that has ended a program, in words.
import { useTexts } from '../i18n/messages'
import { signalTexts } from '../i18n/signals'

export function Signal({ of }: { of: number }) {
  return useTexts(signalTexts)(of)
}
